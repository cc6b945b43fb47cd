"""A short walk that goes through every label: exact where each label is on one arc, else a good one that is made better.

Each label on one arc, as without guards: the open directed Chinese postman, solved exactly by `flow.py` and `trail.py`.

Labels on several arcs (an action that may be performed with many different data): choosing one arc for each is hard (the
generalised directed rural postman problem). Arcs are fixed, one for each label, the rest of the walk is left to the cheapest flow,
and parts that hang apart are joined by the nearest way there and back (Frederickson, "Approximation algorithms for some postman
problems", Journal of the ACM 26, 1979). That is repeated with the first and the last arc on which the walk goes through each label
in turn while it helps. The walk that always goes on to the nearest label that is left is the other way to begin, and the measure:
the result is never longer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from melanzana.generation.configurations import Configurations
from melanzana.generation.tours.exhaustive import exhaustive_cover
from melanzana.generation.tours.flow import Network, cheapest_repeats
from melanzana.generation.tours.ground import Ground
from melanzana.generation.tours.nearest import greedy_cover
from melanzana.generation.tours.trail import euler_trail

#: Arcs up to which a first walk is made better; joined parts and rounds of it.
ARC_LIMIT, MOST_PARTS, ROUNDS = 150_000, 200, 6
#: One label of so many on one arc only: these arcs decide the walk, and the cheapest flow through them says what it costs at least.
WORTH_A_FLOW = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A walk from the start through every label that was found; RESET where an iteration ends before Exit."""

    arcs: list[int]
    cost: int
    exact: bool  #: is it known that none is cheaper?


def cover(space: Configurations, start: int, costs: Sequence[int], reset: int | None) -> Cover:
    """The walk. `costs` are by label and `reset` is what starting over costs, whole numbers from 1; None: where it must be."""
    ground = Ground(space, start, costs, reset)
    if not space.heads:
        return Cover(arcs=[], cost=0, exact=True)
    if len(set(space.labels)) == len(space.labels):
        arcs = _through(ground, range(ground.walked))
        assert arcs is not None  # every configuration can be reached, so nothing hangs apart
        return Cover(arcs=ground.named(arcs), cost=ground.cost(arcs), exact=True)
    return _guarded(ground, costs)


def _guarded(ground: Ground, costs: Sequence[int]) -> Cover:
    walk, least = _short_walk(ground, costs)
    cost = ground.cost(walk)
    if cost > least and (better := exhaustive_cover(ground, cost)) is not None:
        return Cover(arcs=ground.named(better), cost=ground.cost(better), exact=True)
    return Cover(arcs=ground.named(walk), cost=cost, exact=cost == least)


def _short_walk(ground: Ground, costs: Sequence[int]) -> tuple[list[int], int]:
    """A walk through all labels that costs no more than always going to the nearest, and what every such walk costs at least."""
    labels = ground.space.labels
    count = Counter(labels)
    single = [arc for arc, label in enumerate(labels) if count[label] == 1]
    least = sum(costs[label] for label in count)
    if len(labels) > ARC_LIMIT:
        return _nearest_first(ground, costs), least
    if len(single) * WORTH_A_FLOW >= len(count):
        least = max(least, sum(ground.costs[arc] * times for arc, times in enumerate(_repeated(ground, single)) if times))
        return _improved(ground, _nearest_first(ground, costs), least), least
    # Most labels are on many arcs: their first ones make a good walk, and the nearest-first walk is soon seen to be longer.
    first = {label: arc for arc, label in reversed(list(enumerate(labels)))}
    walk = _through(ground, sorted(first.values()))
    return _improved(ground, _nearest_first(ground, costs, walk), least), least


def _nearest_first(ground: Ground, costs: Sequence[int], known: list[int] | None = None) -> list[int]:
    """The walk that always goes on to the nearest label that is left, or the known one when that is no longer."""
    wanted = bytearray(len(costs))
    for label in ground.space.labels:
        wanted[label] = 1
    most = None if known is None else ground.cost(known)
    walk = greedy_cover(ground.space, ground.start, costs, ground.reset, wanted, most)
    found = known if walk is None else ground.numbered(walk)
    assert found is not None  # where the nearest label is far the ground has a reset
    return found


def _improved(ground: Ground, walk: list[int], least: int) -> list[int]:
    """A walk through the same labels that costs no more."""
    best, cost, idle = walk, ground.cost(walk), 0
    for turn in range(ROUNDS):
        if cost == least or idle == 2:
            break
        found = _through(ground, _chosen(ground, best, last=turn % 2 == 0))
        idle += 1
        if found is not None and ground.cost(found) < cost:
            best, cost, idle = found, ground.cost(found), 0
    return best


def _chosen(ground: Ground, walk: Sequence[int], *, last: bool) -> list[int]:
    """For each label the first or the last arc on which the walk goes through it."""
    chosen: dict[int, int] = {}
    for arc in walk if last else reversed(walk):  # what comes later counts
        if arc < ground.walked:
            chosen[ground.space.labels[arc]] = arc
    return sorted(chosen.values())


def _through(ground: Ground, required: Sequence[int]) -> list[int] | None:
    """A cheap walk through the arcs `required`; the cheapest when nothing had to be joined. None when parts cannot be joined."""
    times = _repeated(ground, required)
    for _ in range(MOST_PARTS):
        trail = euler_trail(ground.nodes, ground.start, ground.tails, ground.heads, times)
        if len(trail) == sum(times):
            return trail
        if not _join(ground, times, trail):
            return None
    return None


def _repeated(ground: Ground, required: Sequence[int]) -> list[int]:
    """How often each arc is gone in the cheapest flow that goes all the required ones; its parts may hang apart."""
    surplus = [0] * ground.nodes
    for arc in required:
        surplus[ground.tails[arc]] -= 1
        surplus[ground.heads[arc]] += 1
    surplus[ground.start] += 1
    graph = Network(nodes=ground.nodes, root=ground.start, tails=ground.tails, heads=ground.heads, costs=ground.costs)
    times = cheapest_repeats(graph, surplus)
    for arc in required:
        times[arc] += 1
    return times


def _join(ground: Ground, times: list[int], trail: Sequence[int]) -> bool:
    """Add the nearest way from the trail to a part that hangs apart and the way back. False when there is none."""
    near = dict.fromkeys([ground.start, *(ground.heads[arc] for arc in trail)], -1)
    apart = {ground.tails[arc] for arc, count in enumerate(times) if count} - near.keys()
    there = _way(ground, near, apart)
    if not there:
        return False
    root = ground.tails[there[0]]
    back = _way(ground, {ground.heads[there[-1]]: -1}, {root})
    for arc in (*there, *back):
        times[arc] += 1
    return bool(back)


def _way(ground: Ground, came: dict[int, int], wanted: set[int]) -> list[int]:
    """The way of the fewest arcs from one of the nodes in `came` to a wanted one; empty when there is none."""
    queue = list(came)
    for node in queue:  # it grows while it is read
        for arc in ground.out(node):
            head = ground.heads[arc]
            if head not in came:
                came[head] = arc
                queue.append(head)
                if head in wanted:
                    return _traced(ground, came, head)
    return []


def _traced(ground: Ground, came: dict[int, int], node: int) -> list[int]:
    found = []
    while came[node] >= 0:
        found.append(came[node])
        node = ground.tails[came[node]]
    return found[::-1]
