"""A drawn graph of nodes and arrows as a GraphWalker document: what GraphML and DOT files have in common.

The drawing's entrance is a node called Start (or drawn as a point) that nothing leads to: its labelled arrow is the action that a
walk begins with, its bare arrow only points to the state where it begins. The GraphWalker reader makes the model of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from melanzana.errors import FormatError
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.labels import Label, read_edge, read_vertex
from melanzana.graph.formats.source import Position, Source


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node of the drawing."""

    id: str
    label: str
    position: Position
    box: tuple[float, float] | None = None
    is_point: bool = False


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """An arrow of the drawing, between ids of nodes."""

    id: str
    source: str
    target: str
    label: str
    position: Position


@dataclass(slots=True)
class Drawing:
    """Everything drawn, in document order."""

    name: str
    nodes: list[DrawnNode] = field(default_factory=list)
    edges: list[DrawnEdge] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def to_source(self, file: str) -> Source:
        """The GraphWalker document, with the place of each element in the file.

        Errors: FormatError for an arrow to nowhere.
        """
        labels = {node.id: read_vertex(node.label) for node in self.nodes}
        entrances = self._entrances(labels)
        blocked = {node.id for node in self.nodes if labels[node.id].blocked}
        self._note_blocked(labels[node_id].name for node_id in sorted(blocked))
        values: dict[str, Position] = {}
        vertices: list[dict[str, Any]] = []
        for node in self.nodes:
            if node.id not in entrances | blocked:
                values[f"/models/0/vertices/{len(vertices)}"] = node.position
                vertices.append(_vertex(node, labels[node.id]))
        edges, start = self._edges(entrances, blocked, {node.id for node in self.nodes}, values)
        initial = [statement for label in labels.values() for statement in label.initial]
        graph: dict[str, Any] = {"name": self.name, "vertices": vertices, "edges": edges}
        graph |= ({"actions": initial} if initial else {}) | ({"startElementId": start} if start else {})
        return Source({"name": self.name, "models": [graph]}, file, values, dict(values))

    def _entrances(self, labels: dict[str, Label]) -> set[str]:
        reached = {edge.target for edge in self.edges}
        named = {node.id for node in self.nodes if node.is_point or labels[node.id].name.casefold() == "start"}
        return named - reached

    def _edges(
        self, entrances: set[str], blocked: set[str], known: set[str], values: dict[str, Position]
    ) -> tuple[list[dict[str, Any]], str | None]:
        found: list[dict[str, Any]] = []
        start: str | None = None
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in known:
                    message = f"the edge {edge.id[:60]} names the node {end[:60]!r}, which is not there"
                    raise FormatError(message, line=edge.position.line, column=edge.position.column)
            label = read_edge(edge.label)
            if label.blocked or {edge.source, edge.target} & blocked:
                self._note_blocked([label.name or edge.id])
            elif edge.source in entrances and not label.name:
                start = start or edge.target
            else:
                values[f"/models/0/edges/{len(found)}"] = edge.position
                ends = {"targetVertexId": edge.target} | ({} if edge.source in entrances else {"sourceVertexId": edge.source})
                found.append({"id": edge.id, **label.element, "name": label.name or edge.id, **ends})
        return found, start

    def _note_blocked(self, names: Iterable[str]) -> None:
        for name in names:
            message = f"{name[:60]} is BLOCKED in the file: it is left out"
            self.notes.append(Finding(code="drawing-blocked", severity=Severity.WARNING, message=message))


def _vertex(node: DrawnNode, label: Label) -> dict[str, Any]:
    element = {"id": node.id, **label.element, "name": label.name or node.id}
    if node.box is not None:
        element["properties"] = {**element.get("properties", {}), "x": node.box[0], "y": node.box[1]}
    return element
