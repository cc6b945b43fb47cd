"""DAI model JSON: what is read from it, and that nothing is lost on the way through it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from melanzana.errors import FormatError
from melanzana.graph.findings import Severity
from melanzana.graph.formats.dai import read_dai, write_dai
from melanzana.graph.formats.dai.reader import read_noted
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import ActionKind, Box, Input, Model, Output, ParameterType, Range, StateKind
from melanzana.graph.validation import validate
from support_models import models

SAMPLES = Path(__file__).parents[1] / "samples"


def _sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def _element(document: Any, name: str) -> Any:
    return next(entry for entry in document["definition"]["elements"] if entry["name"] == name)


@given(models())
def test_dai_gives_back_the_model(model: Model) -> None:
    """A model written as DAI JSON and read again is the same model."""
    document = json.loads(json.dumps(write_dai(model), allow_nan=False))
    assert read_dai(document) == model


@pytest.mark.parametrize("name", ["tickets.dai.json", "old_shop.dai.json"])
def test_samples_break_no_rule(name: str) -> None:
    """The sample files are models without errors."""
    assert [finding.message for finding in validate(read_dai(_sample(name))) if finding.severity is Severity.ERROR] == []


def test_states_are_told_by_their_kind() -> None:
    """Exit, Error, Cleanup and Start are recognised, in the newer files and in those without sorting types."""
    expected = [StateKind.EXIT, StateKind.ERROR, StateKind.CLEANUP, StateKind.START, StateKind.NORMAL]
    assert [state.kind for state in read_dai(_sample("tickets.dai.json")).states] == expected
    assert [state.kind for state in read_dai(_sample("old_shop.dai.json")).states] == expected


def test_parameters_are_typed() -> None:
    """Text becomes values of the parameter's type, weights may be text, and the blank parameter is none."""
    count, user, signed_in = read_dai(_sample("tickets.dai.json")).parameters
    assert (count.type, count.initial, count.ranges) == (ParameterType.INTEGER, 0, (Range(values=(0, 1, 2, 3)),))
    assert (user.type, user.initial, user.generated) == (ParameterType.SET, "guest", True)
    assert (signed_in.type, signed_in.initial) == (ParameterType.BOOLEAN, False)
    assert read_dai(_sample("old_shop.dai.json")).parameters == ()


def test_actions_are_read_whole() -> None:
    """Preconditions become one guard, `currentState` is `state`, a Sequent action is a target, inputs follow their order."""
    model = read_dai(_sample("tickets.dai.json"))
    start, seats = model.states[3:]
    opening = start.actions[0].snippets[0]
    take, confirm, back = seats.actions
    assert opening.reference == "Shop:open"
    assert opening.inputs == (Input(expression="`item count`"), Input(expression="user"))
    assert opening.outputs == (Output(variable="signed in"),)
    assert take.guard == '`item count` < 3 && user == "member" && `signed in` != true'
    assert (take.targets, take.weight, take.call_limit) == ((confirm.id,), 70, 3)
    assert (confirm.kind, back.kind, back.sub_models) == (ActionKind.SEQUENT, ActionKind.PREVIOUS, ("Help",))
    assert model.global_actions[0].guard == 'state == "Seats"'
    assert model.layout[seats.id] == Box(x=220, y=20, width=120, height=40)
    assert seats.snippets[0].reference == "Shop.Seats:run"


def test_test_cases_of_actions_that_are_gone_are_kept_aside() -> None:
    """A test case with a step that no longer exists is noted and written again as it was."""
    document = _sample("tickets.dai.json")
    reading = read_noted(document)
    assert [case.name for case in reading.model.test_cases] == ["buy a ticket"]
    assert [note.code for note in reading.notes] == ["dai-test-case"]
    assert write_dai(reading.model)["test_cases"] == document["test_cases"]


def test_an_export_is_written_again_as_it_was() -> None:
    """Reading an export and writing it changes nothing but spellings: numbers as text, empty fields, the order of inputs."""
    document = _sample("tickets.dai.json")
    written = write_dai(read_dai(document))
    assert _normal(written) == _normal(document)


def _normal(value: Any) -> Any:
    if isinstance(value, list):
        items = [_normal(item) for item in value]
        return (
            sorted(items, key=lambda item: item["order"]) if items and isinstance(items[0], dict) and "order" in items[0] else items
        )
    if not isinstance(value, dict):
        return value
    found = {key: _normal(item) for key, item in value.items() if not (key in ("numBins", "snippets") and not item)}
    return found | ({"weight": int(found["weight"])} if "weight" in found else {})


def test_old_patterns_become_test_cases_where_they_mean_one_chain() -> None:
    """A pattern with one meaning becomes steps; another is noted and kept as it was."""
    reading = read_noted(_sample("old_shop.dai.json"))
    cases = {case.name: [step.action for step in case.steps] for case in reading.model.test_cases}
    assert cases == {"in and out": ["6", "7"], "through the shop": ["6"]}
    assert [entry["testcaseName"] for entry in reading.model.extras["testcases"]] == ["twice"]
    assert {note.code for note in reading.notes} == {"dai-test-case", "dai-action-type", "dai-snippet"}
    assert write_dai(reading.model)["definition"]["testcases"][0]["testcaseName"] == "twice"


def test_snippets_without_a_script_come_back() -> None:
    """A snippet that names no script is not called, and is written again."""
    document = write_dai(read_dai(_sample("old_shop.dai.json")))
    assert _element(document, "Initial")["snippets"] == [{"type": "custom", "name": "by hand"}]
    assert _element(document, "go home")["actionType"] == "Guided"


def test_the_extension_holds_only_what_dai_cannot() -> None:
    """A guard of comparisons is written as preconditions; anything more is carried beside them."""
    text = "model: m\nstart: a\nvariables: {x: {type: integer, initial: 0}}\nstates: {a: {actions: {p: {when: %s}}}}\n"
    plain = _element(write_dai(read_text(text % "x > 1 && x != 3")), "p")
    assert plain["preconditions"] == [
        {"parameterName": "x", "condition": ">", "value": "1"},
        {"parameterName": "x", "condition": "!=", "value": "3"},
    ]
    assert "x_melanzana" not in plain
    more = _element(write_dai(read_text(text % "x > 1 || x == 0")), "p")
    assert (more["preconditions"], more["x_melanzana"]) == ([], {"guard": "x > 1 || x == 0"})


@pytest.mark.parametrize(
    ("change", "words", "path"),
    [
        (lambda d: _element(d, "go back").update(connectedStates=[{"stateRef": 5}]), "leads to 5", "/connectedStates/0"),
        (lambda d: _element(d, "go back").update(parentId=77001), "belongs to 77001", "/parentId"),
        (lambda d: _element(d, "go back").update(id=905), "two elements have the id 905", ""),
        (lambda d: _element(d, "Seats").update(stateType="Strange"), "state type 'Strange'", "/stateType"),
        (lambda d: _element(d, "Seats").update(type="Thing"), "type 'Thing'", "/type"),
        (lambda d: _element(d, "go back").update(weight="heavy"), "must be an integer", "/weight"),
        (lambda d: _element(d, "take a seat")["preconditions"][0].update(condition="like"), "'like'", "/condition"),
        (lambda d: _element(d, "go back").update(x_melanzana={"weight": "1"}), "must be an integer", "/x_melanzana/weight"),
        (lambda d: _element(d, "go back").update(x_melanzana={"wait": 1}), "unknown key `wait`", "/x_melanzana"),
        (lambda d: _element(d, "go back").update(x_melanzana={"snippets": [{}]}), "does not hold everything", "/snippets/0"),
        (lambda d: d["definition"].update(elements=[]), "has `elements`", "/elements"),
        (lambda d: d.update(definition=[1]), "must be a map", "/definition"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_by_place(change: Any, words: str, path: str) -> None:
    """A reference into nothing, an unknown word or a wrong type is an error that names its JSON pointer."""
    document = _sample("tickets.dai.json")
    change(document)
    with pytest.raises(FormatError) as caught:
        read_dai(document)
    assert words in caught.value.message
    assert caught.value.detail["path"].endswith(path)


def test_values_that_do_not_fit_their_type_are_kept() -> None:
    """An initial value or range that the type cannot hold is not guessed: it stays in the file and is written again."""
    document = _sample("tickets.dai.json")
    count = document["definition"]["elements"][0]["parameters"][0]
    count.update(initial="many", ranges=[{"values": "a,b", "weight": 100, "distribution": "Flat"}])
    model = read_dai(document)
    assert (model.parameters[0].initial, model.parameters[0].ranges) == (None, ())
    again = write_dai(model)["definition"]["elements"][0]["parameters"][0]
    assert (again["initial"], again["ranges"]) == (count["initial"], count["ranges"])
    assert read_dai(write_dai(model)) == model
