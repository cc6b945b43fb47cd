"""A model as GraphWalker JSON: vertices, edges, JavaScript guards and actions, weights as probabilities.

An action with several targets becomes several edges, a global action one from every state that offers it. What GraphWalker has no
word for is listed.
"""

import json
from collections import defaultdict
from typing import Any

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.to_javascript import assignments_to_javascript, guard_to_javascript, initial_statement
from melanzana.graph.formats.arcs import Arc, arcs
from melanzana.graph.formats.written import Losses, Written
from melanzana.graph.model import Model, State, StateKind

_HELD = frozenset({"shared name", "guard", "assignments", "requirements", "description", "weight", "exit state"})
_LEFT_OUT = frozenset({StateKind.ERROR, StateKind.CLEANUP})
_GENERATOR = "random(edge_coverage(100))"


def write_graphwalker(model: Model) -> Written:
    """The file of one graph and the notes on what it leaves out."""
    losses = Losses()
    losses.add_fields(model, held=_HELD)
    start = next(state for state in model.states if state.kind is StateKind.START)
    graph = {
        "id": model.id,
        "name": model.name,
        "generator": _GENERATOR,
        "startElementId": start.id,
        "actions": [initial_statement(parameter) for parameter in model.parameters],
        "vertices": [_vertex(state, model) for state in model.states if state.kind not in _LEFT_OUT],
        "edges": _edges(model, losses),
    }
    document = {"name": model.name, "models": [graph]}
    return Written(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", losses.notes())


def _vertex(state: State, model: Model) -> dict[str, Any]:
    vertex: dict[str, Any] = {"id": state.id, "name": state.name}
    if state.shared:
        vertex["sharedState"] = state.shared
    if state.requirements:
        vertex["requirements"] = list(state.requirements)
    properties: dict[str, Any] = {"description": state.description} if state.description else {}
    if box := model.layout.get(state.id):
        properties |= {"x": box.x, "y": box.y}
    return vertex | ({"properties": properties} if properties else {})


def _edges(model: Model, losses: Losses) -> list[dict[str, Any]]:
    leaving: defaultdict[str, list[Arc]] = defaultdict(list)
    for arc in arcs(model):
        if not _LEFT_OUT & {arc.source.kind, arc.target.kind}:
            leaving[arc.source.id].append(arc)
    return [edge for found in leaving.values() for edge in _of_state(found, losses)]


def _of_state(found: list[Arc], losses: Losses) -> list[dict[str, Any]]:
    """The edges of one vertex; weights are written when they differ, and add up to 1."""
    total = sum(arc.action.weight for arc in found)
    differ = len({arc.action.weight for arc in found}) > 1 and total > 0
    edges = [_edge(arc, losses) for arc in found]
    if differ:
        for edge, arc in zip(edges, found, strict=True):
            edge["weight"] = round(arc.action.weight / total, 6)
    return edges


def _edge(arc: Arc, losses: Losses) -> dict[str, Any]:
    action = arc.action
    edge: dict[str, Any] = {
        "id": arc.id,
        "name": action.name,
        "sourceVertexId": arc.source.id,
        "targetVertexId": arc.target.id,
    }
    try:
        if action.guard:
            edge["guard"] = guard_to_javascript(action.guard)
        if action.assignments:
            edge["actions"] = list(assignments_to_javascript(action.assignments))
    except ExpressionError as error:
        losses.add(f"guard or assignments ({error.message})", action.id, action.name)
    if action.requirements:
        edge["requirements"] = list(action.requirements)
    if action.description:
        edge["properties"] = {"description": action.description}
    return edge
