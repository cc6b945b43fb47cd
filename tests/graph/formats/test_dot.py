"""DOT: the part of the language that says what leads where."""

import pytest

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.reading import read_model
from melanzana.graph.model import Model, StateKind


def read(text: str) -> Model:
    return read_model(text.encode()).model


def test_statements() -> None:
    """Chains, subgraphs, defaults, ports, comments, quoted names and labels are read."""
    model = read(
        """// a drawing
strict digraph "My shop" { rankdir=LR; node [shape=box]
  start [shape=point]; start -> Home
  Home -> List:n -> "the end" [label="go [n > 0] / n = n - 1;"]  // two edges
  subgraph cluster_a { Home; List } /* again */
  { List "the end" } -> Home [label="back\\nREQTAG=R-1"]
  Home [label="The home", pos="10,20!"]
}"""
    )
    assert (model.name, [state.name for state in model.states]) == ("My shop", ["The home", "List", "the end"])
    assert model.states[0].kind is StateKind.START
    assert [(action.name, action.guard) for action in model.states[0].actions] == [("go", "n > 0")]
    assert model.states[1].actions[1].requirements == ("R-1",)
    box = model.layout[model.states[0].id]
    assert (box.x, box.y) == (10, -20)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("graph { a -- b }", "undirected", 1, 1),
        ("digraph {\n a -- b }", "without direction", 2, 2),
        ("digraph {\n a ->\n}", "a node is expected here, not `}`", 3, 1),
        ("digraph { a [label=<b>] }", "HTML labels", 1, 20),
        ('digraph { a [label="b] }', "no end", 1, 20),
        ("digraph { a", "not closed", 1, 11),
        ("digraph { }", "no nodes", 1, 1),
        ("digraph { a } digraph { b }", "only one graph", 1, 15),
        ("digraph { a ? b }", "is no DOT", 1, 13),
    ],
)
def test_errors_have_a_place(text: str, message: str, line: int, column: int) -> None:
    """What cannot be read is named with line and column."""
    with pytest.raises(FormatError, match=message) as caught:
        read(text)
    assert (caught.value.detail["line"], caught.value.detail["column"]) == (line, column)


def test_deep_subgraphs_are_refused() -> None:
    """Nesting is bounded."""
    with pytest.raises(LimitError, match="nested"):
        read("digraph " + "{ " * 100 + "a" + " }" * 100)
    with pytest.raises(LimitError):
        read("digraph { " + "a -> b; " * 60_000 + "}")
