"""Actions of the text format, and what the names of their targets mean.

Used by `document_reader` and `document_writer`. A target is the name of a state, else of a sequent action beside this one,
else one of the words `exit`, `error`, `cleanup`.
"""

from dataclasses import dataclass, field
from typing import Any

from melanzana.errors import ExpressionError, InvalidModelError
from melanzana.graph.expressions import parse_assignments
from melanzana.graph.formats import keys
from melanzana.graph.formats.call_document import read_snippets, write_snippets
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.plain import read_expression, read_extras, write_expression, write_extras
from melanzana.graph.formats.variable_document import read_variables, write_variables
from melanzana.graph.limits import MAX_ACTIONS, MAX_VARIABLES, require_at_most
from melanzana.graph.model import Action, ActionKind, Assignment, State, StateKind, derived_id

_KINDS = (ActionKind.SEQUENT, ActionKind.PREVIOUS)


@dataclass(slots=True)
class Targets:
    """What a target may name: ids of states by name, and of the special ones by kind."""

    states: dict[str, str]
    kinds: dict[StateKind, str]
    implied: dict[StateKind, Node] = field(default_factory=dict)  #: kinds that only a target asks for, with the first one that does


class ActionReader:
    """Reads maps of actions, counting them; notes each one's place."""

    def __init__(self, model: str, targets: Targets, places: dict[str, str]) -> None:
        self._model = model
        self._targets = targets
        self._places = places
        self._count = 0

    def read_all(self, node: Node, owner: str) -> tuple[Action, ...]:
        """The entries of `actions:` of the state named `owner`, or of `anywhere:` when that is empty."""
        entries = [(name, _long_form(entry)) for name, entry in node.items()]
        self._count += len(entries)
        require_at_most(self._count, MAX_ACTIONS, "actions", "actions")
        siblings = {name: self._id(name, entry, owner) for name, entry in entries}
        sequent = {name: siblings[name] for name, entry in entries if entry.get("kind").value == ActionKind.SEQUENT}
        return tuple(self._read(name, siblings[name], entry, sequent) for name, entry in entries)

    def _id(self, name: str, node: Node, owner: str) -> str:
        element_id = node.get("id").text() or derived_id(self._model, owner, name)
        self._places[element_id] = node.pointer
        return element_id

    def _read(self, name: str, element_id: str, node: Node, sequent: dict[str, str]) -> Action:
        node.only(keys.ACTION)
        guard = node.get("when")
        variables = read_variables(node.get("variables"))
        require_at_most(len(variables), MAX_VARIABLES, "variables", "variables in one action")
        return Action(
            id=element_id,
            name=name,
            kind=_read_kind(node.get("kind")),
            targets=self._read_targets(node.get("to"), sequent),
            guard=None if guard.value is None else read_expression(guard),
            assignments=_read_assignments(node.get("set")),
            weight=node.get("weight").integer(100),
            call_limit=node.get("limit").integer(0),
            parameters=variables,
            snippets=read_snippets(node, ("do",)),
            sub_models=node.get("sub models").texts(),
            requirements=node.get("requirements").texts(),
            tags=node.get("tags").texts(),
            description=node.get("description").text(),
            extras=read_extras(node),
        )

    def _read_targets(self, node: Node, sequent: dict[str, str]) -> tuple[str, ...]:
        if isinstance(node.value, str):
            return (self._resolve(node, sequent),)
        return tuple(self._resolve(item, sequent) for item in node.elements())

    def _resolve(self, node: Node, sequent: dict[str, str]) -> str:
        name = node.required_text()
        targets = self._targets
        if found := targets.states.get(name) or sequent.get(name):
            return found
        if name not in SPECIAL_STATES:
            known = [*targets.states, *sequent, *SPECIAL_STATES]
            raise node.error(f"no state is called `{name[:80]}`, and no sequent action beside this one", closest(name, known))
        kind = StateKind(name)
        if kind not in targets.kinds:
            targets.kinds[kind] = derived_id(self._model, SPECIAL_STATES[kind])
            targets.implied[kind] = node
        return targets.kinds[kind]


def _long_form(node: Node) -> Node:
    """`search: Results` and `search: [Results, Nothing found]` say only where the action leads."""
    return Node(node.value, node.pointer, "to") if isinstance(node.value, str | list) else node


def _read_assignments(node: Node) -> tuple[Assignment, ...]:
    """A map, or a text like `basket = basket + 1; paid = false`."""
    if not isinstance(node.value, str):
        return tuple(Assignment(variable=key, expression=read_expression(entry)) for key, entry in node.items())
    try:
        return parse_assignments(node.value)
    except ExpressionError as error:
        raise node.error(f"the assignments are wrong: {error.message}") from None


def _read_kind(node: Node) -> ActionKind:
    if node.value is None:
        return ActionKind.NORMAL
    if node.required_text() not in _KINDS:
        raise node.error(
            f"the `kind` of an action is one of {', '.join(_KINDS)}; leave it out for any other", closest(node.value, _KINDS)
        )
    return ActionKind(node.value)


class TargetNames:
    """The other way round: the text that names a target; `used` collects the words that were needed."""

    def __init__(self, states: tuple[State, ...]) -> None:
        self.used: set[StateKind] = set()
        self._names = {state.id: state.name for state in states}
        self._kinds = {state.id: state.kind for state in states if state.kind in SPECIAL_STATES}
        self._taken = frozenset(self._names.values())

    def text(self, target: str, sequent: dict[str, str]) -> str:
        """`sequent` holds the names of the sequent actions beside this one, by id."""
        kind = self._kinds.get(target)
        if kind is not None and kind not in self._taken and kind not in sequent.values():
            self.used.add(kind)
            return str(kind)
        name = self._names.get(target) or sequent.get(target)
        if name is None:
            raise InvalidModelError(f"the model cannot be written: a target is the unknown element {target[:80]}")
        return name


def write_actions(actions: tuple[Action, ...], owner: str, model: str, names: TargetNames) -> dict[str, Any]:
    """The entries of `actions:` or `anywhere:`. Errors: `InvalidModelError` for what a map of names cannot hold."""
    sequent = {action.id: action.name for action in actions if action.kind is ActionKind.SEQUENT}
    document = {action.name: _write_action(action, derived_id(model, owner, action.name), names, sequent) for action in actions}
    if len(document) < len(actions):
        raise InvalidModelError(f"the model cannot be written: two actions of {owner or 'the global ones'} have the same name")
    return document


def _write_action(action: Action, derived: str, names: TargetNames, sequent: dict[str, str]) -> Any:
    document: dict[str, Any] = {}
    if action.id != derived:
        document["id"] = action.id
    if action.kind is not ActionKind.NORMAL:
        document["kind"] = str(action.kind)
    targets = [names.text(target, sequent) for target in action.targets]
    if targets:
        document["to"] = targets[0] if len(targets) == 1 else targets
    document |= _write_logic(action)
    document |= _write_traces(action)
    return document["to"] if document.keys() == {"to"} else document


def _write_logic(action: Action) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if action.description:
        document["description"] = action.description
    if action.guard is not None:
        document["when"] = write_expression(action.guard)
    document |= write_snippets(action.snippets, "do")
    if action.assignments:
        document["set"] = {entry.variable: write_expression(entry.expression) for entry in action.assignments}
    if action.weight != 100:
        document["weight"] = action.weight
    if action.call_limit:
        document["limit"] = action.call_limit
    return document


def _write_traces(action: Action) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if action.parameters:
        document["variables"] = write_variables(action.parameters)
    for key, texts in (("sub models", action.sub_models), ("requirements", action.requirements), ("tags", action.tags)):
        if texts:
            document[key] = list(texts)
    return document | write_extras(action.extras)
