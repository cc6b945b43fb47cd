"""What a tour goes through and what it cannot: planned once before the first step, then walked by `following.py`.

`plan_tour` explores the configurations from Start, asks `cover.py` for the arcs, and says of every transition that is not covered
why: that no configuration that can be reached enables it, or that the search ended before that was known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from melanzana.generation.configurations import Configurations, Label, configurations
from melanzana.generation.coverage import counted_actions
from melanzana.generation.network import CompiledAction, Network, chained
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape
from melanzana.generation.tours.nearest import RESET
from melanzana.graph.model import ActionKind

#: A duration of one second, or an action without one, in the whole numbers that costs are counted in.
SECOND = 1_000
#: Why no walk that chooses by itself takes a transition.
NEVER_CHOSEN = "its weight is 0"
#: Transitions named in one sentence.
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A transition that no tour of ours goes through."""

    action_id: str
    target_id: str | None
    name: str  #: of the action
    reason: str
    certain: bool  #: no walk of any kind can take it; else the search ended too early, or it hangs on what snippets answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A planned tour. `arcs` are those of `space`, RESET where an iteration ends before Exit; costs are in 1/SECOND."""

    space: Configurations
    start: int
    arcs: tuple[int, ...]
    costs: tuple[int, ...]  #: by label
    exact: bool  #: is it known that no walk through the same transitions is cheaper?
    gaps: tuple[Gap, ...]

    @property
    def actions(self) -> int:
        """How many actions it performs."""
        return sum(1 for arc in self.arcs if arc != RESET)

    def journeys(self) -> list[list[int]]:
        """The arcs of each iteration; a journey that ends at Exit ends by itself."""
        space, found, node = self.space, [list[int]()], self.start
        for arc in self.arcs:
            if arc == RESET or space.ends(node):
                found.append([])
            if arc != RESET:
                found[-1].append(arc)
                node = space.heads[arc]
            else:
                node = self.start
        return [journey for journey in found if journey]


def label_costs(pairs: Sequence[Label], network: Network, durations: Mapping[str, float]) -> tuple[int, ...]:
    """What each transition costs: the seconds of its action and of the state it enters, in 1/SECOND and at least 1.

    `durations` are by element id; without one an action takes a second and a state no time.
    """
    if not durations:
        return (SECOND,) * len(pairs)
    found = []
    for action, target in pairs:
        entered = durations.get(network.states[target].id, 0.0) if target is not None and target >= 0 else 0.0
        found.append(max(round((durations.get(action.id, 1.0) + entered) * SECOND), 1))
    return tuple(found)


def plan_tour(
    network: Network, landscape: Landscape, start: Position, *, durations: Mapping[str, float], reset_seconds: float | None
) -> Tour:
    """The tour of a walk that first chooses at `start`. What may be done must not hang on drawn values.

    `reset_seconds`: what starting over before Exit costs; None: it is done where nothing else leads on.
    """
    from melanzana.generation.tours.cover import cover  # noqa: PLC0415 - it loads the solver, which few runs need

    space = configurations(network, landscape, start)
    root = space.enter(start)
    space.explore()
    costs = label_costs(space.labels_of.pairs, network, durations)
    reset = None if reset_seconds is None else max(round(reset_seconds * SECOND), 1)
    # Alike costs are counted in ones: the solver is faster on small numbers.
    unit = SECOND if set(costs) == {SECOND} and (reset is None or reset % SECOND == 0) else 1
    found = cover(space, root, [cost // unit for cost in costs], None if reset is None else reset // unit)
    return Tour(
        space=space,
        start=root,
        arcs=tuple(_without_forced(space, found.arcs)),
        costs=costs,
        exact=found.exact and space.complete,
        gaps=tuple(gaps(space, landscape)),
    )


def gaps(space: Configurations, landscape: Landscape) -> list[Gap]:
    """What counts as coverage and is on no arc, with the reason, in document order."""
    network, on_an_arc = space.network, set(space.labels)
    if len(on_an_arc) == len(space.labels_of.pairs):
        return []
    counted = {action.id for action in counted_actions(network.model)}
    reached = {space.state_of(node).index for node in range(space.size())}
    found = []
    for label, (action, target) in enumerate(space.labels_of.pairs):
        if label in on_an_arc or action.id not in counted:
            continue
        reason, certain = _reason(space, landscape, (action, target), reached)
        target_id = network.labels(None if action.to_previous else target)[0]
        found.append(Gap(action_id=action.id, target_id=target_id, name=action.name, reason=reason, certain=certain))
    return found


def in_words(found: Sequence[Gap]) -> str:
    """`2 transitions cannot be covered: 'pay' (…), 'give up' (…)`; empty for none."""
    if not found:
        return ""
    certain = all(gap.certain for gap in found)
    what = "1 transition" if len(found) == 1 else f"{len(found)} transitions"
    named = [f"'{gap.name}' ({gap.reason})" for gap in found[:_NAMED]]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{what} {'cannot be' if certain else 'could not be'} covered: {', '.join(named)}{more}"


def _without_forced(space: Configurations, arcs: Sequence[int]) -> list[int]:
    """The arcs without the resets at Exit: there the walk starts over by itself."""
    kept = [arcs[0]] if arcs else []
    for before, arc in pairwise(arcs):
        if not (arc == RESET and before != RESET and space.ends(space.heads[before])):
            kept.append(arc)
    return kept


def _reason(space: Configurations, landscape: Landscape, pair: Label, reached: set[int]) -> tuple[str, bool]:
    """Why a transition is on no arc, and whether that is certain."""
    action = pair[0]
    if action.weight == 0 and action.kind is not ActionKind.SEQUENT:
        return NEVER_CHOSEN, True
    if landscape.hangs_on_snippets(action):
        return "it hangs on what snippets answer", False
    if not space.complete:
        return f"not found within {space.limit:,} configurations", False
    return _obstacle(space, action, reached), not landscape.hangs_on_answers


def _obstacle(space: Configurations, action: CompiledAction, reached: set[int]) -> str:
    if action.kind is ActionKind.SEQUENT:
        leaders = [f"'{other.name}'" for other in space.network.actions if chained(action.index) in other.targets]
        return f"it can never follow after {' or '.join(leaders)}" if leaders else "no action leads to it"
    if action.owner is not None and action.owner.index not in reached:
        return f"no walk comes to state '{action.owner.name}'"
    if action.to_previous:
        return "there is never a previous state"
    if action.guard is not None:
        return "its guard is never true there"
    return "it would always leave the bounds of a variable" if action.bound_checks else "what it leads to can never follow"
