"""Several models, each of a file of its own, as one graph: states of the same shared name are one state.

`melanzana generate` and `convert` call it with `--join`; the reader of GraphWalker's files names its elements with the same
`free_name` and `unique_id`. A walk that is in a shared state may go on in any of the models that have it, so coverage and tours
span them all. Order is that of the models given; time is in proportion to their size together. ADR 0025 says what is decided.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from melanzana.errors import InvalidModelError
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES, require_at_most
from melanzana.graph.model import Action, Model, Parameter, State, StateKind, TestCase, derived_id

T = TypeVar("T")
_SPECIAL = frozenset({StateKind.EXIT, StateKind.ERROR, StateKind.CLEANUP})


@dataclass(frozen=True, slots=True)
class Part:
    """One of the models to join. `place` tells file, line and column of an element's id and a field of it, for messages."""

    model: Model
    place: Callable[[str, str | None], str]


@dataclass(frozen=True, slots=True)
class Joined:
    """The one model, and what was renamed or left out."""

    model: Model
    notes: tuple[Finding, ...]


def join_models(parts: Sequence[Part]) -> Joined:
    """One model; a walk begins where the first begins. Errors: `InvalidModelError` with the places of a clash, `LimitError`."""
    return _Joining(parts).join()


def free_name(name: str, taken: Collection[str], origin: str = "") -> str:
    """The name; where it is taken, followed by the model that it comes from, if that is said, else by a number."""
    if name in taken and origin:
        name = f"{name} ({origin})"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def unique_id(element_id: str, count: Mapping[str, int], origin: str) -> str:
    """The id; where several models have it, behind the name of its model."""
    return element_id if count[element_id] == 1 else f"{origin}/{element_id}"


class _Joining:
    """The elements of all parts under their new ids and names."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._notes: list[Finding] = []
        self._parts = [part if number == 0 else self._without_start(part) for number, part in enumerate(parts)]
        _refuse_equal_models(self._parts)
        self._refuse_variables()
        count = Counter(element_id for part in self._parts for element_id in _ids(part.model))
        self._groups: dict[Hashable, list[tuple[int, State]]] = {}
        for number, state in self._states():
            self._groups.setdefault(_key(number, state), []).append((number, state))
        self._ids = {
            (number, element_id): unique_id(element_id, count, part.model.name)
            for number, part in enumerate(self._parts)
            for element_id in _ids(part.model)
        }
        for (first, state), *others in self._groups.values():
            self._refuse_twice([first, *(number for number, _ in others)], state)
            self._ids |= {(number, other.id): self._ids[first, state.id] for number, other in others}

    def join(self) -> Joined:
        first = self._parts[0].model
        names = self._state_names()
        states = tuple(self._state(group, names) for group in self._groups.values())
        anywhere = self._actions(((n, action) for n, part in enumerate(self._parts) for action in part.model.global_actions), names)
        require_at_most(len(states), MAX_STATES, "states", "states")
        require_at_most(len(anywhere) + sum(len(state.actions) for state in states), MAX_ACTIONS, "actions", "actions")
        name = " + ".join(part.model.name for part in self._parts)
        suites = tuple(dict.fromkeys(part.model.suite for part in self._parts if part.model.suite))
        if len(suites) > 1:
            self._note(f"the models name the suites {', '.join(suites)[:200]}: the first is taken")
        model = replace(
            first,
            id=derived_id(*(part.model.id for part in self._parts)),
            name=name if len(name) <= 200 else first.name,
            states=states,
            global_actions=anywhere,
            parameters=tuple(chain.from_iterable(part.model.parameters for part in self._parts)),
            test_cases=self._cases(),
            suite=suites[0] if suites else "",
            tags=_once(part.model.tags for part in self._parts),
            run_cleanup_after_abort=any(part.model.run_cleanup_after_abort for part in self._parts),
            layout={},
        )
        return Joined(model, tuple(self._notes))

    def _states(self) -> Iterator[tuple[int, State]]:
        return ((number, state) for number, part in enumerate(self._parts) for state in part.model.states)

    def _without_start(self, part: Part) -> Part:
        """A later model without its start, when nothing leads there: no walk would ever be in it."""
        model = part.model
        start = next((state for state in model.states if state.kind is StateKind.START), None)
        if start is None or start.shared or any(start.id in action.targets for _, action in model.actions()):
            return part
        self._note(f"{model.name}: its start {start.name} is left out: a walk begins in the first model")
        gone = {action.id for action in start.actions}
        kept = tuple(case for case in model.test_cases if not gone & {step.action for step in case.steps})
        if lost := len(model.test_cases) - len(kept):
            self._note(f"{model.name}: test cases that begin in {start.name} are left out: {lost}")
        states = tuple(state for state in model.states if state is not start)
        return replace(part, model=replace(model, states=states, test_cases=kept))

    def _refuse_twice(self, numbers: list[int], state: State) -> None:
        if len(set(numbers)) < len(numbers):
            number = next(number for number, times in Counter(numbers).items() if times > 1)
            twins = [twin for twin in self._parts[number].model.states if twin.shared == state.shared]
            places = " and ".join(self._parts[number].place(twin.id, "shared") for twin in twins[:2])
            raise InvalidModelError(f"{places}: two states of one model have the shared name {state.shared!r}: rename one")
        if state.shared and len(numbers) == 1:
            place = self._parts[numbers[0]].place(state.id, "shared")
            message = f"{place}: only {state.name} has the shared name {state.shared!r}: nothing is joined there"
            element_id = self._ids[numbers[0], state.id]
            self._notes.append(
                Finding(code="shared-alone", severity=Severity.WARNING, message=message, element_id=element_id, element=state.name)
            )

    def _refuse_variables(self) -> None:
        """A model's own variables may be named in no other model: there they would be read and set by accident."""
        owners: dict[str, int] = {}
        for number, part in enumerate(self._parts):
            for parameter in part.model.parameters:
                if (other := owners.setdefault(parameter.name, number)) != number:
                    self._refuse_variable(parameter, (other, self._parts[other].model.id), (number, part.model.id))
        for number, part in enumerate(self._parts):
            for element_id, parameter in _inner(part.model):
                if (other := owners.get(parameter.name, number)) != number:
                    self._refuse_variable(parameter, (other, self._parts[other].model.id), (number, element_id))

    def _refuse_variable(self, parameter: Parameter, *owners: tuple[int, str]) -> None:
        field = f"variables/{parameter.name}"
        places = " and ".join(self._parts[number].place(element_id, field) for number, element_id in owners)
        raise InvalidModelError(f"{places}: two models have a variable {parameter.name!r}, and each keeps its own: rename one")

    def _state_names(self) -> dict[str, str]:
        """By new id. The first keeps a name that several have."""
        names: dict[str, str] = {}
        taken: set[str] = set()
        for (number, state), *_ in self._groups.values():
            name = names[self._ids[number, state.id]] = self._named(state.name, taken, number)
            taken.add(name)
        return names

    def _named(self, name: str, taken: Collection[str], number: int) -> str:
        free = free_name(name, taken, self._parts[number].model.name)
        if free != name:
            self._note(f"{self._parts[number].model.name}: {name} is called {free}: another model has that name")
        return free

    def _state(self, group: list[tuple[int, State]], names: Mapping[str, str]) -> State:
        first, members = group[0], [state for _, state in group]
        new_id = self._ids[first[0], first[1].id]
        self._refuse_state_variables(group)
        return replace(
            first[1],
            id=new_id,
            name=names[new_id],
            kind=self._kind(group),
            actions=self._actions(((number, action) for number, state in group for action in state.actions), names),
            parameters=tuple(chain.from_iterable(state.parameters for state in members)),
            snippets=_once(state.snippets for state in members),
            requirements=_once(state.requirements for state in members),
            tags=_once(state.tags for state in members),
        )

    def _refuse_state_variables(self, group: list[tuple[int, State]]) -> None:
        seen: dict[str, tuple[int, str]] = {}
        for number, state in group:
            for parameter in state.parameters:
                if parameter.name in seen:
                    self._refuse_variable(parameter, seen[parameter.name], (number, state.id))
                seen[parameter.name] = number, state.id

    @staticmethod
    def _kind(group: list[tuple[int, State]]) -> StateKind:
        if any(number == 0 and state.kind is StateKind.START for number, state in group):
            return StateKind.START
        return group[0][1].kind if group[0][1].kind in _SPECIAL else StateKind.NORMAL

    def _actions(self, owned: Iterator[tuple[int, Action]], state_names: Mapping[str, str]) -> tuple[Action, ...]:
        """The actions of one state, or those anywhere; names differ from each other and from those of states."""
        found: list[Action] = []
        reserved, taken = set(state_names.values()), set[str]()
        for number, action in owned:
            clash = taken | {action.name} if action.name in reserved else taken
            name = self._named(action.name, clash, number)
            taken.add(name)
            targets = tuple(self._ids[number, target] for target in action.targets)
            found.append(replace(action, id=self._ids[number, action.id], name=name, targets=targets))
        return tuple(found)

    def _cases(self) -> tuple[TestCase, ...]:
        found: list[TestCase] = []
        taken: set[str] = set()
        for number, part in enumerate(self._parts):
            for case in part.model.test_cases:
                name = self._named(case.name, taken, number)
                taken.add(name)
                steps = tuple(replace(step, action=self._ids.get((number, step.action), step.action)) for step in case.steps)
                found.append(replace(case, id=self._ids[number, case.id], name=name, steps=steps))
        return tuple(found)

    def _note(self, message: str) -> None:
        self._notes.append(Finding(code="join-changed", severity=Severity.WARNING, message=message))


def _key(number: int, state: State) -> Hashable:
    if state.shared:
        return "shared", state.shared
    return state.kind if state.kind in _SPECIAL else (number, state.id)


def _ids(model: Model) -> Iterator[str]:
    yield from (state.id for state in model.states)
    yield from (action.id for _, action in model.actions())
    yield from (case.id for case in model.test_cases)


def _inner(model: Model) -> Iterator[tuple[str, Parameter]]:
    """The variables of states and actions, with the id of their owner."""
    yield from ((state.id, parameter) for state in model.states for parameter in state.parameters)
    yield from ((action.id, parameter) for _, action in model.actions() for parameter in action.parameters)


def _once(lists: Iterator[tuple[T, ...]]) -> tuple[T, ...]:
    """Everything once, compared by value: snippets hold maps and cannot be hashed."""
    found: list[T] = []
    found.extend(entry for entry in chain.from_iterable(lists) if entry not in found)
    return tuple(found)


def _refuse_equal_models(parts: Sequence[Part]) -> None:
    seen: dict[str, Part] = {}
    for part in parts:
        if (other := seen.setdefault(part.model.name, part)) is not part:
            places = f"{other.place(other.model.id, None)} and {part.place(part.model.id, None)}"
            raise InvalidModelError(f"{places}: two models are called {part.model.name!r}: rename one")
