"""GraphML as yEd draws it: nodes and arrows whose labels say everything else (`labels.py`).

Read with expat, one element at a time; document types and entities are refused, so no file can grow while it is read. Groups are
looked through. GraphML of other programs works as far as its labels do: a data key called `label` or `name` counts as one.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.drawing import Drawing, DrawnEdge, DrawnNode
from melanzana.graph.formats.source import Position, Source
from melanzana.graph.limits import MAX_ACTIONS, MAX_DEPTH, MAX_NODES, MAX_STATES, require_at_most

_LABEL_KEYS = frozenset({"label", "name"})
_TEXT_PLACES = frozenset({"NodeLabel", "EdgeLabel"})


def parse_graphml(text: str, file: str = "") -> tuple[Source, Drawing]:
    """The drawing as a GraphWalker document. Errors: `FormatError` with line and column, `LimitError`."""
    drawing = _Reader(text).drawing
    return drawing.to_source(file), drawing


@dataclass(slots=True)
class _Element:
    """A node or edge that is being read."""

    attributes: dict[str, str]
    position: Position
    labels: list[str] = field(default_factory=list)
    box: tuple[float, float] | None = None


class _Reader:
    def __init__(self, text: str) -> None:
        self.drawing = Drawing(name="")
        self._parser = expat.ParserCreate()
        self._label_keys: set[str] = set()
        self._open: list[_Element] = []
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._elements = 0
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            message = f"not XML: {expat.ErrorString(error.code)}"
            raise FormatError(message, line=error.lineno, column=error.offset + 1) from None
        if not self.drawing.nodes:
            raise FormatError("the GraphML file has no nodes", line=1, column=1)

    def _doctype(self, *_: object) -> None:
        raise FormatError("a document type is not read: take the <!DOCTYPE …> out", line=self._parser.CurrentLineNumber, column=1)

    @property
    def _position(self) -> Position:
        return Position(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2])
        self._elements += 1
        if len(self._path) > MAX_DEPTH:
            raise LimitError(f"elements are nested more than {MAX_DEPTH} deep", limit="depth", maximum=MAX_DEPTH)
        require_at_most(self._elements, MAX_NODES, "nodes", "XML elements")
        match self._path[-1]:
            case "graphml" | "graph" | "node" | "edge" | "key" | "data" | "Geometry" | "NodeLabel" | "EdgeLabel":
                self._known(self._path[-1], attributes)

    def _known(self, name: str, attributes: dict[str, str]) -> None:
        if name == "graph":
            self._graph(attributes)
        elif name in {"node", "edge"}:
            self._open.append(_Element(attributes, self._position))
        elif name == "key" and attributes.get("attr.name", "").casefold() in _LABEL_KEYS:
            self._label_keys.add(attributes.get("id", ""))
        elif name == "Geometry" and self._open:
            self._open[-1].box = _box(attributes)
        elif name in _TEXT_PLACES or (name == "data" and attributes.get("key") in self._label_keys):
            self._text = []

    def _graph(self, attributes: dict[str, str]) -> None:
        if attributes.get("edgedefault", "directed") != "directed":
            raise FormatError(
                "the graph is undirected: a model needs arrows", line=self._position.line, column=self._position.column
            )
        self.drawing.name = self.drawing.name or attributes.get("id", "")

    def _characters(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end(self, _name: str) -> None:
        name = self._path.pop()
        if name in _TEXT_PLACES | {"data"} and self._text is not None:
            if self._open:
                self._open[-1].labels.append("".join(self._text).strip())
            self._text = None
        elif name == "node":
            self._close_node(self._open.pop())
        elif name == "edge":
            self._close_edge(self._open.pop())

    def _close_node(self, node: _Element) -> None:
        label = "\n".join(text for text in node.labels if text)
        self.drawing.nodes.append(DrawnNode(_id(node), label, node.position, node.box))
        require_at_most(len(self.drawing.nodes), MAX_STATES + 1, "states", "nodes")

    def _close_edge(self, edge: _Element) -> None:
        label = "\n".join(text for text in edge.labels if text)
        source, target = edge.attributes.get("source", ""), edge.attributes.get("target", "")
        self.drawing.edges.append(DrawnEdge(_id(edge), source, target, label, edge.position))
        require_at_most(len(self.drawing.edges), MAX_ACTIONS, "actions", "edges")


def _id(element: _Element) -> str:
    if not (found := element.attributes.get("id", "")):
        raise FormatError("the element has no id", line=element.position.line, column=element.position.column)
    return found


def _box(attributes: dict[str, str]) -> tuple[float, float] | None:
    try:
        return float(attributes["x"]), float(attributes["y"])
    except (KeyError, ValueError):
        return None
