"""An XState machine, as its JSON, to a `Model`.

Leaves of the statechart become states, transitions actions named after their events. Guards and actions are names of code there:
those of ours (`words.py`) are read, the others are kept in `extras` and named in notes. Code in JavaScript or TypeScript is never
read; export the machine as JSON first.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.node import Node
from melanzana.graph.formats.xstate.transitions import Transition, events_of, of_leaf, of_machine, own_guard
from melanzana.graph.formats.xstate.tree import Place, Tree
from melanzana.graph.formats.xstate.words import ASSIGN, META
from melanzana.graph.limits import MAX_ACTIONS, require_at_most
from melanzana.graph.model import Action, Assignment, Model, Parameter, ParameterType, State, StateKind, derived_id


@dataclass(slots=True)
class XStateReading:
    """A model, what was changed or left out, and the JSON pointer of each element by id."""

    model: Model
    notes: list[Finding] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


def read_noted(document: Any) -> XStateReading:
    """Errors: `FormatError` with `path`, `LimitError`."""
    return _Reader(Node(document)).read()


class _Reader:
    def __init__(self, machine: Node) -> None:
        self._machine = machine
        self._tree = Tree(machine)
        if not self._tree.leaves:
            raise machine.get("states").error("the machine has no states")
        self._name = machine.get("description").text()[:60] or machine.get("id").text() or "machine"
        self._names = _names(self._tree.leaves)
        self._notes: list[Finding] = []
        self._lost: Counter[str] = Counter()
        self._places: dict[str, str] = {}
        self._actions = 0

    def read(self) -> XStateReading:
        start = self._tree.settled(self._tree.root)
        shared = self._global_events()
        states = [self._state(leaf, start, shared) for leaf in self._tree.leaves]
        states.sort(key=lambda state: state.kind is not StateKind.START)
        model = Model(
            id=derived_id(self._name),
            name=self._name,
            states=tuple(self._one_exit(states)),
            global_actions=tuple(self._grouped(self._root_transitions(shared), None)),
            parameters=self._parameters(),
        )
        for what, count in self._lost.items():
            self._note("xstate-code", f"{count} {what}: kept in `extras`, bind code to states and actions by name instead")
        return XStateReading(model, self._notes, self._places)

    def _global_events(self) -> frozenset[str]:
        """Events of the machine itself that no state handles otherwise: they are global actions."""
        inner: set[str] = set()
        for leaf in self._tree.leaves:
            for place in leaf.upwards():
                if place.parent is not None:
                    inner |= events_of(place)
        return frozenset(events_of(self._tree.root) - inner)

    def _root_transitions(self, shared: frozenset[str]) -> list[Transition]:
        return [transition for transition in of_machine(self._tree.root) if transition.event in shared]

    def _state(self, leaf: Place, start: Place, shared: frozenset[str]) -> State:
        state_id = self._id(leaf)
        node = leaf.node
        self._places[state_id] = node.pointer
        extras = {key: node.get(key).value for key in ("entry", "exit", "invoke") if node.get(key).value is not None}
        self._lost.update({f"`{key}` of a state": 1 for key in extras})
        is_end = node.get("type").text() == "final" and leaf.parent is self._tree.root
        kind = StateKind.START if leaf is start else StateKind.EXIT if is_end else StateKind.NORMAL
        return State(
            id=state_id,
            name=self._names[leaf],
            kind=kind,
            actions=() if is_end else tuple(self._grouped(list(of_leaf(leaf, shared)), leaf)),
            tags=node.get("tags").texts(),
            requirements=node.get("meta").get("requirements").texts() if isinstance(node.get("meta").value, dict) else (),
            description=node.get("description").text(),
            extras=extras,
        )

    def _one_exit(self, states: list[State]) -> list[State]:
        """A model has one exit: the later final states are left as states that nothing leaves."""
        ends = [state for state in states if state.kind is StateKind.EXIT]
        for extra in ends[1:]:
            self._note("xstate-final", f"{extra.name}: a second final state is a state without actions here", extra.id)
        spare = {state.id for state in ends[1:]}
        plain = {state.id: State(id=state.id, name=state.name) for state in ends if state.id in spare}
        return [plain.get(state.id, state) for state in states]

    def _grouped(self, transitions: list[Transition], leaf: Place | None) -> list[Action]:
        """The actions of a leaf (None: of the machine). Candidates that one action of ours was written as are one again."""
        actions: dict[str, Action] = {}
        taken: set[str] = set()
        for transition in transitions:
            name, joins = self._action_name(transition, taken)
            if joins and name in actions:
                first = actions[name]
                more = self._targets(transition)
                actions[name] = Action(**{**_fields(first), "targets": (*first.targets, *more)})
            else:
                taken.add(name)
                actions[name] = self._action(transition, name, leaf)
        self._actions += len(actions)
        require_at_most(self._actions, MAX_ACTIONS, "actions", "actions")
        return list(actions.values())

    def _action_name(self, transition: Transition, taken: set[str]) -> tuple[str, bool]:
        written = _own_meta(transition).get("action").text()
        if written:
            return written, True
        name = transition.event
        if name not in taken:
            return name, False
        number = 2
        while f"{name} ({number})" in taken:
            number += 1
        return f"{name} ({number})", False

    def _action(self, transition: Transition, name: str, leaf: Place | None) -> Action:
        owner = "anywhere" if leaf is None else ".".join(leaf.path)
        action_id = derived_id(self._name, owner, name)
        self._places[action_id] = transition.node.pointer
        assignments, code = self._split_actions(transition)
        extras: dict[str, Any] = {"actions": code} if code else {}
        meta = _own_meta(transition)
        return Action(
            id=action_id,
            name=name,
            targets=self._targets(transition),
            guard=self._guard(transition, extras, action_id, name),
            assignments=assignments,
            weight=meta.get("weight").integer(100),
            call_limit=meta.get("limit").integer(0),
            requirements=meta.get("requirements").texts(),
            description=transition.part("description").text(),
            extras=extras,
        )

    def _targets(self, transition: Transition) -> tuple[str, ...]:
        target = transition.target
        return () if target is None else (self._id(self._tree.target(target, transition.owner, transition.part("target"))),)

    def _guard(self, transition: Transition, extras: dict[str, Any], action_id: str, name: str) -> str | None:
        parts = [f"!({guard})" for guard in transition.denied]
        if (own := own_guard(transition.guard)) is not None:
            parts = [*parts, f"({own})"] if parts else [own]
        elif transition.guard.value is not None:
            extras["guard"] = transition.guard.value
            shown = str(transition.guard.value)[:60]
            self._note("xstate-guard", f"{name}: the guard {shown} is code: it is left out, write `when:` for it", action_id)
        return " && ".join(parts) or None

    def _split_actions(self, transition: Transition) -> tuple[tuple[Assignment, ...], list[Any]]:
        node = transition.part("actions")
        entries = node.elements() if isinstance(node.value, list) else ([] if node.value is None else [node])
        assignments: list[Assignment] = []
        code: list[Any] = []
        for entry in entries:
            if isinstance(entry.value, dict) and entry.get("type").text() == ASSIGN:
                found = entry.get("params").items()
                assignments += [Assignment(variable=name, expression=value.required_text()) for name, value in found]
            else:
                code.append(entry.value)
        self._lost.update({"action of a transition": len(code)} if code else {})
        return tuple(assignments), code

    def _parameters(self) -> tuple[Parameter, ...]:
        found = []
        for name, node in self._machine.get("context").items():
            kind = _TYPES.get(type(node.value))
            if kind is None:
                self._note("xstate-context", f"the variable {name[:60]} holds neither number, text nor truth: it is left out")
            else:
                found.append(Parameter(name=name, type=kind, initial=node.scalar()))
        return tuple(found)

    def _id(self, leaf: Place) -> str:
        return derived_id(self._name, "state", *leaf.path)

    def _note(self, code: str, message: str, element_id: str | None = None) -> None:
        self._notes.append(Finding(code=code, severity=Severity.WARNING, message=message, element_id=element_id))


_TYPES = {bool: ParameterType.BOOLEAN, int: ParameterType.INTEGER, float: ParameterType.REAL, str: ParameterType.TEXT}


def _names(leaves: list[Place]) -> dict[Place, str]:
    """The leaf's own key where that is unique, else its path; a name that XState cannot have as a key is in its `meta`."""
    plain = Counter(leaf.key for leaf in leaves)
    names = {leaf: leaf.key if plain[leaf.key] == 1 else ".".join(leaf.path) for leaf in leaves}
    return {leaf: _meta(leaf.node).get("name").text() or name for leaf, name in names.items()}


def _meta(node: Node) -> Node:
    meta = node.get("meta")
    return meta.get(META) if isinstance(meta.value, dict) else Node(None, node.pointer)


def _own_meta(transition: Transition) -> Node:
    return _meta(transition.node) if isinstance(transition.node.value, dict) else Node(None, transition.node.pointer)


def _fields(action: Action) -> dict[str, Any]:
    return {name: getattr(action, name) for name in action.__slots__}
