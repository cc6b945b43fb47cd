"""GraphWalker JSON: graphs joined by shared states, JavaScript translated, and a note for everything that was changed."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from melanzana.errors import FormatError
from melanzana.graph.findings import Severity
from melanzana.graph.formats.graphwalker import read_graphwalker
from melanzana.graph.formats.graphwalker.reader import read_noted
from melanzana.graph.formats.text import read_text, write_text
from melanzana.graph.model import Assignment, Box, Model, ParameterType, State, StateKind
from melanzana.graph.validation import validate

SAMPLE = json.loads((Path(__file__).parents[1] / "samples/library.graphwalker.json").read_text(encoding="utf-8"))
PUBLISHED = sorted((Path(__file__).parents[4] / "shared/models").glob("*.graphwalker.json"))


def _state(model: Model, name: str) -> State:
    return next(state for state in model.states if state.name == name)


def test_shared_states_are_one_state() -> None:
    """Vertices with one shared state become one state with the actions of all, tagged with the graphs they come from."""
    home = _state(read_graphwalker(SAMPLE), "v_Home")
    assert [action.name for action in home.actions] == ["e_Search", "e_Borrow"]
    assert (home.tags, home.requirements, home.description) == (("Search", "Loans"), ("R-1",), "The front page.")


def test_a_walk_begins_with_the_start_edge() -> None:
    """An edge without source belongs to a start state of its own."""
    model = read_graphwalker(SAMPLE)
    start = _state(model, "Start")
    assert start.kind is StateKind.START
    assert [(action.name, action.targets) for action in start.actions] == [("e_Open", (_state(model, "v_Home").id,))]


def test_variables_follow_from_what_is_assigned() -> None:
    """First values come from the graph's own actions; a variable that only edges set starts as nothing of its type."""
    found = {variable.name: (variable.type, variable.initial) for variable in read_graphwalker(SAMPLE).parameters}
    assert found == {
        "loans": (ParameterType.INTEGER, 0),
        "keen": (ParameterType.BOOLEAN, True),
        "title": (ParameterType.TEXT, ""),
    }


def test_javascript_is_translated_or_named() -> None:
    """Guards and actions become ours; those that cannot are kept as written and named in a note."""
    reading = read_noted(SAMPLE)
    model = reading.model
    borrow = _state(model, "v_Home").actions[1]
    assert borrow.guard == "loans == 0 || size(title) > 3"
    assert borrow.assignments == (
        Assignment(variable="loans", expression="loans + 1"),
        Assignment(variable="title", expression='"Moby Dick"'),
    )
    back, listing = _state(model, "v_Loan").actions
    assert (back.assignments, listing.guard) == ((), None)
    assert listing.extras["guard"] == "function(){return true}()"
    untranslated = [note for note in reading.notes if note.code == "graphwalker-untranslated"]
    assert [note.element_id for note in untranslated] == [back.id, listing.id, back.id]


def test_names_are_made_unique_and_reported() -> None:
    """A second vertex, or a second edge of one state, of the same name gets a number and a note."""
    reading = read_noted(SAMPLE)
    assert [state.name for state in reading.model.states] == ["Start", "v_Home", "v_Results", "v_Loan", "v_Results (2)"]
    assert [action.name for action in _state(reading.model, "v_Results").actions] == ["e_Reset", "e_Search", "e_Search (2)"]
    assert sum(note.code == "graphwalker-name" for note in reading.notes) == 2


def test_probabilities_become_weights() -> None:
    """A weight of 0.75 is 750; the edges without one share the rest; without any, all have the usual 100."""
    model = read_graphwalker(SAMPLE)
    assert [action.weight for action in _state(model, "v_Home").actions] == [750, 250]
    assert {action.weight for action in _state(model, "v_Results").actions} == {100}


def test_the_layout_comes_from_the_properties() -> None:
    """x and y are where a state is drawn."""
    model = read_graphwalker(SAMPLE)
    assert model.layout == {_state(model, "v_Home").id: Box(x=10, y=20.5)}


def test_the_result_is_valid() -> None:
    """What is read breaks no rule and survives the text format."""
    model = read_graphwalker(SAMPLE)
    assert [finding.message for finding in validate(model) if finding.severity is Severity.ERROR] == []
    assert read_text(write_text(model)) == model


def _changed(**fields: Any) -> Any:
    document = copy.deepcopy(SAMPLE)
    document["models"] = document["models"][:1]
    document["models"][0].update(fields)
    return document


def test_a_start_vertex_is_the_start() -> None:
    """A start element that is a vertex needs no state of its own; an edge without source is then left out, with a note."""
    reading = read_noted(_changed(startElementId="n1"))
    assert [(state.name, state.kind) for state in reading.model.states][1] == ("v_Results", StateKind.START)
    assert any("e_Open has no source" in note.message for note in reading.notes)


def test_a_start_edge_with_a_source_is_repeated() -> None:
    """A walk that starts with an inner edge begins in a state of its own, which offers that edge only."""
    model = read_graphwalker(_changed(startElementId="e2"))
    assert [action.name for action in model.states[0].actions] == ["e_Reset"]
    assert "e_Reset" in [action.name for action in _state(model, "v_Results").actions]


def test_without_a_start_the_first_vertex_is_taken() -> None:
    """A file that names no start begins with its first vertex, and a note says so."""
    document = _changed(startElementId=None)
    del document["models"][0]["edges"][0]
    reading = read_noted(document)
    assert reading.model.states[0].kind is StateKind.START
    assert [note.code for note in reading.notes if "first vertex" in note.message] == ["graphwalker-start"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"startElementId": "e99"}, "no vertex or edge has the id 'e99'"),
        ({"vertices": [{"id": "n0"}, {"id": "n0"}]}, "two vertices have the id"),
        ({"vertices": [{"name": "x"}]}, "has no `id`"),
        ({"edges": [{"id": "e0", "sourceVertexId": "n9", "targetVertexId": "n0"}]}, "names the vertex 'n9'"),
        ({"edges": [{"id": "e0", "targetVertexId": "n0", "weight": 7}]}, "is not a probability"),
        ({"edges": [{"id": "e0", "targetVertexId": "n0", "guard": 1}]}, "must be text"),
    ],
)
def test_broken_files_are_refused(fields: dict[str, Any], words: str) -> None:
    """A reference into nothing or a value out of bounds is an error that says so."""
    with pytest.raises(FormatError, match=words):
        read_graphwalker(_changed(**fields))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_published_models_are_valid(path: Path) -> None:
    """GraphWalker's own published models, where they are at hand, are read and break no rule."""
    model = read_graphwalker(json.loads(path.read_text(encoding="utf-8")))
    assert [finding.message for finding in validate(model) if finding.severity is not Severity.INFO] == []
    assert read_text(write_text(model)) == model
