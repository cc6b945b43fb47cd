"""DOT to a drawing: statements of one directed graph; subgraphs are looked through, attributes other than labels are left alone."""

from collections.abc import Iterator
from itertools import pairwise

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.dot.tokens import Token, tokens
from melanzana.graph.formats.drawing import Drawing, DrawnEdge, DrawnNode
from melanzana.graph.formats.source import Position, Source
from melanzana.graph.limits import MAX_ACTIONS, MAX_DEPTH, MAX_STATES, require_at_most

_END = Token("", False, False, Position(1, 1))
_ATTRIBUTE_KINDS = frozenset({"graph", "node", "edge"})


def parse_dot(text: str, file: str = "") -> tuple[Source, Drawing]:
    """The drawing as a GraphWalker document. Errors: `FormatError` with line and column, `LimitError`."""
    drawing = _Reader(tokens(text)).read()
    return drawing.to_source(file), drawing


class _Reader:
    def __init__(self, stream: Iterator[Token]) -> None:
        self._stream = stream
        self._next = next(stream, _END)
        self._last = self._next.position
        self._nodes: dict[str, tuple[Position, dict[str, str]]] = {}
        self._edges: list[tuple[str, str, dict[str, str], Position]] = []

    def read(self) -> Drawing:
        if self._keyword("strict"):
            self._take()
        kind = self._take_word("digraph")
        if kind.text.casefold() != "digraph":
            raise self._error("the graph is undirected: a model needs `digraph`", kind.position)
        name = self._take().text if self._next.is_word else "model"
        self._expect("{")
        self._statements(1)
        if self._next is not _END:
            raise self._error("only one graph a file is read", self._next.position)
        return self._drawing(name)

    def _drawing(self, name: str) -> Drawing:
        drawing = Drawing(name)
        for node_id, (position, attributes) in self._nodes.items():
            label = attributes.get("label", node_id)
            label = node_id if label == "\\N" else label
            is_point = attributes.get("shape") == "point"
            drawing.nodes.append(DrawnNode(node_id, "" if is_point else label, position, _box(attributes), is_point))
        for number, (source, target, attributes, position) in enumerate(self._edges):
            edge_id = attributes.get("id") or f"e{number}"
            drawing.edges.append(DrawnEdge(edge_id, source, target, attributes.get("label", ""), position))
        if not drawing.nodes:
            raise FormatError("the graph has no nodes", line=1, column=1)
        return drawing

    def _statements(self, depth: int) -> list[str]:
        """The nodes named up to the closing brace."""
        if depth > MAX_DEPTH:
            raise LimitError(f"subgraphs are nested more than {MAX_DEPTH} deep", limit="depth", maximum=MAX_DEPTH)
        named: list[str] = []
        while self._next.text != "}" or self._next.is_word:
            if self._next is _END:
                raise self._error("the graph is not closed: a `}` is missing", self._last)
            if self._next.text in {";", ","} and not self._next.is_word:
                self._take()
            else:
                named.extend(self._statement(depth))
        self._take()
        return named

    def _statement(self, depth: int) -> list[str]:
        if self._next.is_word and not self._next.is_quoted and self._next.text.casefold() in _ATTRIBUTE_KINDS:
            self._take()
            self._attributes()
            return []
        position = self._next.position
        first = self._ends(depth)
        if self._next.text == "=" and not self._next.is_word:
            self._take()
            self._take_word("a value")
            self._nodes.pop(first[0], None) if first[0] not in self._used() else None
            return []
        chain = [first]
        while self._next.text in {"->", "--"} and not self._next.is_word:
            if self._take().text == "--":
                raise self._error("an edge without direction: write `->`", position)
            chain.append(self._ends(depth))
        attributes = self._attributes()
        if len(chain) == 1:
            for node in first:
                self._nodes[node][1].update(attributes)
        self._connect(chain, attributes, position)
        return [node for ends in chain for node in ends]

    def _used(self) -> set[str]:
        return {end for source, target, _, _ in self._edges for end in (source, target)}

    def _connect(self, chain: list[list[str]], attributes: dict[str, str], position: Position) -> None:
        for sources, targets in pairwise(chain):
            for source in sources:
                for target in targets:
                    self._edges.append((source, target, attributes, position))
        require_at_most(len(self._edges), MAX_ACTIONS, "actions", "edges")

    def _ends(self, depth: int) -> list[str]:
        """A node, or the nodes of a subgraph."""
        if self._keyword("subgraph"):
            self._take()
            if self._next.is_word:
                self._take()
        if self._next.text == "{" and not self._next.is_word:
            self._take()
            return self._statements(depth + 1)
        node = self._take_word("a node")
        while self._next.text == ":" and not self._next.is_word:  # a port says where an arrow touches the node
            self._take()
            self._take_word("a port")
        self._nodes.setdefault(node.text, (node.position, {}))
        require_at_most(len(self._nodes), MAX_STATES + 1, "states", "nodes")
        return [node.text]

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._next.text == "[" and not self._next.is_word:
            self._take()
            while self._next.text != "]" or self._next.is_word:
                name = self._take_word("an attribute")
                if self._next.text == "=" and not self._next.is_word:
                    self._take()
                    found[name.text] = self._take_word("a value").text
                if self._next.text in {",", ";"} and not self._next.is_word:
                    self._take()
            self._take()
        return found

    def _keyword(self, word: str) -> bool:
        return self._next.is_word and not self._next.is_quoted and self._next.text.casefold() == word

    def _take(self) -> Token:
        token = self._next
        self._last = token.position
        self._next = next(self._stream, _END)
        return token

    def _take_word(self, what: str) -> Token:
        if not self._next.is_word:
            shown = f"`{self._next.text}`" if self._next.text else "the end of the file"
            raise self._error(f"{what} is expected here, not {shown}", self._next.position if self._next.text else self._last)
        return self._take()

    def _expect(self, sign: str) -> None:
        if self._next.text != sign or self._next.is_word:
            raise self._error(f"`{sign}` is expected here", self._next.position)
        self._take()

    def _error(self, message: str, position: Position) -> FormatError:
        return FormatError(message, line=position.line, column=position.column)


def _box(attributes: dict[str, str]) -> tuple[float, float] | None:
    """`pos="x,y!"`, in points with y upwards."""
    parts = attributes.get("pos", "").rstrip("!").split(",")
    try:
        return (float(parts[0]), -float(parts[1])) if len(parts) == 2 else None
    except ValueError:
        return None
