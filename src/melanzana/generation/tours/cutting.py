"""A tour cut into independent test cases, and these divided over agents.

Each test case begins at Start: the shortest way to where its part of the tour begins is put before it. What a test case goes
through only because the tour had to get somewhere is left out at both of its ends. Among all ways to cut the tour in its own
order `split` finds one of the least cost, by dynamic programming over the places where a transition is gone through for the first
time, in O(n·m) for n such places and m of them in a test case. `shard` gives the longest test case that is left to whoever has
the least so far (Graham, "Bounds on multiprocessing timing anomalies", SIAM Journal on Applied Mathematics 17, 1969): nobody gets
more than 4/3 of the best possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

from melanzana.errors import GenerationError
from melanzana.generation.tours.nearest import RESET
from melanzana.generation.tours.plan import Tour

#: What a test case costs by itself: of two ways to cut that repeat as little the one with fewer test cases wins.
_A_TEST_CASE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One test case: arcs from Start. The first `setup` of them only lead to where its part of the tour begins."""

    arcs: tuple[int, ...]
    setup: int
    steps: int  #: states entered, Start included, and actions performed
    cost: int


def split(tour: Tour, steps: int | None = None) -> list[Piece]:
    """The test cases, each of at most `steps` steps; together they go through everything the tour does.

    Without `steps` they are the iterations of the tour. Errors: `GenerationError` when a transition is further from Start.
    """
    if steps is None:
        return [_piece(tour, (), journey) for journey in tour.journeys()]
    return _Cutter(tour, steps).pieces()


def shard(pieces: Sequence[Piece], count: int) -> list[list[Piece]]:
    """The test cases divided over `count` agents so that all take about as long; each agent's in the order of `pieces`."""
    loads = [(0, agent) for agent in range(count)]
    heapify(loads)
    share: list[list[int]] = [[] for _ in range(count)]
    for number in sorted(range(len(pieces)), key=lambda number: (-pieces[number].cost, number)):
        load, agent = loads[0]
        share[agent].append(number)
        heapreplace(loads, (load + pieces[number].cost, agent))
    return [[pieces[number] for number in sorted(numbers)] for numbers in share]


def balanced(tour: Tour, count: int) -> list[list[Piece]]:
    """The tour cut so that `count` agents are done soonest, and divided.

    Tried: the tour as it is, and cut into at least one, two or three test cases for each agent.
    """
    whole = sum(piece.steps for piece in split(tour))
    shares = [shard(split(tour), count)]
    for parts in (count, 2 * count, 3 * count):
        limit = -(-whole // parts)
        while (found := _split_within(tour, limit)) is None:
            limit += max(limit // 8, 1)
        shares.append(shard(found, count))
    return min(shares, key=lambda share: (_longest(share), sum(map(len, share))))


def share_of(tour: Tour, steps: int | None, share: tuple[int, int] | None) -> list[int]:
    """The arcs of all test cases, or of those of agent n (from 1) of m; RESET between them."""
    if share is None:
        pieces = split(tour, steps)
    else:
        number, count = share
        shares = balanced(tour, count) if steps is None else shard(split(tour, steps), count)
        pieces = shares[number - 1]
    return joined(tour, pieces)


def joined(tour: Tour, pieces: Sequence[Piece]) -> list[int]:
    """One walk through test cases, one after the other; RESET where one ends before Exit."""
    arcs: list[int] = []
    for piece in pieces:
        if arcs and not tour.space.ends(tour.space.heads[arcs[-1]]):
            arcs.append(RESET)
        arcs.extend(piece.arcs)
    return arcs


def _longest(shares: Sequence[Sequence[Piece]]) -> int:
    return max(sum(piece.cost for piece in share) for share in shares)


def _split_within(tour: Tour, steps: int) -> list[Piece] | None:
    try:
        return split(tour, steps)
    except GenerationError:
        return None


def _piece(tour: Tour, setup: Sequence[int], part: Sequence[int]) -> Piece:
    arcs = (*setup, *part)
    cost = sum(tour.costs[tour.space.labels[arc]] for arc in arcs)
    return Piece(arcs=arcs, setup=len(setup), steps=1 + sum(_steps(tour, arc) for arc in arcs), cost=cost)


def _steps(tour: Tour, arc: int) -> int:
    """An action is a step, and so is the state it enters."""
    target = tour.space.target(arc)
    return 2 if target is not None and target >= 0 else 1


class _Cutter:
    """Cuts one tour. A place is an arc by which a label is gone through for the first time, as (journey, offset)."""

    def __init__(self, tour: Tour, most: int) -> None:
        self._tour = tour
        self._most = most
        self._journeys = tour.journeys()
        self._sums = [self._running(journey) for journey in self._journeys]
        self._places = self._first_times()
        self._came: dict[int, int] = {}  #: by configuration: the last arc of the shortest way from Start
        self._far = self._ways_from_start()
        self._alone = self._nearest_arcs()

    def pieces(self) -> list[Piece]:
        """The test cases in the order of the tour. Errors: `GenerationError`."""
        self._require_reach()
        count = len(self._places)
        best = [0, *[-1] * count]  #: least cost of the first n places, -1 while unknown
        cut = [0] * (count + 1)  #: and the place at which the last of its test cases begins; -1: it goes straight to the last one
        for first, (journey, begin) in enumerate(self._places):
            sums = self._sums[journey]
            steps, cost = self._far[self._tour.space.tails[self._journeys[journey][begin]]]
            for last in range(first, count):
                there, offset = self._places[last]
                if there != journey or 1 + steps + sums[offset + 1][0] - sums[begin][0] > self._most:
                    break
                whole = best[first] + _A_TEST_CASE + cost + sums[offset + 1][1] - sums[begin][1]
                if best[last + 1] < 0 or whole < best[last + 1]:
                    best[last + 1], cut[last + 1] = whole, first
            steps, cost, _ = self._alone[self._label(first)]
            if 1 + steps <= self._most and (best[first + 1] < 0 or best[first] + _A_TEST_CASE + cost < best[first + 1]):
                best[first + 1], cut[first + 1] = best[first] + _A_TEST_CASE + cost, -1
        return self._cut(cut)

    def _cut(self, cut: list[int]) -> list[Piece]:
        found, end = [], len(self._places)
        while end:
            first = cut[end] if cut[end] >= 0 else end - 1
            journey, begin = self._places[first]
            _, offset = self._places[end - 1]
            part = self._journeys[journey][begin : offset + 1]
            if cut[end] < 0:
                part = [self._alone[self._label(first)][2]]
            found.append(_piece(self._tour, self._setup(part[0]), part))
            end = first
        return found[::-1]

    def _require_reach(self) -> None:
        """Every label can be gone through by a test case of its own. Errors: `GenerationError` naming the one that is furthest."""
        steps, label = max(((way[0], -label) for label, way in self._alone.items()), default=(0, 0))
        if 1 + steps > self._most:
            name = self._tour.space.labels_of.pairs[-label][0].name
            message = f"a test case of {self._most} steps is too short for '{name}', which takes {1 + steps} from Start"
            raise GenerationError(f"{message}: allow {1 + steps}", field="split", needed=1 + steps)

    def _running(self, journey: Sequence[int]) -> list[tuple[int, int]]:
        """Steps and cost of the first n arcs."""
        tour, steps, cost = self._tour, 0, 0
        sums = [(0, 0)]
        for arc in journey:
            steps += _steps(tour, arc)
            cost += tour.costs[tour.space.labels[arc]]
            sums.append((steps, cost))
        return sums

    def _first_times(self) -> list[tuple[int, int]]:
        labels, gone, found = self._tour.space.labels, set[int](), []
        for number, journey in enumerate(self._journeys):
            for offset, arc in enumerate(journey):
                if labels[arc] not in gone:
                    gone.add(labels[arc])
                    found.append((number, offset))
        return found

    def _ways_from_start(self) -> dict[int, tuple[int, int]]:
        """Of each configuration: the steps and the cost of the way from Start with the fewest steps, the cheapest of these."""
        tour, space = self._tour, self._tour.space
        far = {tour.start: (0, 0)}
        queue = [(0, 0, tour.start)]
        while queue:
            steps, cost, node = heappop(queue)
            if far[node] != (steps, cost):
                continue
            for arc in space.out(node):
                there = (steps + _steps(tour, arc), cost + tour.costs[space.labels[arc]])
                head = space.heads[arc]
                if head not in far or there < far[head]:
                    far[head], self._came[head] = there, arc
                    heappush(queue, (*there, head))
        return far

    def _nearest_arcs(self) -> dict[int, tuple[int, int, int]]:
        """Of each label the steps and the cost of going straight to it from Start, and the arc by which that is done."""
        tour, found = self._tour, dict[int, tuple[int, int, int]]()
        for arc, label in enumerate(tour.space.labels):
            way = self._far.get(tour.space.tails[arc])
            if way is not None:
                there = (way[0] + _steps(tour, arc), way[1] + tour.costs[label], arc)
                found[label] = min(found.get(label, there), there)
        return found

    def _label(self, place: int) -> int:
        journey, offset = self._places[place]
        return self._tour.space.labels[self._journeys[journey][offset]]

    def _setup(self, arc: int) -> list[int]:
        """The way from Start to where an arc begins."""
        tails, found, node = self._tour.space.tails, [], self._tour.space.tails[arc]
        while node != self._tour.start:
            found.append(self._came[node])
            node = tails[found[-1]]
        return found[::-1]
