"""Edits of a model: what each does, that it is said as text, and that names, ids and references stay together."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import FormatError, MelanzanaError, NotFoundError, RequestError
from melanzana.graph.editing.applying import apply, apply_all
from melanzana.graph.editing.edits import Edit, Op, edit_from_json
from melanzana.graph.editing.structure import empty_model
from melanzana.graph.formats.text import read_text, write_text
from melanzana.graph.model import Model, derived_id
from support_models import models

TEXT = """
model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0}
states:
  Home:
    actions:
      search: Results
      leave: exit
  Results:
    actions:
      add: {when: basket < 5, set: {basket: basket + 1}}
      back: Home
anywhere:
  go home: Home
test cases:
  buy: {steps: [search, add, back]}
"""


def shop() -> Model:
    return read_text(TEXT)


def edited(model: Model, *edits: dict[str, Any]) -> Model:
    return apply_all(model, map(edit_from_json, edits)).model


def test_three_states_are_drawn_and_are_the_text_that_an_author_writes() -> None:
    """From nothing, gesture by gesture, to a text without an id in it."""
    model = edited(
        empty_model("Doors", "Hall"),
        {"op": "add_state", "name": "Room"},
        {"op": "add_state", "name": "Cellar", "fields": {"check": "doors:is_dark"}},
        {"op": "add_action", "element": "Hall", "name": "open", "fields": {"to": "Room", "when": "tries < 3"}},
        {"op": "add_action", "element": "Room", "name": "descend"},
        {"op": "connect", "element": "Room/descend", "target": "Cellar"},
        {"op": "add_action", "element": "Cellar", "name": "leave"},
        {"op": "connect", "element": "Cellar/leave", "target": "exit"},
        {"op": "change", "fields": {"variables": {"tries": {"type": "integer", "initial": 0}}}},
        {"op": "add_case", "name": "down", "fields": {"steps": ["open", "descend"]}},
    )
    assert (
        write_text(model)
        == """model: Doors
start: Hall

variables:
  tries: {type: integer, initial: 0}

states:
  Hall:
    actions:
      open: {to: Room, when: tries < 3}
  Room:
    actions:
      descend: Cellar
  Cellar:
    check: doors:is_dark
    actions:
      leave: exit

test cases:
  down: {steps: [open, descend]}
"""
    )


def test_a_renamed_state_takes_everything_along() -> None:
    """Targets, start, test cases and ids follow; what a text would not say is not said."""
    model = edited(shop(), {"op": "rename", "element": "Home", "name": "Front page"})
    assert "id:" not in write_text(model)
    assert read_text(TEXT.replace("Home", "Front page")) == model


def test_a_renamed_action_and_a_renamed_model_keep_their_references() -> None:
    """A model keeps its own id when it gets another name, its elements get those of their places."""
    model = edited(shop(), {"op": "rename", "element": "Results/add", "name": "put in"}, {"op": "rename", "name": "Store"})
    assert model.id == shop().id
    assert model.name == "Store"
    assert model.test_cases[0].steps[1].action == derived_id("Store", "Results", "put in")
    assert read_text(write_text(model)) == model


def test_an_id_that_a_file_brought_stays() -> None:
    """Coverage of a model with ids of its own follows a renamed element."""
    text = TEXT.replace("  Results:\n", "  Results:\n    id: r-1\n")
    model = edited(read_text(text), {"op": "rename", "element": "r-1", "name": "Hits"})
    assert next(state.id for state in model.states if state.name == "Hits") == "r-1"


def test_deleting_a_state_mends_what_led_there() -> None:
    """Actions that led only there stay, test cases go without its steps, and the sentence tells both."""
    done = apply(shop(), Edit(op=Op.DELETE, element="Results"))
    assert [state.name for state in done.model.states] == ["Home", "Exit"]
    assert done.model.states[0].actions[0].targets == ()
    assert len(done.model.test_cases[0].steps) == 1
    assert done.sentence == (
        "deleted state 'Results'; what led only there stays now: 'search'; test cases go without its steps: 'buy'"
    )


def test_a_duplicated_state_leads_to_itself_where_the_first_did() -> None:
    """The second one's loops are its own."""
    loop = edited(shop(), {"op": "connect", "element": "Results/add", "target": "Results"})
    model = edited(loop, {"op": "duplicate", "element": "Results"})
    second = next(state for state in model.states if state.name == "Results copy")
    assert second.actions[0].targets == (second.id,)
    assert second.actions[1].targets == (model.states[0].id,)
    assert [case.name for case in edited(model, {"op": "duplicate", "element": "test case/buy"}).test_cases] == ["buy", "buy copy"]


@pytest.mark.parametrize(
    ("edit", "field", "words"),
    [
        ({"op": "add_state", "name": " "}, "name", "a name is missing"),
        ({"op": "add_state", "name": "Home"}, "name", "there is a state 'Home' already"),
        ({"op": "add_action", "element": "Home", "name": "search"}, "name", "'Home' has an action 'search' already"),
        ({"op": "connect", "element": "Home/search", "target": "Nowhere"}, "target", "is no state"),
        ({"op": "connect", "element": "Home/search", "target": "Results"}, "target", "leads there already"),
        ({"op": "disconnect", "element": "Home/search", "target": "Home"}, "target", "does not lead there"),
        ({"op": "delete", "element": "Home"}, "element", "a run begins in this state"),
        ({"op": "delete"}, "element", "delete a state"),
        ({"op": "start", "element": "Home"}, "element", "an ordinary state only"),
        ({"op": "paint"}, "op", "op is one of"),
        ({"op": "change", "element": "Home", "fields": {"colour": "red"}}, "colour", "a state has no field 'colour'"),
        ({"op": "change", "element": "Home/search", "fields": {"weight": "heavy"}}, "weight", "integer"),
        ({"op": "change", "element": "Home/search", "fields": {"to": "Nowhere"}}, "to", "no state is called"),
        ({"op": "change", "element": "Home/search", "fields": {"with": {"a": "1"}}}, "with", "beside a single `do`"),
        ({"op": "change", "element": "test case/buy", "fields": {"steps": ["fly"]}}, "steps", "no action is called"),
    ],
)
def test_an_edit_that_cannot_be_made_names_the_field(edit: dict[str, Any], field: str, words: str) -> None:
    """The error says which field is wrong and why; the model is untouched."""
    with pytest.raises((RequestError, FormatError)) as error:
        edited(shop(), edit)
    assert error.value.detail["field"] == field
    assert words in error.value.message


def test_an_element_that_is_gone_is_not_found() -> None:
    """As when somebody else deleted it meanwhile."""
    with pytest.raises(NotFoundError, match="renamed or deleted"):
        edited(shop(), {"op": "delete", "element": "Results/fly"})


def test_code_goes_away_with_its_inputs() -> None:
    """A cleared snippet leaves no inputs behind that belong to nothing."""
    model = edited(
        shop(),
        {"op": "change", "element": "Home/search", "fields": {"do": "shop:search", "with": {"word": "'lamp'"}, "save": "basket"}},
    )
    assert model.states[0].actions[0].snippets[0].outputs[0].variable == "basket"
    assert edited(model, {"op": "change", "element": "Home/search", "fields": {"do": None}}).states == shop().states


_NAMES = st.sampled_from(["A", "Home", "x y", "exit", "yes", "a: b", "12", "a/b", "anywhere", "it's"])


@st.composite
def _edits(draw: st.DrawFn, model: Model) -> Edit:
    states = [state.id for state in model.states]
    actions = [action.id for _, action in model.actions()]
    cases = [case.id for case in model.test_cases]
    op = draw(st.sampled_from(list(Op)))
    element = draw(st.sampled_from([*states, *actions, *cases, "", "anywhere"]))
    fields: dict[str, Any] = {}
    if op is Op.CHANGE:
        fields = draw(
            st.sampled_from(
                [
                    {"tags": ["a", "b: c"]},
                    {"when": "1 <"},
                    {"do": "m:f", "with": {"a": "1"}},
                    {"weight": 0},
                    {"kind": "sequent"},
                    {"description": "two\nlines"},
                    {"variables": {"v": {"type": "integer"}}},
                    {"check": ["m:f", "m:g"]},
                    {"to": None},
                ]
            )
        )
    return Edit(op=op, element=element, name=draw(_NAMES), target=draw(st.sampled_from([*states, "exit", "error"])), fields=fields)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_edited_is_the_same_model_as_text(data: st.DataObject) -> None:
    """After any sequence of edits the model, written as text and read again, is equal; an edit that is refused changes nothing."""
    model = data.draw(models())
    for _ in range(data.draw(st.integers(1, 6))):
        edit = data.draw(_edits(model))
        try:
            model = apply(model, edit).model
        except MelanzanaError:
            continue
        assert read_text(write_text(model)) == model
