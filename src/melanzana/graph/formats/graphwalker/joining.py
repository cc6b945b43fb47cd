"""Several GraphWalker graphs as one: which vertices are the same state, what every element is called, where a walk begins.

A walk that is in a vertex with a shared state may go on in any vertex of the same shared state, so these are one state here.
Names must be unique in our models and need not be in theirs: later ones get a number, and a note says so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.node import Node
from melanzana.graph.joining import free_name, unique_id
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES, require_at_most

VertexKey = tuple[int | str, str]  #: (number of the graph, id), or ("shared", name of the shared state)
START_KEY: VertexKey = ("start", "")


@dataclass(slots=True)
class JoinedState:
    """The vertices that are one state."""

    key: VertexKey
    vertices: list[tuple[int, Node]] = field(default_factory=list)
    id: str = ""
    name: str = ""


@dataclass(slots=True)
class Edge:
    """An edge between states; `source` None for one that only starts a walk."""

    graph: int
    node: Node
    source: VertexKey | None
    target: VertexKey | None
    id: str = ""
    name: str = ""


class Joined:
    """All states and edges of a file. Errors: `FormatError`, `LimitError`."""

    def __init__(self, graphs: list[Node]) -> None:
        self.graphs = graphs
        self.notes: list[Finding] = []
        self.states: dict[VertexKey, JoinedState] = {}
        self._keys: dict[tuple[int, str], VertexKey] = {}
        self._id_count = Counter(_element_id(node) for node in self._all_nodes())
        for number, graph in enumerate(graphs):
            for node in graph.get("vertices").elements():
                self._add_vertex(number, node)
        self.edges = [self._edge(number, node) for number, graph in enumerate(graphs) for node in graph.get("edges").elements()]
        require_at_most(len(self.states), MAX_STATES, "states", "states")
        require_at_most(len(self.edges), MAX_ACTIONS, "actions", "edges")
        self.start = self._start()
        self._name_states()
        self._name_edges()

    def _all_nodes(self) -> Iterator[Node]:
        for graph in self.graphs:
            yield from graph.get("vertices").elements()
            yield from graph.get("edges").elements()

    def graph_name(self, number: int) -> str:
        """What the file calls this graph."""
        return self.graphs[number].get("name").text() or f"model {number + 1}"

    def _unique_id(self, number: int, node: Node) -> str:
        element_id = _element_id(node)
        return unique_id(element_id, self._id_count, self.graph_name(number))

    def _add_vertex(self, number: int, node: Node) -> None:
        shared = node.get("sharedState").text()
        key: VertexKey = ("shared", shared) if shared else (number, _element_id(node))
        if (number, _element_id(node)) in self._keys:
            raise node.error(f"two vertices have the id {_element_id(node)[:60]!r}")
        self._keys[(number, _element_id(node))] = key
        state = self.states.setdefault(key, JoinedState(key, id=self._unique_id(number, node)))
        state.vertices.append((number, node))

    def _edge(self, number: int, node: Node) -> Edge:
        source, target = (self._end(number, node.get(key)) for key in ("sourceVertexId", "targetVertexId"))
        return Edge(number, node, source, target, id=self._unique_id(number, node))

    def _end(self, number: int, node: Node) -> VertexKey | None:
        name = node.text()
        if not name:
            return None
        if (number, name) not in self._keys:
            raise node.error(f"the edge names the vertex {name[:60]!r}, and this model has none with that id")
        return self._keys[(number, name)]

    def _start(self) -> JoinedState:
        """The state where a walk begins; one is added when the file starts with an edge."""
        named = [
            (number, graph.get("startElementId").text())
            for number, graph in enumerate(self.graphs)
            if graph.get("startElementId").value
        ]
        for number, element_id in named[1:]:
            begins = self.graph_name(named[0][0])
            self._note(f"{self.graph_name(number)}: its start {element_id[:60]} is not used: a walk begins in {begins}")
        if named:
            return self._named_start(*named[0])
        if any(edge.source is None for edge in self.edges):
            return self._added_start([edge for edge in self.edges if edge.source is None])
        if not self.states:
            raise self.graphs[0].error("the model has no vertices")
        first = next(iter(self.states.values()))
        self._note("the file names no start: its first vertex is taken", "graphwalker-start")
        return first

    def _named_start(self, number: int, element_id: str) -> JoinedState:
        if (number, element_id) in self._keys:
            self._leave_out([edge for edge in self.edges if edge.source is None])
            return self.states[self._keys[(number, element_id)]]
        chosen = next((edge for edge in self.edges if edge.graph == number and _element_id(edge.node) == element_id), None)
        if chosen is None:
            raise self.graphs[number].get("startElementId").error(f"no vertex or edge has the id {element_id[:60]!r}")
        self._leave_out([edge for edge in self.edges if edge.source is None and edge is not chosen])
        if chosen.source is not None and self._is_entrance(chosen):
            return self.states[chosen.source]
        return self._added_start([chosen])

    def _is_entrance(self, chosen: Edge) -> bool:
        """Does its source vertex exist only to hold this edge?"""
        others = [edge for edge in self.edges if edge is not chosen and chosen.source in (edge.source, edge.target)]
        return not others and chosen.target != chosen.source

    def _added_start(self, chosen: list[Edge]) -> JoinedState:
        """A state of its own for edges that a walk begins with; an edge that also has a source is repeated there."""
        state = self.states[START_KEY] = JoinedState(START_KEY, id="start" if "start" not in self._id_count else "start/added")
        for edge in chosen:
            if edge.source is None:
                edge.source = START_KEY
            else:
                self.edges.append(Edge(edge.graph, edge.node, START_KEY, edge.target, id=f"{edge.id}/start"))
        self.states = {START_KEY: state} | self.states
        return state

    def _leave_out(self, edges: list[Edge]) -> None:
        for edge in edges:
            self._note(
                f"{self.graph_name(edge.graph)}: the edge {_shown(edge.node)} has no source and is not the start: it is left out"
            )
        gone = {id(edge) for edge in edges}
        self.edges = [edge for edge in self.edges if id(edge) not in gone]

    def _name_states(self) -> None:
        taken: set[str] = set()
        for state in self.states.values():
            names = [_shown(node) for _, node in state.vertices] or ["Start"]
            state.name = free_name(names[0], taken)
            taken.add(state.name)
            if len(set(names)) > 1:
                self._note(
                    f"the vertices {', '.join(sorted(set(names)))[:200]} share a state: it is called {state.name}",
                    "graphwalker-name",
                )
            elif state.name != names[0]:
                self._note(f"a second vertex {names[0]} is called {state.name}: names of states differ here", "graphwalker-name")

    def _name_edges(self) -> None:
        taken: defaultdict[VertexKey | None, set[str]] = defaultdict(set)
        state_names = {state.name for state in self.states.values()}
        for edge in self.edges:
            wanted = _shown(edge.node)
            edge.name = free_name(wanted, taken[edge.source] | state_names if wanted in state_names else taken[edge.source])
            taken[edge.source].add(edge.name)
            if edge.name != wanted:
                self._note(
                    f"a second {wanted} in one place is called {edge.name}: actions of a state differ in name here",
                    "graphwalker-name",
                )

    def _note(self, message: str, code: str = "graphwalker-start") -> None:
        self.notes.append(Finding(code=code, severity=Severity.WARNING, message=message))


def _element_id(node: Node) -> str:
    element_id = node.get("id").text()
    if not element_id:
        raise node.error("the element has no `id`")
    return element_id


def _shown(node: Node) -> str:
    """The name of a vertex or edge; unnamed ones go by their id."""
    return node.get("name").text() or _element_id(node)
