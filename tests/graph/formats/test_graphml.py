"""yEd drawings: labels say everything."""

from pathlib import Path

import pytest

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.reading import ReadResult, read_model
from melanzana.graph.model import Assignment, StateKind

HEAD = '<?xml version="1.0"?>\n<graphml xmlns:y="y"><key id="d0" for="node"/><graph edgedefault="directed" id="G">\n'
PUBLISHED = sorted((Path(__file__).parents[4] / "shared/models").glob("*.graphml"))


def node(identity: str, label: str) -> str:
    box = '<y:Geometry x="1.5" y="2"/>'
    return (
        f'<node id="{identity}"><data key="d0"><y:ShapeNode>{box}<y:NodeLabel>{label}</y:NodeLabel></y:ShapeNode></data></node>\n'
    )


def edge(identity: str, source: str, target: str, label: str) -> str:
    inner = f"<data><y:PolyLineEdge><y:EdgeLabel>{label}</y:EdgeLabel></y:PolyLineEdge></data>"
    return f'<edge id="{identity}" source="{source}" target="{target}">{inner}</edge>\n'


def read(*parts: str) -> ReadResult:
    return read_model((HEAD + "".join(parts) + "</graph></graphml>").encode())


def test_labels() -> None:
    """Names, guards, actions, requirements, weights, first values and positions stand in the labels and shapes."""
    result = read(
        node("n0", "Start"),
        node("n1", "v_Home\nREQTAG=R-1, R-2\nINIT: n=2;"),
        node("n2", "v_List /* all of\nthem */"),
        edge("e0", "n0", "n1", "e_Open/m=true;"),
        edge("e1", "n1", "n2", "e_Go [n &lt; 3 &amp;&amp; [1,2].includes(n)] / n++; REQTAG=R-3"),
        edge("e2", "n2", "n1", "e_Back weight=0.25"),
    )
    model = result.model
    assert (result.format, result.notes) == ("graphml", ())
    start, home, listing = model.states
    assert (start.kind, start.actions[0].assignments) == (StateKind.START, (Assignment(variable="m", expression="true"),))
    assert (home.name, home.requirements, model.layout[home.id].x) == ("v_Home", ("R-1", "R-2"), 1.5)
    assert listing.description == "all of them"
    go = home.actions[0]
    assert (go.name, go.guard, go.assignments, go.requirements) == (
        "e_Go",
        "n < 3 && n in [1, 2]",
        (Assignment(variable="n", expression="n + 1"),),
        ("R-3",),
    )
    assert [(entry.name, entry.initial) for entry in model.parameters] == [("n", 2), ("m", False)]


def test_blocked_elements_are_left_out() -> None:
    """A BLOCKED vertex goes with its edges, and notes say so."""
    result = read(node("a", "A"), node("b", "B BLOCKED"), edge("e", "a", "b", "go"), edge("f", "a", "a", "stay"))
    assert [[action.name for action in state.actions] for state in result.model.states] == [["stay"]]
    assert [note.code for note in result.notes] == ["drawing-blocked", "drawing-blocked", "graphwalker-start"]


def test_entrance_without_a_label() -> None:
    """A bare arrow from Start only points to where a walk begins."""
    model = read(node("s", "Start"), node("a", "A"), node("b", "B"), edge("e", "s", "b", ""), edge("f", "b", "a", "go")).model
    assert [(state.name, state.kind) for state in model.states if state.kind is StateKind.START] == [("B", StateKind.START)]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("<graphml><graph>", "not XML: no element found", 1),
        ('<!DOCTYPE x [<!ENTITY a "b">]>\n<graphml/>', "document type", 1),
        ("<graphml></graphml>", "no nodes", 1),
        (HEAD + node("a", "A") + edge("e", "a", "z", "go") + "</graph></graphml>", "names the node 'z'", 4),
        (HEAD.replace('"directed"', '"undirected"') + "</graph></graphml>", "undirected", 2),
        (HEAD + "<node/></graph></graphml>", "has no id", 3),
    ],
)
def test_errors_have_a_place(text: str, message: str, line: int) -> None:
    """What cannot be read is named with its line."""
    with pytest.raises(FormatError, match=message) as caught:
        read_model(text.encode())
    assert caught.value.detail["line"] == line


def test_deep_and_many_elements_are_refused() -> None:
    """Depth and number of elements are bounded while reading."""
    with pytest.raises(LimitError, match="nested"):
        read_model(b"<graphml>" + b"<a>" * 100)
    with pytest.raises(LimitError, match="XML elements"):
        read_model(b"<graphml>" + b"<a/>" * 260_000 + b"</graphml>")


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_published_drawings(path: Path) -> None:
    """GraphWalker's published drawings are read with every edge and no error."""
    result = read_model(path.read_bytes())
    assert len(list(result.model.actions())) >= 7
    assert all(note.code == "graphwalker-name" for note in result.notes)
