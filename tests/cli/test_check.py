"""`melanzana check`: findings people can read at 80 columns, a document machines can read, and the exit code."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from melanzana.cli.check import check

APP = typer.Typer()
APP.command()(check)

GOOD = "model: Shop\nstart: Home\nstates:\n  Home:\n    actions:\n      stay: Home\n"
BAD = GOOD.replace("stay: Home", "stay: {to: Home, weight: -1}\n      leave: Away\n  Away:") + "variables: {n: text}\n"
WARNED = GOOD.replace("stay: Home", "leave: Away\n  Away:")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to check, named without a folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Path("shop.yaml")


def _run(*arguments: str, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(APP, list(arguments), input=text)
    return result.exit_code, result.output


def test_a_good_model_is_one_line(model: Path) -> None:
    """Nothing found is said in one line, with the model's size, and ends with 0."""
    model.write_text(GOOD, encoding="utf-8")
    assert _run("shop.yaml") == (0, "shop.yaml: 1 state, 1 action, 0 test cases: nothing found\n")


def test_findings_are_placed_and_wrapped(model: Path) -> None:
    """Each finding has its place, severity and code in one line and its message below, within 80 columns; then the summary."""
    model.write_text(BAD, encoding="utf-8")
    code, output = _run("shop.yaml")
    assert code == 1
    assert output == (
        "shop.yaml:6:24: error weight-range\n"
        "  Home/stay: has the weight -1: 0 to 1,000,000,000 is allowed\n"
        "shop.yaml:8:3: warning dead-end\n"
        "  Away: is a dead end: add an action, or lead to `exit` instead\n"
        "shop.yaml:9:13: warning variable-no-initial\n"
        "  model Shop: variable n has no `initial` value: a guard that reads it before it\n"
        "  is set fails\n"
        "\n"
        "shop.yaml: 2 states, 2 actions, 0 test cases: 1 error, 2 warnings\n"
    )
    assert max(map(len, output.splitlines())) <= 80


def test_warnings_fail_only_when_asked(model: Path) -> None:
    """A model with warnings ends with 0, and with 1 under `--fail-on warning`."""
    model.write_text(WARNED, encoding="utf-8")
    assert _run("shop.yaml")[0] == 0
    assert _run("shop.yaml", "--fail-on", "warning")[0] == 1


def test_json_holds_every_finding(model: Path) -> None:
    """`--json` prints one document with the findings, their counts and the model's size."""
    model.write_text(BAD, encoding="utf-8")
    code, output = _run("shop.yaml", "--json")
    document = json.loads(output)
    assert code == 1
    assert document["count"] == {"error": 1, "warning": 2, "info": 0}
    assert (document["format"], document["states"], document["actions"]) == ("text", 2, 2)
    places = [(entry["code"], entry["line"], entry["column"]) for entry in document["findings"]]
    assert places == [("weight-range", 6, 24), ("dead-end", 8, 3), ("variable-no-initial", 9, 13)]


def test_an_unreadable_model_is_a_finding(model: Path) -> None:
    """A file that is no model ends with 1 and names the place."""
    model.write_text(GOOD.replace("start", "strat"), encoding="utf-8")
    code, output = _run("shop.yaml")
    assert code == 1
    assert output.startswith("shop.yaml:2:1: error model_format\n  unknown key `strat`; did you mean `start`?\n")
    assert json.loads(_run("shop.yaml", "--json")[1])["findings"][0]["suggestion"] == "start"


def test_a_missing_file_is_wrong_use(model: Path) -> None:
    """No such file ends with 2 and says so."""
    code, output = _run("nowhere.yaml")
    assert (code, "cannot read nowhere.yaml" in output) == (2, True)


def test_standard_input_is_read(model: Path) -> None:
    """`-` reads the model from standard input."""
    assert _run("-", text=GOOD) == (0, "<stdin>: 1 state, 1 action, 0 test cases: nothing found\n")


def test_terminal_controls_are_not_printed(model: Path) -> None:
    """A name that holds control characters reaches the terminal without them."""
    model.write_text(GOOD.replace("stay: Home", '"\\e[31mred": Nowhere'), encoding="utf-8")
    assert "\x1b" not in _run("shop.yaml")[1]
    model.write_text(GOOD.replace("stay: Home", '"\\e[31mred": Home'), encoding="utf-8")
    code, output = _run("shop.yaml")
    assert (code, "\x1b" in output, "name-character" in output) == (1, False, True)
