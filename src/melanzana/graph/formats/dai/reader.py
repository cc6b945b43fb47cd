"""DAI model JSON to a `Model`.

`read_dai` is the door for documents; `graph/formats/reading.py` uses `read_noted`, which also says what could not be taken
over and where each element stands. Fields that have no meaning here are kept in `extras`, so that writing the file again
loses nothing.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.dai import words
from melanzana.graph.formats.dai.cases import read_case, read_pattern
from melanzana.graph.formats.dai.extension import applied
from melanzana.graph.formats.dai.guards import is_plain, read_guard, typed_value
from melanzana.graph.formats.dai.parameters import read_parameters, unknown_fields
from melanzana.graph.formats.dai.snippets import read_snippets, without_script
from melanzana.graph.formats.node import Node
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES, MAX_VARIABLES, require_at_most
from melanzana.graph.model import Action, ActionKind, Box, Model, Parameter, ParameterType, State, StateKind, TestCase, derived_id
from melanzana.graph.routes import Routes

T = TypeVar("T")


@dataclass(slots=True)
class DaiReading:
    """A model, what was not taken over, and the JSON pointer of each element by id."""

    model: Model
    notes: list[Finding] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


def read_dai(document: Mapping[str, Any]) -> Model:
    """The model of an export envelope or of a bare definition. Errors: `FormatError` with `path`, `LimitError`."""
    return read_noted(document).model


def read_noted(document: Any, *, extended: bool = True) -> DaiReading:
    """The same with notes and places. `extended` False: as a reader that knows nothing of our extension."""
    return _Reader(Node(document), extended).read()


@dataclass(frozen=True, slots=True)
class _Element:
    """One entry of `elements`, identified."""

    node: Node
    id: str
    name: str
    index: int
    number: int


class _Reader:
    def __init__(self, root: Node, extended: bool) -> None:
        self._envelope = root if isinstance(root.value, dict) and "definition" in root.value else Node(None)
        self._definition = root.get("definition") if self._envelope.value is not None else root
        self._extended = extended
        self._notes: list[Finding] = []
        self._places: dict[str, str] = {}
        self._layout: dict[str, Box] = {}
        self._by_number: dict[int, _Element] = {}
        self._actions: defaultdict[int, list[_Element]] = defaultdict(list)
        self._states: list[_Element] = []
        self._root: Node = Node(None)

    def read(self) -> DaiReading:
        self._collect()
        name = self._root.get("name").text() or self._envelope.get("name").text()
        parameters = read_parameters(self._root.get("parameters"))
        require_at_most(len(parameters), MAX_VARIABLES, "variables", "variables")
        types = {parameter.name: parameter.type for parameter in parameters}
        model = Model(
            id=self._model_id(name),
            name=name,
            states=tuple(self._state(element, types) for element in self._states),
            global_actions=tuple(self._action(element, types) for element in self._actions[0]),
            parameters=parameters,
            suite=self._definition.get("suitePath").text(),
            tags=self._tags(),
            run_cleanup_after_abort=self._definition.get("runCleanupAfterAbort").flag(False),
            global_actions_in_start=self._definition.get("allowGlobalActionsInInitialStates").flag(True),
            layout=self._layout,
        )
        model = replace(model, extras=self._model_extras(model))
        model = self._with_cases(model)
        return DaiReading(self._apply_extension(model, self._definition), self._notes, self._places)

    def _collect(self) -> None:
        elements = self._definition.get("elements")
        if not elements.elements():
            raise elements.error("a DAI model has `elements`: a Root, states and actions")
        children: list[_Element] = []
        for index, node in enumerate(elements.elements()):
            if node.get("type").text() == "Root":
                self._root = node
            else:
                children.append(self._identified(node, index))
        for element in children:
            if element.number in self._by_number or element.number == 0:
                raise element.node.error(f"two elements have the id {element.number}")
            self._by_number[element.number] = element
        for element in children:
            self._file(element)
        require_at_most(len(self._states), MAX_STATES, "states", "states")
        require_at_most(sum(map(len, self._actions.values())), MAX_ACTIONS, "actions", "actions")

    def _identified(self, node: Node, index: int) -> _Element:
        number = node.get("id").integer(-1)
        if number < 0:
            raise node.error("the element has no `id`")
        element_id = node.get("elementUuid").text() or str(number)
        self._places[element_id] = node.pointer
        return _Element(node, element_id, node.get("name").text(), index, number)

    def _file(self, element: _Element) -> None:
        """Put a state among the states, an action to its state, a global action to 0."""
        word = element.node.get("type").text()
        if word == "State":
            self._states.append(element)
            return
        if word != "Action":
            raise element.node.get("type").error(f"the type {word[:40]!r} is not known: it is Root, State or Action")
        parent = element.node.get("parentId").integer(0)
        owner = self._by_number.get(parent)
        if parent and (owner is None or owner.node.get("type").value != "State"):
            raise element.node.get("parentId").error(
                f"the action {element.name[:60]!r} belongs to {parent}, which is no state of this file"
            )
        self._actions[parent].append(element)

    def _model_id(self, name: str) -> str:
        return self._definition.get("modeluuid").text() or self._root.get("elementUuid").text() or derived_id(name)

    def _tags(self) -> tuple[str, ...]:
        entries = self._definition.get("tags").elements()
        return tuple(entry.value if isinstance(entry.value, str) else entry.get("name").text() for entry in entries)

    def _model_extras(self, model: Model) -> dict[str, Any]:
        extras = unknown_fields(self._definition, words.DEFINITION)
        extras = {key: value for key, value in extras.items() if words.counters(model).get(key) != value}
        tags = self._definition.get("tags").value
        if tags and tags != list(model.tags):
            extras["tags"] = tags
        if envelope := unknown_fields(self._envelope, words.ENVELOPE):
            extras["envelope"] = envelope
        if self._envelope.get("name").value not in (None, model.name):
            extras.setdefault("envelope", {})["name"] = self._envelope.get("name").value
        root = unknown_fields(self._root, words.ROOT)
        if self._root.get("elementUuid").value not in (None, model.id):
            root["elementUuid"] = self._root.get("elementUuid").value
        return extras | ({"root": root} if root else {})

    def _state(self, element: _Element, outer: Mapping[str, ParameterType]) -> State:
        node = element.node
        parameters = read_parameters(node.get("parameters"))
        types = {**outer, **_types(parameters)}
        kind = _state_kind(node)
        usual = words.state_fields(kind)
        extras = unknown_fields(node, words.STATE) | {
            key: node.get(key).value for key, value in usual.items() if node.get(key).value not in (None, value)
        }
        state = State(
            id=element.id,
            name=element.name,
            kind=kind,
            actions=tuple(self._action(action, types) for action in self._actions[element.number]),
            parameters=parameters,
            snippets=read_snippets(node.get("snippets")),
            extras=extras | self._number(element) | self._left_out(element),
        )
        self._place(element)
        return self._apply_extension(state, node)

    def _number(self, element: _Element) -> dict[str, Any]:
        """The file's own number, when it is not the one that writing would give."""
        same = not element.node.get("elementUuid").value or element.number == element.index
        return {} if same else {"id": element.number}

    def _action(self, element: _Element, outer: Mapping[str, ParameterType]) -> Action:
        node = element.node
        parameters = read_parameters(node.get("parameters"))
        kind = words.ACTION_KINDS.get(node.get("actionType").text(), ActionKind.NORMAL)
        guard = read_guard(node.get("preconditions"), {**outer, **_types(parameters)})
        action = Action(
            id=element.id,
            name=element.name,
            kind=kind,
            targets=tuple(self._target(entry) for entry in node.get("connectedStates").elements()),
            guard=guard,
            weight=_count(node.get("weight"), 100),
            call_limit=_count(node.get("callLimit"), 0),
            parameters=parameters,
            snippets=read_snippets(node.get("snippets")),
            sub_models=tuple(read_sub_model(entry) for entry in node.get("subModels").elements()),
            extras=self._action_extras(element, kind),
        )
        self._place(element)
        return self._apply_extension(action, node)

    def _action_extras(self, element: _Element, kind: ActionKind) -> dict[str, Any]:
        node = element.node
        extras = unknown_fields(node, words.ACTION) | self._number(element) | self._left_out(element)
        if node.get("actionType").value not in (None, words.ACTION_TYPES[kind]):
            extras["actionType"] = node.get("actionType").value
            self._note(
                element,
                "dai-action-type",
                f"the action type {str(extras['actionType'])[:40]!r} is not known: it is taken as Normal",
            )
        if not is_plain(node.get("preconditions")):
            extras["preconditions"] = node.get("preconditions").value
        if any(not isinstance(entry.value, str) for entry in node.get("subModels").elements()):
            extras["subModels"] = node.get("subModels").value
        if any(isinstance(entry.value, dict) and len(entry.value) > 1 for entry in node.get("connectedStates").elements()):
            extras["connectedStates"] = node.get("connectedStates").value
        if node.get("sortingType").value not in (None, words.ACTION_SORTING):
            extras["sortingType"] = node.get("sortingType").value
        return extras

    def _target(self, node: Node) -> str:
        number = node.get("stateRef").integer(-1)
        found = self._by_number.get(number)
        if found is None:
            raise node.error(f"the action leads to {number}, which is no element of this file")
        return found.id

    def _left_out(self, element: _Element) -> dict[str, Any]:
        """Snippets that cannot be called, kept as they are."""
        left_out = without_script(element.node.get("snippets"))
        if left_out:
            self._note(element, "dai-snippet", f"{len(left_out)} of its snippets name no script: they are kept and not called")
        return {"snippets": left_out} if left_out else {}

    def _place(self, element: _Element) -> None:
        x, y, width, height = (element.node.get(key).value for key in words.BOX)
        if _is_number(x) and _is_number(y):
            size = (float(width), float(height)) if _is_number(width) and _is_number(height) else (None, None)
            self._layout[element.id] = Box(x=float(x), y=float(y), width=size[0], height=size[1])

    def _with_cases(self, model: Model) -> Model:
        routes = Routes(model)
        cases: list[TestCase] = []
        kept: list[Any] = []
        for node in self._envelope.get("test_cases").elements():
            case = read_case(node, model)
            case = self._apply_extension(case, node)
            self._places[case.id] = node.pointer
            if all(step.action in routes.actions for step in case.steps):
                cases.append(case)
            else:
                kept.append(node.value)
                self._note_case(case.name, "names actions that this model does not have")
        extras = {"test_cases": kept} if kept else {}
        patterns = self._patterns(model, routes, cases)
        return replace(
            model, test_cases=tuple(cases), extras={**model.extras, **extras, **({"testcases": patterns} if patterns else {})}
        )

    def _patterns(self, model: Model, routes: Routes, cases: list[TestCase]) -> list[Any]:
        """Convert the older test cases that mean one chain of actions; the others, as they are."""
        kept: list[Any] = []
        for node in self._definition.get("testcases").elements():
            case = read_pattern(node, model, routes)
            if case is None or any(case.name == other.name for other in cases):
                kept.append(node.value)
                self._note_case(
                    node.get("testcaseName").text(), f"does not mean one chain of actions: {node.get('testcase').text()[:80]}"
                )
            else:
                cases.append(case)
        return kept

    def _apply_extension(self, element: T, node: Node) -> T:
        return applied(element, node.get(words.EXTENSION)) if self._extended else element

    def _note(self, element: _Element, code: str, message: str) -> None:
        self._notes.append(
            Finding(
                code=code,
                severity=Severity.WARNING,
                message=f"{element.name[:60]}: {message}",
                element_id=element.id,
                element=element.name[:60],
            )
        )

    def _note_case(self, name: str, why: str) -> None:
        message = f"test case {name[:60]} {why}; it is kept and cannot be run"
        self._notes.append(
            Finding(code="dai-test-case", severity=Severity.WARNING, message=message, element=f"test case {name[:60]}")
        )


def _types(parameters: tuple[Parameter, ...]) -> dict[str, ParameterType]:
    return {parameter.name: parameter.type for parameter in parameters}


def _state_kind(node: Node) -> StateKind:
    word = node.get("stateType").text()
    hidden_exit = node.get("invisible").value is True and node.get("name").value == "Exit"
    if word in ("Normal", "") and (node.get("sortingType").value == words.SORTING[StateKind.EXIT] or hidden_exit):
        return StateKind.EXIT
    if word not in words.STATE_KINDS:
        raise node.get("stateType").error(f"the state type {word[:40]!r} is not known: it is one of {', '.join(words.STATE_KINDS)}")
    return words.STATE_KINDS[word]


def _count(node: Node, default: int) -> int:
    """A number that some versions write as text."""
    if isinstance(node.value, str):
        value = typed_value(node.value.strip() or str(default), ParameterType.INTEGER)
        if not isinstance(value, int):
            raise node.wanted("an integer")
        return value
    if isinstance(node.value, float) and node.value.is_integer():
        return int(node.value)
    return node.integer(default)


def read_sub_model(node: Node) -> str:
    """The name of a sub model; what stands in the list is not documented."""
    if isinstance(node.value, str | int):
        return str(node.value)
    return next((text for key in ("name", "modelName", "modeluuid", "uuid", "id") if (text := str(node.get(key).value or ""))), "?")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
