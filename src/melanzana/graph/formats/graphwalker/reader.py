"""GraphWalker JSON to a `Model`.

Vertices become states and edges actions; the graphs of one file are joined by their shared states (`joining`). Guards and
actions are JavaScript there and are translated; what cannot be is left out, kept in `extras` as it was written, and named in
a note.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import STATE_VARIABLE, ExprType, check_assignment, compile_expression, expression_type
from melanzana.graph.expressions.javascript import translate_actions, translate_guard
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.graphwalker.joining import Edge, Joined, JoinedState, VertexKey
from melanzana.graph.formats.graphwalker.variables import infer_variables
from melanzana.graph.formats.node import Node
from melanzana.graph.model import Action, Assignment, Box, Model, State, StateKind, derived_id

_VERTEX = ("id", "name", "sharedState", "actions", "requirements", "properties")
_EDGE = ("id", "name", "guard", "actions", "requirements", "properties", "weight", "sourceVertexId", "targetVertexId")
_GRAPH = ("id", "name", "actions", "vertices", "edges", "startElementId")
_WEIGHT_OF_CERTAINTY = 1000  #: their weights are probabilities


@dataclass(slots=True)
class GraphWalkerReading:
    """A model, what was changed or left out, and the JSON pointer of each element by id."""

    model: Model
    notes: list[Finding] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


def read_graphwalker(document: Mapping[str, Any]) -> Model:
    """The one model that the graphs of a file make together. Errors: `FormatError` with `path`, `LimitError`."""
    return read_noted(document).model


def read_noted(document: Any) -> GraphWalkerReading:
    """The same with notes and places."""
    return _Reader(Node(document)).read()


class _Reader:
    def __init__(self, root: Node) -> None:
        self._root = root
        graphs = root.get("models").elements()
        if not graphs:
            raise root.get("models").error("a GraphWalker file has at least one model in `models`")
        self._graphs = graphs
        self._joined = Joined(graphs)
        self._notes = self._joined.notes
        self._places: dict[str, str] = {}
        self._layout: dict[str, Box] = {}

    def read(self) -> GraphWalkerReading:
        single = self._graphs[0] if len(self._graphs) == 1 else Node(None)
        name = (single.get("name").text() or self._root.get("name").text() or self._joined.graph_name(0)).strip()
        initial = self._initial_assignments()
        actions: dict[VertexKey, list[Action]] = self._actions_by_state()
        assigned = [assignment for group in actions.values() for action in group for assignment in action.assignments]
        variables, unknown = infer_variables(initial, assigned)
        for variable in unknown:
            self._note("graphwalker-variable", f"the type of the variable {variable[:60]} cannot be told: declare it")
        types = {STATE_VARIABLE: ExprType.STRING} | {variable.name: expression_type(variable.type) for variable in variables}
        actions = {key: [self._fitted(action, types) for action in group] for key, group in actions.items()}
        model = Model(
            id=single.get("id").text() or derived_id(name),
            name=name,
            states=tuple(self._state(state, tuple(actions.get(key, ()))) for key, state in self._joined.states.items()),
            parameters=variables,
            layout=self._layout,
            extras=self._extras(),
        )
        return GraphWalkerReading(model, self._notes, self._places)

    def _extras(self) -> dict[str, Any]:
        kept = {self._joined.graph_name(number): _unread(graph, _GRAPH) for number, graph in enumerate(self._graphs)}
        return {name: fields for name, fields in kept.items() if fields}

    def _initial_assignments(self) -> list[Assignment]:
        """The actions of the graphs themselves: what holds before the first step."""
        found: list[Assignment] = []
        owners: dict[str, str] = {}
        for number, graph in enumerate(self._graphs):
            assignments, untranslated = translate_actions(graph.get("actions").texts())
            graph_name = self._joined.graph_name(number)
            self._note_untranslated(graph_name, untranslated, None)
            for assignment in assignments:
                if owners.setdefault(assignment.variable, graph_name) != graph_name:
                    message = (
                        f"{graph_name} and {owners[assignment.variable]} both have a variable {assignment.variable}: here it is one"
                    )
                    self._note("graphwalker-variable", message)
                found.append(assignment)
        return found

    def _actions_by_state(self) -> dict[VertexKey, list[Action]]:
        leaving: defaultdict[VertexKey, list[Edge]] = defaultdict(list)
        for edge in self._joined.edges:
            assert edge.source is not None  # those without one were given a start, or left out
            leaving[edge.source].append(edge)
        found: dict[VertexKey, list[Action]] = {}
        for key, edges in leaving.items():
            weights = _scaled([_weight(edge.node.get("weight")) for edge in edges])
            found[key] = [self._action(edge, weight) for edge, weight in zip(edges, weights, strict=True)]
        return found

    def _state(self, state: JoinedState, actions: tuple[Action, ...]) -> State:
        nodes = [node for _, node in state.vertices]
        extras: dict[str, Any] = {}
        for _, node in state.vertices:
            extras |= _unread(node, _VERTEX)
            self._places.setdefault(state.id, node.pointer)
            if untranslated := node.get("actions").texts():
                self._note_untranslated(state.name, untranslated, state.id)
                extras["actions"] = list(untranslated)
        self._place(state.id, nodes)
        return State(
            id=state.id,
            name=state.name,
            kind=StateKind.START if state is self._joined.start else StateKind.NORMAL,
            shared=state.key[1] if state.key[0] == "shared" else "",
            actions=actions,
            requirements=_merged(node.get("requirements") for node in nodes),
            tags=self._tags([number for number, _ in state.vertices]),
            description=next((text for node in nodes if (text := _description(node))), ""),
            extras=extras,
        )

    def _tags(self, graphs: list[int]) -> tuple[str, ...]:
        """Of several graphs, the names of those that an element comes from."""
        return tuple(dict.fromkeys(self._joined.graph_name(number) for number in graphs)) if len(self._graphs) > 1 else ()

    def _action(self, edge: Edge, weight: int) -> Action:
        node = edge.node
        extras = _unread(node, _EDGE)
        assignments, untranslated = translate_actions(node.get("actions").texts())
        if untranslated:
            extras["actions"] = list(node.get("actions").texts())
            self._note_untranslated(edge.name, untranslated, edge.id)
        guard = self._guard(edge, extras)
        self._places[edge.id] = node.pointer
        return Action(
            id=edge.id,
            name=edge.name,
            targets=() if edge.target is None else (self._joined.states[edge.target].id,),
            guard=guard,
            assignments=assignments,
            weight=weight,
            requirements=_merged([node.get("requirements")]),
            tags=self._tags([edge.graph]),
            description=_description(node),
            extras=extras,
        )

    def _guard(self, edge: Edge, extras: dict[str, Any]) -> str | None:
        script = edge.node.get("guard").text()
        if not script.strip():
            return None
        try:
            return translate_guard(script)
        except ExpressionError as error:
            extras["guard"] = script
            message = f"{edge.name[:60]}: the guard `{script[:80]}` could not be translated and is left out: {error.message}"
            self._note("graphwalker-untranslated", message, edge.id)
            return None

    def _fitted(self, action: Action, types: Mapping[str, ExprType]) -> Action:
        """The action without what JavaScript allows and typed variables do not, such as a number for a guard."""
        extras = dict(action.extras)
        guard, assignments = action.guard, action.assignments
        try:
            compile_expression(guard or "true", types, ExprType.BOOL)
        except ExpressionError as error:
            extras.setdefault("guard", guard)
            self._note_unfit(action, f"guard `{guard}`", error)
            guard = None
        for assignment in action.assignments:
            try:
                check_assignment(assignment, types)
            except ExpressionError as error:
                text = f"{assignment.variable} = {assignment.expression}"
                extras.setdefault("actions", []).append(text)
                self._note_unfit(action, f"action `{text}`", error)
                assignments = tuple(entry for entry in assignments if entry is not assignment)
        return replace(action, guard=guard, assignments=assignments, extras=extras)

    def _note_unfit(self, action: Action, what: str, error: ExpressionError) -> None:
        message = f"{action.name[:60]}: the {what[:100]} does not fit the types of its variables and is left out: {error.message}"
        self._note("graphwalker-untranslated", message, action.id)

    def _note_untranslated(self, name: str, scripts: tuple[str, ...], element_id: str | None) -> None:
        for script in scripts:
            message = f"{name[:60]}: the action `{script[:80]}` could not be translated and is left out"
            self._note("graphwalker-untranslated", message, element_id)

    def _note(self, code: str, message: str, element_id: str | None = None) -> None:
        self._notes.append(Finding(code=code, severity=Severity.WARNING, message=message, element_id=element_id))

    def _place(self, element_id: str, nodes: list[Node]) -> None:
        for node in nodes:
            x, y = (_properties(node).get(axis) for axis in ("x", "y"))
            if isinstance(x, int | float) and isinstance(y, int | float):
                self._layout[element_id] = Box(x=float(x), y=float(y))
                return


def _properties(node: Node) -> dict[str, Any]:
    """Their editor writes an empty list for no properties."""
    value = node.get("properties").value
    return value if isinstance(value, dict) else {}


def _description(node: Node) -> str:
    text = _properties(node).get("description")
    return text if isinstance(text, str) else ""


def _unread(node: Node, known: tuple[str, ...]) -> dict[str, Any]:
    unread = {key: value for key, value in node.plain().items() if key not in known}
    properties = {key: value for key, value in _properties(node).items() if key not in ("x", "y", "description")}
    return unread | ({"properties": properties} if properties else {})


def _merged(nodes: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for node in nodes for text in node.texts()))


def _weight(node: Node) -> float | None:
    if node.value is None:
        return None
    weight = node.number()
    if not (math.isfinite(weight) and 0 <= weight <= 1):
        raise node.error(f"the weight {weight} is not a probability: it is 0 to 1")
    return float(weight)


def _scaled(weights: list[float | None]) -> list[int]:
    """Probabilities as whole weights; edges without one share what the others leave. Without any, all weigh the usual 100."""
    given = [weight for weight in weights if weight]
    if not given:
        return [100] * len(weights)
    rest = max(0.0, 1 - sum(given)) / max(1, len(weights) - len(given))
    return [max(1, round((weight or rest) * _WEIGHT_OF_CERTAINTY)) for weight in weights]
