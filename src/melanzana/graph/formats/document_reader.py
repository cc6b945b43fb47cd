"""A plain document of the text format to a `Model`.

`text.py` calls it with values that have positions, `document.py` with those of a JSON snapshot. Names become ids in two
rounds: first all states and actions get theirs, then targets, test steps and layout are looked up. Errors name their place as
a JSON pointer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from melanzana.graph.formats import keys
from melanzana.graph.formats.action_document import ActionReader, Targets
from melanzana.graph.formats.addresses import ANYWHERE, Addresses
from melanzana.graph.formats.call_document import read_snippets
from melanzana.graph.formats.case_document import read_layout, read_test_cases
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.plain import read_extras
from melanzana.graph.formats.variable_document import read_variables
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES, MAX_VARIABLES, require_at_most
from melanzana.graph.model import Model, State, StateKind, derived_id


@dataclass(slots=True)
class Reading:
    """A model, and the JSON pointer of each of its elements by id."""

    model: Model
    places: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A state whose id is known and whose content is still to be read."""

    id: str
    name: str
    kind: StateKind
    node: Node


def read_document(document: Any) -> Reading:
    """The model that the document describes. Errors: `FormatError` with `path`, `LimitError`."""
    return _DocumentReader(Node(document)).read()


class _DocumentReader:
    """Reads one document; every method reads one section."""

    def __init__(self, root: Node) -> None:
        if not isinstance(root.value, Mapping):
            raise root.error("a model is a map that starts with `model: <name>`")
        self._root = root.only(keys.MODEL)
        self._name = root.get("model").required_text() if "model" in root.value else self._no_name()
        self._reading = Reading(Model(id="", name="", states=()))

    def _no_name(self) -> str:
        raise self._root.error("the model has no name: start the document with `model: <name>`")

    def read(self) -> Reading:
        root = self._root
        drafts = self._drafts()
        targets = Targets({draft.name: draft.id for draft in drafts}, {draft.kind: draft.id for draft in drafts})
        actions = ActionReader(self._name, targets, self._reading.places)
        global_actions = actions.read_all(root.get(ANYWHERE), "")
        states = tuple(self._state(draft, actions) for draft in drafts) + tuple(self._implied_states(targets))
        model = Model(
            id=root.get("id").text() or derived_id(self._name),
            name=self._name,
            states=tuple(sorted(states, key=_section_order)) if self._has_sections(drafts) else states,
            global_actions=global_actions,
            parameters=self._variables(root),
            suite=root.get("suite").text(),
            tags=root.get("tags").texts(),
            description=root.get("description").text(),
            run_cleanup_after_abort=root.get("run cleanup after abort").flag(False),
            global_actions_in_start=root.get("global actions in start").flag(True),
            extras=read_extras(root),
        )
        return self._with_references(model)

    def _with_references(self, model: Model) -> Reading:
        """The parts that name elements of the finished graph."""
        require_at_most(
            sum(max(1, len(action.targets)) for _, action in model.actions()), MAX_ACTIONS, "transitions", "transitions"
        )
        addresses = Addresses(model.states, model.global_actions)
        self._reading.model = replace(
            model,
            test_cases=read_test_cases(self._root.get("test cases"), model, addresses, self._reading.places),
            layout=read_layout(self._root.get("layout"), addresses),
        )
        return self._reading

    def _drafts(self) -> list[_Draft]:
        """Every state that is written down, with its id."""
        start = self._start()
        drafts = [
            _Draft(self._state_id(name, node), name, self._kind(name, node, start), node)
            for name, node in self._root.get("states").items()
        ]
        require_at_most(len(drafts), MAX_STATES, "states", "states")
        for kind, usual_name in SPECIAL_STATES.items():
            if kind in self._root.value:
                node = self._root.get(kind)
                name = node.get("name").text() or usual_name
                self._refuse_second(drafts, kind, name, node)
                drafts.append(_Draft(self._state_id(name, node), name, kind, node))
        return drafts

    def _start(self) -> str:
        start, states = self._root.get("start"), self._root.get("states")
        names = [name for name, _ in states.items()]
        if not names:
            raise states.error("the model has no states: list them under `states:`")
        if start.value is None:
            raise self._root.error(f"the model does not say where a run starts: add `start: {names[0][:80]}`")
        name = start.required_text()
        if name not in names:
            raise start.error(f"`start` names no state: `{name[:80]}`", closest(name, names))
        return name

    def _state_id(self, name: str, node: Node) -> str:
        element_id = node.get("id").text() or derived_id(self._name, name)
        self._reading.places[element_id] = node.pointer
        return element_id

    def _kind(self, name: str, node: Node, start: str) -> StateKind:
        word = node.get("kind")
        if name == start:
            if word.value is not None:
                raise word.error("the start state has no `kind`")
            return StateKind.START
        if word.value is None:
            return StateKind.NORMAL
        known = tuple(SPECIAL_STATES)
        if word.required_text() not in known:
            raise word.error(
                f"the `kind` of a state is one of {', '.join(known)}; leave it out for any other", closest(word.value, known)
            )
        return StateKind(word.value)

    @staticmethod
    def _refuse_second(drafts: list[_Draft], kind: StateKind, name: str, node: Node) -> None:
        if any(draft.kind is kind for draft in drafts):
            raise node.error(f"there is already a state of the kind {kind}: remove the section `{kind}:`")
        if any(draft.name == name for draft in drafts):
            raise node.error(f"a state is already called `{name[:80]}`: write `kind: {kind}` there, or give this one a `name`")

    def _state(self, draft: _Draft, actions: ActionReader) -> State:
        node = draft.node.only(keys.SPECIAL_STATE if self._is_section(draft) else keys.STATE)
        return State(
            id=draft.id,
            name=draft.name,
            kind=draft.kind,
            shared=self._shared(draft),
            actions=actions.read_all(node.get("actions"), draft.name),
            parameters=self._variables(node),
            snippets=read_snippets(node, ("check", "do")),
            requirements=node.get("requirements").texts(),
            tags=node.get("tags").texts(),
            description=node.get("description").text(),
            extras=read_extras(node),
        )

    @staticmethod
    def _shared(draft: _Draft) -> str:
        node = draft.node.get("shared") if draft.kind not in SPECIAL_STATES else Node(None)
        if draft.kind in SPECIAL_STATES and draft.node.get("shared").value is not None:
            raise draft.node.get("shared").error(f"a state of the kind {draft.kind} is one of all joined models: remove `shared`")
        if node.value is not None and not node.required_text().strip():
            raise node.error("the shared name is empty: name it, or remove `shared`")
        return node.text()

    @staticmethod
    def _is_section(draft: _Draft) -> bool:
        return draft.node.pointer.count("/") == 1

    def _has_sections(self, drafts: list[_Draft]) -> bool:
        """States with sections, or only implied by a target, follow all others in one order."""
        return all(self._is_section(draft) for draft in drafts if draft.kind in SPECIAL_STATES)

    def _variables(self, node: Node) -> Any:
        variables = read_variables(node.get("variables"))
        require_at_most(len(variables), MAX_VARIABLES, "variables", "variables in one scope")
        return variables

    def _implied_states(self, targets: Targets) -> Iterator[State]:
        """Writing `to: exit` is enough to have an Exit state."""
        for kind, node in targets.implied.items():
            name = SPECIAL_STATES[kind]
            if name in targets.states:
                raise node.error(
                    f"`{kind}` would add a state `{name}`, and one exists: write `to: {name}`, or `kind: {kind}` in that state"
                )
            self._reading.places[targets.kinds[kind]] = node.pointer
            yield State(id=targets.kinds[kind], name=name, kind=kind)


def _section_order(state: State) -> int:
    return list(SPECIAL_STATES).index(state.kind) + 1 if state.kind in SPECIAL_STATES else 0
