"""Models in the formats of others: what comes back, and what is said to be lost."""

from pathlib import Path

import pytest
from hypothesis import given

from melanzana.graph.findings import Severity
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.text import read_text
from melanzana.graph.formats.writing import Format, write_model
from melanzana.graph.model import Model, StateKind
from support_models import models

READ_BACK = [Format.GRAPHWALKER, Format.XSTATE, Format.DOT]
SHOP = read_text(
    """
model: Shop
start: Home
variables: {n: {type: integer, initial: 0}, user: {type: text, initial: guest}}
states:
  Home:
    actions:
      search: {to: [Results, Home], when: n < 3, set: {n: n + 1}, weight: 50, requirements: [R-1]}
  Results:
    actions:
      open: {to: Home, when: user == "guest", limit: 2}
anywhere:
  reload: {}
"""
)
PUBLISHED = sorted((Path(__file__).parents[4] / "shared/models").glob("*.json"))


def _arcs(model: Model) -> set[tuple[str, str, str]]:
    """Every way of the model in words, global actions spread over their states."""
    names = {state.id: state.name for state in model.states}
    found = set()
    for state in model.states:
        for action in (*state.actions, *(model.global_actions if state.kind is not StateKind.EXIT else ())):
            found |= {(state.name, action.name, names[target]) for target in action.targets or (state.id,)}
    return found


@pytest.mark.parametrize("form", READ_BACK)
def test_a_model_comes_back(form: Format) -> None:
    """States, ways, guards, assignments, variables and requirements survive the way through another format."""
    back = read_model(write_model(SHOP, form).text.encode()).model
    ways = {(source, name.removesuffix(" (2)"), target) for source, name, target in _arcs(back)}
    assert ways == _arcs(SHOP)
    actions = [action for _, action in back.actions()]
    search = next(action for action in actions if action.name == "search")
    assert (search.guard, search.assignments[0].expression, search.requirements) == ("n < 3", "n + 1", ("R-1",))
    assert next(action for action in actions if action.name == "open").guard == 'user == "guest"'


@pytest.mark.parametrize("form", [Format.GRAPHWALKER, Format.XSTATE])
def test_first_values_come_back(form: Format) -> None:
    """Variables keep their types and first values."""
    back = read_model(write_model(SHOP, form).text.encode()).model
    assert [(entry.name, entry.type, entry.initial) for entry in back.parameters] == [
        (entry.name, entry.type, entry.initial) for entry in SHOP.parameters
    ]


@pytest.mark.parametrize(("form", "losses"), [(Format.GRAPHWALKER, 1), (Format.XSTATE, 0), (Format.DOT, 2), (Format.MERMAID, 4)])
def test_losses_are_listed(form: Format, losses: int) -> None:
    """Each kind of thing that the format cannot hold is one warning that names the first element."""
    notes = write_model(SHOP, form).notes
    assert len(notes) == losses
    assert all(note.severity is Severity.WARNING and "left out: " in note.message and "(first: " in note.message for note in notes)


@given(models())
def test_any_model_can_be_written(model: Model) -> None:
    """Whatever the model, every format gives a text, and the readable ones read it back with as many states or say what is lost."""
    for form in Format:
        written = write_model(model, form)
        if form in READ_BACK:
            back = read_model(written.text.encode()).model
            kept = [state for state in model.states if state.kind not in {StateKind.ERROR, StateKind.CLEANUP}]
            assert len(kept) <= len(back.states) <= len(model.states) + 1


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_published_models_come_back(path: Path) -> None:
    """A GraphWalker file written as one again has the same states and edges."""
    model = read_model(path.read_bytes()).model
    back = read_model(write_model(model, Format.GRAPHWALKER).text.encode()).model
    assert (len(back.states), len(list(back.actions()))) == (len(model.states), len(list(model.actions())))


def test_mermaid_of_a_name_with_signs() -> None:
    """Signs that end a label there are written as entities."""
    text = 'model: M\nstart: "A: \\"b\\"; #1"\nstates: {"A: \\"b\\"; #1": {actions: {"x;y:z": {}}}}\n'
    lines = write_model(read_text(text), Format.MERMAID).text.splitlines()
    assert lines[1].startswith('    state "A#58; #quot;b#quot;#59; #35;1" as s0')
    assert lines[-1] == "    s0 --> s0: x#59;y#58;z"
