"""`melanzana check`: findings people can read at 80 columns, a document machines can read, and the exit code."""

import json
from pathlib import Path
from typing import Any

import jsonschema
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
        "     6 |       stay: {to: Home, weight: -1}\n"
        "       |                        ^\n"
        "shop.yaml:8:3: warning dead-end\n"
        "  Away: is a dead end: add an action, or lead to `exit` instead\n"
        "     8 |   Away:\n"
        "       |   ^\n"
        "shop.yaml:9:13: warning variable-no-initial\n"
        "  model Shop: variable n has no `initial` value: a guard that reads it before it\n"
        "  is set fails\n"
        "     9 | variables: {n: text}\n"
        "       |             ^\n"
        "shop.yaml:9:13: info variable-unused\n"
        "  model Shop: variable n is named nowhere in the model: remove it, unless action\n"
        "  code reads it\n"
        "     9 | variables: {n: text}\n"
        "       |             ^\n"
        "\n"
        "shop.yaml: 2 states, 2 actions, 0 test cases: 1 error, 2 warnings, 1 remark\n"
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
    assert document["count"] == {"error": 1, "warning": 2, "info": 1}
    assert (document["format"], document["states"], document["actions"]) == ("text", 2, 2)
    places = [(entry["code"], entry["line"], entry["column"]) for entry in document["findings"]]
    assert places == [("weight-range", 6, 24), ("dead-end", 8, 3), ("variable-no-initial", 9, 13), ("variable-unused", 9, 13)]


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


BARRED = """model: Shop
start: Home
variables: {basket: {type: integer, initial: 0, range: [0, 3]}}
states:
  Home:
    actions:
      add: {do: "steps:add", set: {basket: basket + 1}}
      leave: exit
      pay:
        to: exit
        when: basket > 9
"""


def test_what_only_a_search_finds_has_its_place(model: Path) -> None:
    """A guard that the data never make true is found, at its own line."""
    model.write_text(BARRED, encoding="utf-8")
    code, output = _run("shop.yaml", "--fail-on", "warning")
    assert (code, "shop.yaml:11:9: warning guard-never\n" in output) == (1, True)
    assert "    11 |         when: basket > 9\n       |         ^\n" in output


def test_codes_are_selected_and_ignored(model: Path) -> None:
    """Only what is shown counts; an unknown code is wrong use, with the one that was meant."""
    model.write_text(BARRED, encoding="utf-8")
    assert _run("shop.yaml", "--fail-on", "info", "--ignore", "guard-never")[0] == 0
    assert _run("shop.yaml", "--fail-on", "info", "--select", "dead-end,no-way-out")[0] == 0
    assert _run("shop.yaml", "--fail-on", "info", "--select", "guard-never")[0] == 1
    assert _run("shop.yaml", "--fail-on", "never")[0] == 0
    code, output = _run("shop.yaml", "--ignore", "guard-nevr")
    assert (code, "did you mean" in output) == (2, True)


def test_a_path_expression_is_checked(model: Path) -> None:
    """A stop condition that can never be met is an error that names what blocks it."""
    model.write_text(BARRED, encoding="utf-8")
    code, output = _run("shop.yaml", "--path", "random(reached(pay))")
    assert code == 1
    assert "error goal-impossible\n" in output
    assert "'pay' cannot be reached: its guard `basket > 9` is never true" in " ".join(output.split())
    assert _run("shop.yaml", "--path", "random(reached(add))")[0] == 0


def test_a_suite_is_checked(model: Path, tmp_path: Path) -> None:
    """References without a function are errors; marks that name nothing are warnings; the rest is counted."""
    model.write_text(BARRED, encoding="utf-8")
    suite = tmp_path / "suite"
    suite.mkdir()
    steps = suite / "steps.py"
    steps.write_text("from melanzana import action\n\n@action('laeve')\ndef leave_it(): ...\n", encoding="utf-8")
    found = json.loads(_run("shop.yaml", "--suite", "suite", "--json")[1])["findings"]
    by_code = {entry["code"]: entry for entry in found}
    assert (by_code["suite-missing"]["line"], "add" in by_code["suite-missing"]["message"]) == (7, True)
    assert "laeve" in by_code["suite-unmatched"]["message"]
    assert "2 of 3 actions have no code" in by_code["suite-gaps"]["message"]


def test_a_suite_that_has_everything_is_clean(model: Path, tmp_path: Path) -> None:
    """Functions named like the elements count; a module that cannot be imported is an error."""
    model.write_text(BARRED.replace("steps:add", "whole:add"), encoding="utf-8")
    (tmp_path / "good").mkdir()
    (tmp_path / "good/whole.py").write_text("def add(): ...\ndef leave(): ...\ndef pay(): ...\n", encoding="utf-8")
    assert _run("shop.yaml", "--suite", "good", "--ignore", "guard-never", "--fail-on", "info")[0] == 0
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/broken.py").write_text("def add(:\n", encoding="utf-8")
    assert "suite-broken" in _run("shop.yaml", "--suite", "bad")[1]


TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
#: What the schema of SARIF 2.1.0 requires of the parts that are written here.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "tool": {
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "required": ["name", "rules"],
                            "properties": {"rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}}},
                        }
                    },
                },
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "rule": {
            "required": ["id", "shortDescription", "help"],
            "properties": {"id": {"type": "string"}, "shortDescription": TEXT, "help": TEXT},
        },
        "result": {
            "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
            "properties": {
                "level": {"enum": ["none", "note", "warning", "error"]},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "message": TEXT,
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
                "locations": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/location"}},
            },
        },
        "location": {
            "required": ["physicalLocation"],
            "properties": {
                "physicalLocation": {
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {"required": ["uri"], "properties": {"uri": {"type": "string"}}},
                        "region": {
                            "required": ["startLine"],
                            "properties": {
                                "startLine": {"type": "integer", "minimum": 1},
                                "startColumn": {"type": "integer", "minimum": 1},
                            },
                        },
                    },
                }
            },
        },
    },
}


def _results(*arguments: str) -> list[dict[str, Any]]:
    document = json.loads(_run("shop.yaml", "--format", "sarif", *arguments)[1])
    jsonschema.Draft202012Validator(SARIF).validate(document)
    (run,) = document["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    return list(run["results"])


@pytest.mark.parametrize("text", [GOOD, BAD, BARRED, GOOD.replace("start", "strat")], ids=["good", "bad", "barred", "unreadable"])
def test_sarif_is_valid(model: Path, text: str) -> None:
    """Each kind of file gives a log that the schema of SARIF accepts, one result for each finding."""
    model.write_text(text, encoding="utf-8")
    found = json.loads(_run("shop.yaml", "--json")[1])["findings"]
    assert [result["ruleId"] for result in _results()] == [entry["code"] for entry in found]


def test_fingerprints_do_not_move_with_lines(model: Path) -> None:
    """Lines added above leave every fingerprint as it was, and no two results share one."""
    model.write_text(BAD, encoding="utf-8")
    before = _results()
    model.write_text("# a note\n\n" + BAD, encoding="utf-8")
    after = _results()
    prints = [result["partialFingerprints"] for result in before]
    assert prints == [result["partialFingerprints"] for result in after]
    assert len({str(entry) for entry in prints}) == len(prints)
    regions = [[r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in results] for results in (before, after)]
    assert [line + 2 for line in regions[0]] == regions[1]


def test_findings_in_json_files_have_places_too(model: Path) -> None:
    """A GraphWalker file's finding stands where the element stands in the file."""
    graph = {
        "models": [{"name": "M", "startElementId": "v0", "vertices": [{"id": "v0", "name": "A"}, {"id": "v1", "name": "Lost"}]}]
    }
    Path("m.json").write_text(json.dumps(graph, indent=1), encoding="utf-8")
    found = json.loads(_run("m.json", "--json")[1])["findings"]
    assert found
    assert [entry for entry in found if entry["code"] in ("dead-end", "state-unreachable") and "line" not in entry] == []


SHOP = "model: Shop\nstart: Home\nstates:\n  Home: {shared: HOME, actions: {go: Cart}}\n  Cart: {}\n"
WAY_OUT = "model: Till\nstart: Hall\nstates:\n  Hall: {shared: HOME, actions: {leave: Cart}}\n  Cart: {actions: {pay: exit}}\n"


def test_joined_files_are_checked_as_one_model(model: Path) -> None:
    """What one file says is dead leads on through the other; what stays wrong has its place in the first file."""
    model.write_text(SHOP, encoding="utf-8")
    Path("till.yaml").write_text(WAY_OUT.replace("Cart", "Till"), encoding="utf-8")
    alone = json.loads(_run("shop.yaml", "--json")[1])
    assert [entry["code"] for entry in alone["findings"]] == ["dead-end"]
    code, output = _run("shop.yaml", "--join", "till.yaml", "--json", "--path", "tour()")
    together = json.loads(output[output.index("{") :])
    assert code == 0
    assert (together["states"], together["actions"]) == (4, 3)
    assert [(entry["code"], entry["line"]) for entry in together["findings"]] == [("dead-end", 5)]


def test_standard_input_cannot_be_joined() -> None:
    """It would have to be read twice."""
    code, output = _run("-", "--join", "till.yaml", text=SHOP)
    assert code == 2
    assert "read once" in output
