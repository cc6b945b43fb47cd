"""XState machines: leaves of the statechart, events as actions, code by name only."""

import json
from typing import Any

import pytest

from melanzana.errors import FormatError
from melanzana.graph.formats.reading import ReadResult, read_model
from melanzana.graph.model import StateKind

MACHINE: dict[str, Any] = {
    "id": "checkout",
    "initial": "cart",
    "context": {"n": 0, "list": []},
    "on": {"HELP": "#checkout.help", "RESET": ".cart"},
    "states": {
        "cart": {"on": {"ADD": {"actions": ["inc"]}, "PAY": [{"target": "pay", "guard": "ready"}, "cart"], "RESET": None}},
        "pay": {
            "initial": "card",
            "tags": ["slow"],
            "on": {"BACK": "cart"},
            "states": {
                "card": {"after": {"1000": "done"}, "entry": "focus", "on": {"BACK": {}}},
                "done": {"always": "#checkout.end"},
            },
        },
        "help": {"description": "a page"},
        "end": {"type": "final"},
    },
}


def read(machine: dict[str, Any]) -> ReadResult:
    return read_model(json.dumps(machine).encode())


def test_a_statechart_becomes_its_leaves() -> None:
    """Nested states are their leaves, transitions of outer states belong to each, inner ones hide them."""
    result = read(MACHINE)
    model = result.model
    assert result.format == "xstate"
    assert [(state.name, state.kind) for state in model.states] == [
        ("cart", StateKind.START),
        ("card", StateKind.NORMAL),
        ("done", StateKind.NORMAL),
        ("help", StateKind.NORMAL),
        ("end", StateKind.EXIT),
    ]
    names = {state.id: state.name for state in model.states}
    ways = {
        (state.name, action.name): [names[target] for target in action.targets]
        for state in model.states
        for action in state.actions
    }
    assert ways == {
        ("cart", "ADD"): [],
        ("cart", "PAY"): ["card"],
        ("cart", "PAY (2)"): ["cart"],
        ("card", "after 1000"): ["done"],
        ("card", "BACK"): [],
        ("card", "RESET"): ["cart"],
        ("done", "always"): ["end"],
        ("done", "BACK"): ["cart"],
        ("done", "RESET"): ["cart"],
        ("help", "RESET"): ["cart"],
    }
    assert [(action.name, [names[target] for target in action.targets]) for action in model.global_actions] == [("HELP", ["help"])]


def test_code_is_named() -> None:
    """A guard or action that is a name of code, and a variable of another kind, are notes."""
    result = read(MACHINE)
    assert sorted(note.code for note in result.notes) == ["xstate-code", "xstate-code", "xstate-context", "xstate-guard"]
    pay = next(action for action in result.model.states[0].actions if action.name == "PAY")
    assert (pay.guard, pay.extras["guard"]) == (None, "ready")


def test_later_candidates_deny_the_guards_before() -> None:
    """Of several candidates the first whose guard holds is taken, so the next has that guard denied."""
    own = {"type": "melanzana.guard", "params": {"expression": "n > 0"}}
    machine = {
        "initial": "a",
        "context": {"n": 0},
        "states": {"a": {"on": {"GO": [{"target": "b", "guard": own}, "a"]}}, "b": {}},
    }
    assert [action.guard for action in read(machine).model.states[0].actions] == ["n > 0", "!(n > 0)"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "parallel"}, "parallel states"),
        ({"states": {}}, "no states"),
        ({"initial": "crt"}, "did you mean `cart`"),
        ({"on": {"HELP": "#checkot.help"}}, "did you mean `checkout`"),
        ({"on": {"HELP": ["#checkout.help", 3]}}, "must be text"),
        ({"on": {"HELP": {"target": [".cart", ".help"]}}}, "several states at once"),
    ],
)
def test_errors_have_a_place(change: dict[str, Any], message: str) -> None:
    """What cannot be read is named with line and column."""
    with pytest.raises(FormatError, match=message) as caught:
        read_model(json.dumps(MACHINE | change, indent=1).encode())
    assert caught.value.detail["line"] >= 1


def test_a_second_final_state_is_noted() -> None:
    """A model has one exit."""
    machine = {"initial": "a", "states": {"a": {"on": {"X": "b", "Y": "c"}}, "b": {"type": "final"}, "c": {"type": "final"}}}
    result = read(machine)
    assert [state.kind for state in result.model.states] == [StateKind.START, StateKind.EXIT, StateKind.NORMAL]
    assert [note.code for note in result.notes] == ["xstate-final"]
