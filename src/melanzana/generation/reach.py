"""What a walk can still come to from where it stands: the ground on which stop conditions say whether they can be met.

Three ways to find it: `shaped` looks at arcs alone and is linear in them; `explored` looks at guards and data from the start on,
and `onward` from the middle of a walk, both up to a limit of work. What is missing from a reach is out of reach for certain.
What is in it is certain only where the reach is `sure`: then nothing that decides what may be done hangs on snippets or on draws.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from itertools import pairwise

from melanzana.generation.configurations import Configurations, configurations
from melanzana.generation.coverage import Covered, Transition, counted_actions, counted_states, transitions_of
from melanzana.generation.feasible import Feasible, Seen, space_of
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prospect import Blocking
from melanzana.generation.reachability import Reachability
from melanzana.generation.relaxing import relaxed, starts, unknown_variables
from melanzana.generation.search import Landscape, Variable
from melanzana.graph.model import Action, ActionKind, Model, Scalar, State

#: Configurations looked at before a run, and from the middle of one; and the part of the moves that a tour would look at.
EXPLORE_LIMIT, ONWARD_LIMIT = 20_000, 5_000
_MOVES_PART = 4
_WORDS = {Covered.STATES: "state", Covered.ACTIONS: "action", Covered.TRANSITIONS: "transition"}
_SHOWN = 80

Key = str | Transition


class How(Enum):
    """By what a reach was found."""

    SHAPED, EXPLORED, ONWARD = range(3)


_NOT_LED_TO = {
    How.SHAPED: "no path from the start leads to it",
    How.EXPLORED: "nothing that can be performed leads to it",
    How.ONWARD: "nothing leads to it any more",
}


class Reach:
    """What can be come to.

    `ends`: can an iteration end, at Exit or where nothing can be done? `traps`: is it known what may be done, and can a walk
    come to where it neither ends nor comes back to the start? `how`: by what it was found, for the words in which it is told.
    """

    def __init__(
        self, model: Model, found: Feasible, *, sure: bool, ends: bool, traps: bool = False, how: How = How.EXPLORED
    ) -> None:
        self.states, self.actions, self.transitions = found.states, found.actions, found.transitions
        self.complete, self.reason = found.complete, found.reason
        self.sure, self.ends = sure and found.complete, ends or not found.complete
        self.traps = traps
        self._model = model
        self._how = how
        self._states = {state.id: state for state in model.states}
        self._actions = {action.id: (owner, action) for owner, action in model.actions()}

    def of(self, kind: Covered) -> frozenset[Key]:
        """What of a kind that counts can be come to: ids, or transitions."""
        return (self.states, self.actions, self.transitions)[kind]

    def counted(self, kind: Covered) -> tuple[Key, ...]:
        """Everything of a kind that counts, in document order."""
        return self._counted[kind]

    def blocked(self, kind: Covered, besides: Iterable[Key] = ()) -> tuple[Blocking, ...]:
        """What of a kind cannot be come to, but for what is named, and why not."""
        known = self.of(kind) | set(besides)
        return tuple(self._blocking(kind, key) for key in self._counted[kind] if key not in known)

    def holds(self, element_id: str) -> bool:
        """Can this state or action be come to?"""
        return element_id in self.states or element_id in self.actions

    def blocking(self, element_id: str) -> Blocking:
        """Why a state or action cannot be come to."""
        return self._blocking(Covered.STATES if element_id in self._states else Covered.ACTIONS, element_id)

    @cached_property
    def _counted(self) -> tuple[tuple[Key, ...], ...]:
        states, actions = counted_states(self._model), counted_actions(self._model)
        pairs = [pair for action in actions for pair in transitions_of(action)]
        kinds: tuple[Iterable[Key], ...] = ((state.id for state in states), (action.id for action in actions), pairs)
        return tuple(tuple(dict.fromkeys(keys)) for keys in kinds)

    def _blocking(self, kind: Covered, key: Key) -> Blocking:
        element, target = (key, None) if isinstance(key, str) else key
        if kind is Covered.STATES:
            return Blocking(kind="state", id=element, label=_quoted(self._states[element].name), reason=self._why_state())
        owner, action = self._actions[element]
        label = _quoted(action.name) + (f" in {_quoted(owner.name)}" if owner else "")
        if target is not None and kind is Covered.TRANSITIONS:
            label += f" → {self._name(target)}"
        return Blocking(kind=_WORDS[kind], id=element, target=target, label=label, reason=self._why(owner, action))

    def _name(self, element_id: str) -> str:
        state = self._states.get(element_id)
        return state.name if state else self._actions[element_id][1].name

    def _why_state(self) -> str:
        return _NOT_LED_TO[self._how]

    def _why(self, owner: State | None, action: Action) -> str:
        if action.weight == 0 and action.kind is not ActionKind.SEQUENT:
            return "its weight is 0"
        if owner is not None and owner.id not in self.states:
            return f"{_quoted(owner.name)} cannot be reached"
        if action.id in self.actions:
            return "that may never follow"
        return never(action) if self._how is How.EXPLORED else _NOT_LED_TO[self._how]


def never(action: Action) -> str:
    """Why an action that is offered where a walk can come to is never performed."""
    guard = " ".join((action.guard or "").split())
    shown = guard if len(guard) <= _SHOWN else guard[: _SHOWN - 1] + "…"
    if guard and action.assignments:
        return f"its guard `{shown}`, or the bounds of what it assigns, never allow it"
    if guard:
        return f"its guard `{shown}` is never true"
    return "what it assigns is always out of bounds" if action.assignments else "nothing that can be performed leads to it"


def shaped(model: Model) -> Reach:
    """By arcs alone: guards, limits and data are left aside. Linear in the model."""
    return Reach(model, Seen(model).by_shape(), sure=False, ends=not Reachability(model).never_ends(), how=How.SHAPED)


def explored(network: Network, fixed: Mapping[Variable, Scalar], limit: int = EXPLORE_LIMIT) -> Reach:
    """From the start on, by guards and data, on the model without what is not known beforehand.

    `fixed`: what the caller fixes, by store and name. At most `limit` configurations are looked at, and so many moves.
    """
    beginnings = starts(network, fixed)
    unknown = unknown_variables(network, fixed.keys() | beginnings[0].keys())
    sure = is_sure(network, unknown)
    bare = network if sure else Network(relaxed(network, unknown, any_weight=False), dry=True)
    space = space_of(bare, beginnings, fixed)
    begun = space.size()  # beginnings that differ in nothing that decides are one
    space.moves_left //= _MOVES_PART
    seen = Seen(bare.model)
    seen.explore(space, limit)
    return Reach(network.model, seen.found(), sure=sure, ends=has_ends(space), traps=sure and has_traps(space, begun))


def onward(position: Position, limit: int = ONWARD_LIMIT) -> Reach | None:
    """From the middle of a walk to the end of its iteration.

    None where nothing is known against anything: the iteration may end (then everything is possible again), what may be done
    hangs on snippets or draws, or there is more than is looked at.
    """
    network = position.network
    drawn_before = {(0, name) for name, domain in network.scopes.layout[0].items() if domain.generated}
    if not is_sure(network, unknown_variables(network, drawn_before)):
        return None
    space = configurations(network, Landscape(network), position)
    space.enter(position)
    space.limit, space.moves_left = min(space.limit, limit), space.moves_left // _MOVES_PART
    space.explore()
    if has_ends(space):
        return None
    pairs = frozenset(_taken(space))
    entered = frozenset(space.state_of(node).id for node in space.heads)
    found = Feasible(states=entered, actions=frozenset(action for action, _ in pairs), transitions=pairs)
    return Reach(network.model, found, sure=True, ends=False, how=How.ONWARD)


def is_sure(network: Network, unknown: frozenset[Variable]) -> bool:
    """Is everything known that decides what may be done?"""
    return unknown.isdisjoint(Landscape(network).deciding)


def has_ends(space: Configurations) -> bool:
    """Can an iteration end: does nothing lead on from a configuration, or was not everything looked at?"""
    return not space.complete or any(first == following for first, following in pairwise(space.first))


def has_traps(space: Configurations, beginnings: int) -> bool:
    """Is there a configuration from which neither an end nor the start can be come to, or was not everything looked at?"""
    if not space.complete:
        return True
    safe = bytearray(space.size())
    waiting = [*range(beginnings), *(node for node in range(space.explored) if not space.out(node))]
    before: list[list[int]] = [[] for _ in safe]
    for tail, head in zip(space.tails, space.heads, strict=True):
        before[head].append(tail)
    while waiting:
        node = waiting.pop()
        if not safe[node]:
            safe[node] = 1
            waiting.extend(before[node])
    return not all(safe)


def _taken(space: Configurations) -> Iterator[Transition]:
    pairs, names = space.labels_of.pairs, space.network.labels
    for label in dict.fromkeys(space.labels):
        action, target = pairs[label]
        yield action.id, names(target)[0]


def _quoted(name: str) -> str:
    return f"'{name}'"
