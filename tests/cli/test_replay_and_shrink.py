"""`melanzana replay` and `melanzana shrink`: from a saved run to a test case, with real processes."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.main import app
from melanzana.graph.formats.text import read_text
from support_jobs import SUITE
from support_suite import write_suite

pytestmark = pytest.mark.slow

MODEL = """
model: Lamp
start: Off
variables:
  force: {type: integer, range: [1, 99], generated: true}
states:
  Off:
    actions:
      press: {to: On, do: lamp:press}
      look: {do: lamp:look}
  On:
    actions:
      press again: {to: Off}
"""
#: `look` fails once the lamp was pressed with some force.
FAILING = """
    pressed = []
    def press(force: int): pressed.append(force)
    def look(): assert not any(force > 5 for force in pressed), f"warm after {len(pressed)}"
"""
#: It fails every second time, whatever is done.
FLAKY = """
    def press(): pass
    def look():
        count = here / "count"
        count.write_text(count.read_text() + "x" if count.exists() else "x")
        assert len(count.read_text()) % 2, "odd"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lamp.yaml").write_text(MODEL, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def saved(folder: Path, code: str, path: str = "random(steps(60))", seed: int = 3) -> Result:
    suite = write_suite(folder / "suite", lamp=f"{dedent(SUITE)}\n{dedent(code)}")
    return call("run", "lamp.yaml", "--suite", suite, "--path", path, "--seed", seed, "--save", "run.json")


def test_a_failing_run_is_replayed_and_shrunk_into_the_model(here: Path) -> None:
    """The replay fails with the same signature; the result is the smallest walk and value, and fails as a test case."""
    assert saved(here, FAILING).exit_code == 1
    replayed = call("replay", "run.json", "--times", 2)
    assert (replayed.exit_code, replayed.stdout.splitlines()[-1]) == (1, "failing: failed 2 of 2 times with the same signature")
    found = call("shrink", "run.json", "--into", "lamp.yaml", "--out", "small.json")
    assert found.exit_code == 0, found.output
    assert "fails in 6 steps, 3 actions instead of " in found.stdout
    [case] = read_text((here / "lamp.yaml").read_text("utf-8")).test_cases
    assert (case.name, case.parameters) == ("look fails", {"force": 6})
    again = call("run", "lamp.yaml", "--suite", "suite", "--test-case", "look fails")
    assert (again.exit_code, "AssertionError: warm after 1" in again.stdout) == (1, True)
    followed = call("run", "lamp.yaml", "--suite", "suite", "--steps", "small.json", "--path", "replay()")
    assert (followed.exit_code, "warm after 1" in followed.stdout) == (1, True)


def test_a_flaky_run_is_told_from_a_failing_one(here: Path) -> None:
    """Failed at times is exit code 5, with the rate; shrink says that it did not come again."""
    assert saved(here, FLAKY, "predefined(look, look)").exit_code == 1
    (here / "suite" / "count").write_text("", "utf-8")
    assert saved(here, FLAKY, "predefined(look)").exit_code == 0
    assert saved(here, FLAKY, "predefined(look)").exit_code == 1
    found = call("replay", "run.json", "--times", 2, "--json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["verdict"], document["message"]) == (5, "flaky", "flaky: failed 1 of 2 times (50%)")
    assert [attempt["same_failure"] for attempt in document["attempts"]] == [False, True]
    found = call("shrink", "run.json")
    assert (found.exit_code, "the failure did not come again" in found.stdout) == (5, True)
    found = call("shrink", "run.json", "--repeat", 2)
    assert (found.exit_code, "flaky: the result failed 1 of 2 times" in found.stdout) == (0, True)


def test_a_run_that_passed_can_be_replayed_and_not_shrunk(here: Path) -> None:
    """Nothing failed: exit code 0 of replay, wrong use of shrink."""
    assert saved(here, FAILING, "predefined(look)").exit_code == 0
    found = call("replay", "run.json")
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (0, "passed once")
    refused = call("shrink", "run.json")
    assert (refused.exit_code, "nothing to shrink" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json"], "there is no file nothing.json"),
        (["lamp.yaml"], "is no saved run"),
        (["run.json", "--suite", "elsewhere"], "elsewhere is not a folder"),
    ],
)
def test_wrong_use_is_said_in_a_line(here: Path, arguments: list[str], message: str) -> None:
    """Exit code 2 with what is wrong."""
    saved(here, FAILING, "predefined(look)")
    found = call("replay", *arguments)
    assert found.exit_code == 2
    assert message in " ".join(found.output.replace("│", " ").split())
