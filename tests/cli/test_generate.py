"""`melanzana generate` prints paths for people and for machines and says with its exit code whether they are complete."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.main import app, exit_code
from melanzana.errors import MelanzanaError

MODEL = """
model: Lamp
start: Off
variables:
  n: {type: integer, initial: 0, range: [0, 3]}
states:
  Off:
    actions:
      press: {to: On, set: n = n + 1}
  On:
    actions:
      press again: Off
      throw away: {to: exit, when: n > 1}
cleanup: {}
test cases:
  twice: {steps: [press, press again, press, throw away]}
  impossible: {steps: [press, throw away], with: {n: 0}}
"""

Generate = Callable[..., Result]


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generate:
    """Runs the command on the lamp's model on a terminal of 80 columns."""
    file = tmp_path / "lamp.yaml"
    file.write_text(MODEL, "utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments, **more: CliRunner().invoke(app, ["generate", str(file), *arguments], **more)


def test_a_path_is_one_step_a_line_and_repeatable(generate: Generate) -> None:
    """The same seed prints the same."""
    first = generate("--path", "random(iterations(2))", "--seed", "5")
    assert first.exit_code == 0
    assert first.output.splitlines()[:4] == ["Lamp: random(iterations(2)), seed 5", "   1  Off", "   2    press → On", "   3  On"]
    assert "iteration 2" in first.output
    assert first.output.splitlines()[-1].endswith("2 iterations: passed, stop condition")
    assert generate("--path", "random(iterations(2))", "--seed", "5").output == first.output
    assert max(len(line) for line in first.output.splitlines()) <= 80


def test_without_a_seed_one_is_chosen_and_named(generate: Generate) -> None:
    """So the path can be made again."""
    first = generate("--json")
    seed = json.loads(first.output)["seed"]
    assert generate("--json", "--seed", str(seed)).output == first.output


def test_json_holds_the_steps_and_their_data(generate: Generate) -> None:
    """One document for a machine."""
    found = json.loads(generate("--test-case", "twice", "--seed", "1", "--json").output)
    assert found["path"] == 'directed("twice")'
    assert found["outcome"] == {"verdict": "passed", "reason": "test_case_done", "message": ""}
    assert found["count"] == {"steps": 10, "actions": 4, "iterations": 1}
    assert found["coverage"]["transitions"] == {"covered": 3, "total": 3, "ratio": 1.0}
    actions = [(step["name"], step["target_name"], step["data"]) for step in found["steps"] if step["kind"] == "action"]
    assert actions[:2] == [("press", "On", {"n": 0}), ("press again", "Off", {"n": 1})]


def test_stats_are_the_figures_without_the_path(generate: Generate) -> None:
    """States, actions, transitions, what is missing, the speed."""
    output = generate("--stats", "--path", "random(actions(1))", "--seed", "1").output
    assert "  states            2 of      3   66.7%" in output
    assert "  not covered: Exit, press again, throw away" in output
    assert "steps a second" in output
    assert "→" not in output
    assert "steps" not in json.loads(generate("--stats", "--json").output)


def test_stats_of_a_long_walk_are_those_of_its_steps(generate: Generate) -> None:
    """From some length on they are reckoned without making the steps."""
    arguments = ("--path", "random(actions(15000))", "--seed", "1", "--json")
    figures, whole = json.loads(generate(*arguments, "--stats").output), json.loads(generate(*arguments).output)
    assert len(whole.pop("steps")) == figures["count"]["steps"] > 20_000
    assert figures == whole


def test_max_steps_stops_and_an_incomplete_path_is_no_success(generate: Generate) -> None:
    """Unless only --max-steps could have stopped it."""
    cut = generate("--path", "random(iterations(9))", "--max-steps", "4")
    assert cut.exit_code == 1
    assert "stopped by --max-steps" in cut.output
    assert generate("--path", "random(never)", "--max-steps", "4").exit_code == 0


def test_a_path_that_ends_as_an_error_is_no_success(generate: Generate) -> None:
    """`press` would leave the bounds of n in every iteration, so nothing can ever be done."""
    done = generate("--path", "random(actions(1))", "--seed", "1", "--param", "n=3")
    assert done.exit_code == 1
    assert "error, dead end: 100 iterations in a row could not perform a single action" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--path", "random(never)"], "add another condition or --max-steps"),
        (["--path", "random(time(5))"], "add another condition or --max-steps"),
        (["--path", "random(steps(x))"], "a whole number"),
        (["--test-case", "thrice"], "did you mean 'twice'"),
        (["--path", "random(never)", "--test-case", "twice"], "not both"),
        (["--param", "n"], "name=value"),
        (["--param", "n=x"], "a whole number"),
        (["--param", "m=1"], "no parameter 'm'"),
        (["--param", "n=7"], "outside the bounds"),
        (["--seed", "-1"], "seed"),
        (["--max-steps", "0"], "max-steps"),
    ],
)
def test_wrong_use_is_told_with_exit_code_two(generate: Generate, arguments: list[str], part: str) -> None:
    """Nothing is generated then."""
    done = generate(*arguments)
    assert done.exit_code == 2
    assert part in " ".join(done.output.replace("│", " ").split())


def test_an_impossible_test_case_names_the_step(generate: Generate) -> None:
    """It is what was checked that failed: exit code 1."""
    done = generate("--test-case", "impossible", "--param", "n=3")
    assert isinstance(done.exception, MelanzanaError)
    assert exit_code(done.exception) == 1
    assert "step 1 ('press') of test case 'impossible' cannot follow" in done.exception.message


def test_a_path_expression_is_pointed_at(generate: Generate) -> None:
    """The mark stands below the character meant."""
    lines = generate("--path", "random(steps(5) ors steps(6))").output.splitlines()
    assert lines[1].strip() == "random(steps(5) ors steps(6))"
    assert lines[1][lines[2].index("^") :].startswith("ors")


def test_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    """Exit code 2 and one line."""
    done = CliRunner().invoke(app, ["generate", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert "cannot read" in done.output


BRANCHES = """
model: Branches
start: Root
states:
  Root: {actions: {left: L, right: R, down: D}}
  L: {actions: {left again: L2}}
  L2: {actions: {home from left: Root}}
  R: {actions: {home from right: Root}}
  D: {actions: {end: exit}}
"""


def test_a_tour_is_cut_and_shared_out_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--split` and `--shard` go around the path, and the parts are called test cases."""
    file = tmp_path / "branches.yaml"
    file.write_text(BRANCHES, "utf-8")
    monkeypatch.setenv("COLUMNS", "80")

    def generated(*more: str) -> str:
        done = CliRunner().invoke(app, ["generate", str(file), "--seed", "1", "--split", "8", *more])
        assert done.exit_code == 0
        return done.output

    lines = generated().splitlines()
    assert lines[0] == "Branches: split(tour(), 8), seed 1"
    assert "test case 2" in lines
    assert "test cases: passed" in lines[-1]
    assert max(map(len, lines)) <= 80
    shares = [json.loads(generated("--shard", f"{share}/2", "--json")) for share in (1, 2)]
    assert shares[1]["path"] == "shard(split(tour(), 8), 2/2)"
    assert all(case["last_step"] - case["first_step"] < 8 for share in shares for case in share["test_cases"])
    taken = [{step["name"] for step in share["steps"] if step["kind"] == "action"} for share in shares]
    assert len(taken[0] | taken[1]) == 7
    assert taken[0] != taken[1]


def test_a_tour_says_whether_it_is_the_shortest(generate: Generate) -> None:
    """In both forms; a random walk says nothing."""
    assert "no path does the same for less" in generate("--path", "tour()", "--stats").output
    assert json.loads(generate("--path", "tour()", "--json").output)["exact"] is True
    assert json.loads(generate("--path", "random(steps(3))", "--json").output)["exact"] is None


def test_durations_are_read_by_name_and_wrong_ones_refused(generate: Generate, tmp_path: Path) -> None:
    """Each message names the option and what is wrong."""
    file = tmp_path / "durations.json"
    file.write_text('{"press": 2.5, "On": 1}', "utf-8")
    assert generate("--path", "tour()", "--durations", str(file)).exit_code == 0
    for text, message in [
        ("[1]", "seconds, …}"),
        ("{", "is no JSON"),
        ('{"pres": 1}', "no state or action 'pres'"),
        ('{"press": -1}', "takes seconds from 0"),
    ]:
        file.write_text(text, "utf-8")
        refused = generate("--path", "tour()", "--durations", str(file))
        assert refused.exit_code == 2
        assert message in refused.output.replace("\n", " ").replace("│ ", "").replace(" │", "")


@pytest.mark.parametrize("arguments", [["--split", "5", "--path", "random(never)"], ["--shard", "1/2", "--test-case", "twice"]])
def test_only_tours_are_cut(generate: Generate, arguments: list[str]) -> None:
    """Anything else is a wrong use of the command."""
    assert generate(*arguments).exit_code == 2


def test_steps_of_a_file_are_followed_also_as_a_part_of_a_chain(generate: Generate, tmp_path: Path) -> None:
    """Alone they are the whole path."""
    file = tmp_path / "steps.json"
    file.write_text('["press", "press again", "press"]', "utf-8")
    alone = json.loads(generate("--steps", str(file), "--json", "--seed", "1").output)
    assert alone["path"] == "predefined()"
    assert [step["name"] for step in alone["steps"] if step["kind"] == "action"] == ["press", "press again", "press"]
    more = json.loads(
        generate("--steps", str(file), "--path", "predefined() then shortest(reached('throw away'))", "--json").output
    )
    assert [step["name"] for step in more["steps"] if step["kind"] == "action"][3:] == ["throw away"]
    assert generate("--steps", str(tmp_path / "none.json")).exit_code == 2


def test_exploring_begins_with_the_history_of_a_file(generate: Generate, tmp_path: Path) -> None:
    """Another path than without it, and the same every time; what is no history is refused."""
    file = tmp_path / "seen.json"
    walked = ("--path", "explore(actions(6))", "--seed", "2", "--json")
    before = json.loads(generate(*walked).output)["steps"]
    actions = sorted({(step["id"], step["target"]) for step in before if step["kind"] == "action"})[:2]
    file.write_text(
        json.dumps({"version": 1, "transitions": [[a, t, 9, 0] for a, t in actions], "pairs": [[0, 1], [1, 0]]}), "utf-8"
    )
    after = json.loads(generate(*walked, "--history", str(file)).output)["steps"]
    assert after == json.loads(generate(*walked, "--history", str(file)).output)["steps"]
    file.write_text("[]", "utf-8")
    assert generate(*walked, "--history", str(file)).exit_code == 2
