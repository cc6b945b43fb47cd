"""Which transitions may follow which, guards and data left aside: how many n-step paths there are, and whether one is among them.

An n-step path is n transitions in a row within one iteration. After a transition the walk is in a place: a state, or a state
with a sequent action that is due. A global action that stays, or one that leads back, may leave it in several places; so paths
are counted as the words of an automaton, each once whatever places it goes through (subset construction). One step in depth costs
as much as there are transitions and sets of places; the count itself is exact however large it is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from melanzana.generation.coverage import Transition, counted_actions, transitions_of
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind

P = TypeVar("P")
Places = frozenset[P]
Onward = Callable[[P], Iterable[tuple[int, P]]]
#: A state by number and the sequent action that is due, by number; -1 for none.
Place = tuple[int, int]

_ENDS = (StateKind.EXIT, StateKind.CLEANUP)


def count_words(first: "Places[P]", onward: "Onward[P]", length: int, budget: int | None = None) -> int | None:
    """How many different words of `length` labels can be read from any of the places `first`.

    None when more than `budget` places had to be looked at.
    """
    level, spent = {first: 1}, 0
    for _ in range(length):
        following: dict[Places[P], int] = {}
        for places, times in level.items():
            spent += len(places)
            if budget is not None and spent > budget:
                return None
            for ahead in branches(places, onward).values():
                following[ahead] = following.get(ahead, 0) + times
        level = following
    return sum(level.values())


def branches(places: "Places[P]", onward: "Onward[P]") -> dict[int, "Places[P]"]:
    """Where each label leads from any of the places."""
    found: dict[int, set[P]] = {}
    for place in places:
        for label, ahead in onward(place):
            found.setdefault(label, set()).add(ahead)
    return {label: frozenset(ahead) for label, ahead in found.items()}


class Succession:
    """The automaton of one model."""

    def __init__(self, model: Model) -> None:
        self.transitions: tuple[Transition, ...] = tuple(t for action in counted_actions(model) for t in transitions_of(action))
        self.number = {transition: number for number, transition in enumerate(self.transitions)}
        self._model = model
        self._actions = [action for _, action in model.actions()]
        self._owners = [state for state, _ in model.actions()]
        self._action_number = {action.id: number for number, action in enumerate(self._actions)}
        self._state_number = {state.id: number for number, state in enumerate(model.states)}
        self._offered = [tuple(self._offers(state)) for state in model.states]
        self._known: dict[Place, list[tuple[int, Place]]] = {}
        self._before: list[set[int]] = [set() for _ in model.states]
        self._all = self._explore()
        self._first = branches(self._all, self.onward)

    def count(self, length: int) -> int:
        """How many paths of `length` transitions there are."""
        return count_words(self._all, self.onward, length) or 0

    def has(self, path: tuple[int, ...]) -> bool:
        """Can these transitions, by number, follow each other?"""
        places = self._first.get(path[0], frozenset())
        for label in path[1:]:
            places = frozenset(ahead for place in places for found, ahead in self.onward(place) if found == label)
        return bool(places)

    def onward(self, place: Place) -> list[tuple[int, Place]]:
        """The transitions that may be taken in a place, and where they lead."""
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = [
                (label, ahead) for action in self._due(place) for label, ahead in self._through(place[0], action)
            ]
        return found

    def _due(self, place: Place) -> Iterable[Action]:
        return self._offered[place[0]] if place[1] < 0 else (self._actions[place[1]],)

    def _through(self, state: int, action: Action) -> Iterable[tuple[int, Place]]:
        for transition in transitions_of(action):
            label = self.number.get(transition)
            if label is not None:
                for ahead in self._landing(state, action, transition[1]):
                    yield label, ahead

    def _landing(self, state: int, action: Action, target: str | None) -> Iterable[Place]:
        if action.kind is ActionKind.PREVIOUS:
            return [(before, -1) for before in sorted(self._before[state])]
        if target is None:
            return [(state, -1)]
        if target in self._state_number:
            return [(self._state_number[target], -1)]
        number = self._action_number.get(target)
        return [] if number is None else [(self._owner(number, state), number)]

    def _owner(self, action: int, state: int) -> int:
        owner = self._owners[action]
        return state if owner is None else self._state_number[owner.id]

    def _offers(self, state: State) -> Iterable[Action]:
        if state.kind in _ENDS:
            return
        everywhere = state.kind is StateKind.NORMAL or (state.kind is StateKind.START and self._model.global_actions_in_start)
        for action in (*state.actions, *(self._model.global_actions if everywhere else ())):
            if action.kind is not ActionKind.SEQUENT:
                yield action

    def _explore(self) -> "Places[Place]":
        """Every place; where actions lead back, what may lie before a state is found on the way, until nothing new is."""
        waiting = [(number, -1) for number in range(len(self._offered))]
        waiting += [
            (self._owner(number, 0), number) for number, action in enumerate(self._actions) if action.kind is ActionKind.SEQUENT
        ]
        found: Mapping[Place, None] = dict.fromkeys(waiting)
        size = -1
        while size != (size := len(found) + sum(map(len, self._before))):
            self._known.clear()
            found = self._spread(found)
        return frozenset(found)

    def _spread(self, places: Iterable[Place]) -> dict[Place, None]:
        found = dict.fromkeys(places)
        waiting = list(found)
        while waiting:
            place = waiting.pop()
            for _, ahead in self.onward(place):
                if ahead[0] != place[0]:
                    self._before[ahead[0]].add(place[0])
                if ahead not in found:
                    found[ahead] = None
                    waiting.append(ahead)
        return found
