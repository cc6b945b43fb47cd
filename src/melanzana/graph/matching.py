"""Which element of a new model is which one of the old: by id, then by name, then by what it does.

Ids of many files are derived from names (`derived_id`), so a new name gives new ids to a state and to all its actions. What has
neither its id nor its name any more is compared by what surrounds it: two states by the actions that leave and enter them, two
actions by targets, guard, assignments and code. A pair is the same element under a new name when it has at least half of that in
common; of several the most alike are paired first. Swapping old and new gives the same pairs.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from melanzana.graph.model import Action, Model, Parameter, State, StateKind, TestCase
from melanzana.graph.normal_form import NormalForm

E = TypeVar("E", bound="State | Action | TestCase")
Pairs = dict[str, str]  #: old id → new id

#: Part of what two elements do that they must have in common.
_ALIKE = 0.5


class Matching:
    """The pairs of two models."""

    def __init__(self, old: Model, new: Model) -> None:
        self.variables = _variables(old.parameters, new.parameters)  #: old name → new name, of global variables
        self.states = _states(old, new)
        self.actions = _Actions(old, new, self).pairs()
        self.test_cases = _paired(old.test_cases, new.test_cases, lambda case: case.id)
        self.test_cases |= _by_name(_left(old.test_cases, self.test_cases, 0), _left(new.test_cases, self.test_cases, 1))

    @property
    def elements(self) -> Pairs:
        """States and actions."""
        return self.states | self.actions


def _variables(old: Sequence[Parameter], new: Sequence[Parameter]) -> dict[str, str]:
    """Global variables: by name, by id, and where one is left that can hold the same."""
    names = {p.name for p in new}
    pairs = {p.name: p.name for p in old if p.name in names}
    by_id = {p.id: p.name for p in new if p.id}
    pairs |= {p.name: by_id[p.id] for p in old if p.name not in pairs and p.id in by_id and by_id[p.id] not in pairs.values()}
    form = NormalForm({}, {}, str)
    left, right = [p for p in old if p.name not in pairs], [p for p in new if p.name not in pairs.values()]
    for one in left:
        same = [other for other in right if form.parameter(other) == form.parameter(one)]
        mine = [other for other in left if form.parameter(other) == form.parameter(one)]
        if len(same) == len(mine) == 1:
            pairs[one.name] = same[0].name
    return pairs


def _states(old: Model, new: Model) -> Pairs:
    pairs = _paired(old.states, new.states, lambda state: state.id)
    pairs |= _by_name(_left(old.states, pairs, 0), _left(new.states, pairs, 1))
    special = {state.kind: state for state in _left(new.states, pairs, 1) if state.kind is not StateKind.NORMAL}
    for state in _left(old.states, pairs, 0):
        if state.kind in special:
            pairs[state.id] = special.pop(state.kind).id
    left, right = _left(old.states, pairs, 0), _left(new.states, pairs, 1)
    surroundings = [_around(old), _around(new)]
    pairs |= _by_likeness(left, right, lambda s: surroundings[0][s.id], lambda s: surroundings[1][s.id])
    return pairs


def _around(model: Model) -> dict[str, frozenset[Hashable]]:
    """Of each state: its actions, those that lead to it, its code and its variables, all by name."""
    found: dict[str, set[Hashable]] = {
        state.id: {("do", one.reference) for one in state.snippets}
        | {("has", p.name) for p in state.parameters}
        | {("offers", action.name) for action in state.actions}
        for state in model.states
    }
    for _, action in model.actions():
        for target in action.targets:
            if target in found:
                found[target].add(("in", action.name))
    return {state: frozenset(features) for state, features in found.items()}


class _Actions:
    """Pairs of actions, once it is known which states are which."""

    def __init__(self, old: Model, new: Model, matching: Matching) -> None:
        self._old, self._new = list(old.actions()), list(new.actions())
        self._states = matching.states
        names = [_names(model) for model in (old, new)]
        self._forms = (
            NormalForm(matching.variables, self._states, lambda element: names[0].get(element, element)),
            NormalForm({}, {}, lambda element: names[1].get(element, element)),
        )

    def pairs(self) -> Pairs:
        """Old id → new id. Only ids find an action again in another state."""
        pairs = _paired([a for _, a in self._old], [a for _, a in self._new], lambda action: action.id)
        for left, right in self._places(pairs):
            pairs |= _by_name(left, right)
        for left, right in self._places(pairs):
            pairs |= _by_likeness(left, right, lambda a: self._features(a, 0), lambda a: self._features(a, 1))
        return pairs

    def _places(self, pairs: Pairs) -> Iterable[tuple[list[Action], list[Action]]]:
        """The actions left in each state of the old model, and in the same state of the new one; then the global ones."""
        taken = set(pairs.values())
        right: dict[str | None, list[Action]] = {}
        for state, action in self._new:
            if action.id not in taken:
                right.setdefault(state.id if state else None, []).append(action)
        left: dict[str | None, list[Action]] = {}
        for state, action in self._old:
            if action.id not in pairs and (state is None or state.id in self._states):
                left.setdefault(self._states[state.id] if state else None, []).append(action)
        return [(actions, right[place]) for place, actions in left.items() if place in right]

    def _features(self, action: Action, side: int) -> frozenset[Hashable]:
        aspects = self._forms[side].action(action)
        plain: dict[str, Hashable] = {
            "kind": "normal",
            "weight": 100,
            "call limit": 0,
            "guard": None,
            "sub-models": (),
            "snippets": (),
        }
        found: set[Hashable] = set()
        for aspect, (value, _) in aspects.items():
            if isinstance(value, frozenset):
                found |= {(aspect, one) for one in value}
            elif value != plain.get(aspect):
                found.add((aspect, value))
        return frozenset(found)


def _names(model: Model) -> dict[str, str]:
    return {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()}


def _paired(old: Iterable[E], new: Iterable[E], key: Callable[[E], str]) -> Pairs:
    known = {key(element): element.id for element in new}
    return {element.id: known[key(element)] for element in old if key(element) in known}


def _left(elements: Iterable[E], pairs: Pairs, side: int) -> list[E]:
    taken = set(pairs.values()) if side else pairs.keys()
    return [element for element in elements if element.id not in taken]


def _by_name(old: Sequence[E], new: Sequence[E]) -> Pairs:
    """Those whose name is used once on each side."""
    names = [_once(old), _once(new)]
    return {element.id: names[1][name].id for name, element in names[0].items() if name in names[1]}


def _once(elements: Sequence[E]) -> Mapping[str, E]:
    count: dict[str, int] = {}
    for element in elements:
        count[element.name] = count.get(element.name, 0) + 1
    return {element.name: element for element in elements if count[element.name] == 1}


def _by_likeness(
    old: Sequence[E], new: Sequence[E], left: Callable[[E], frozenset[Hashable]], right: Callable[[E], frozenset[Hashable]]
) -> Pairs:
    """The most alike first; between pairs that are equally alike their names decide, whichever side is old."""
    having: dict[Hashable, list[int]] = {}
    features = [right(element) for element in new]
    for number, found in enumerate(features):
        for feature in found:
            having.setdefault(feature, []).append(number)
    ranked = []
    for element in old:
        mine = left(element)
        for number in {number for feature in mine for number in having.get(feature, ())}:
            score = len(mine & features[number]) / len(mine | features[number])
            if score >= _ALIKE:
                other = new[number]
                between = (*sorted((element.name, other.name)), *sorted((element.id, other.id)))
                ranked.append((-score, between, element.id, other.id))
    pairs: Pairs = {}
    taken: set[str] = set()
    for _, _, old_id, new_id in sorted(ranked):
        if old_id not in pairs and new_id not in taken:
            pairs[old_id] = new_id
            taken.add(new_id)
    return pairs
