"""The nearest arc that is wanted: the search under `shortest`, under the cheap tour, and under a tour that was surprised.

Dijkstra's algorithm (Numerische Mathematik 1, 1959), or plain breadth first where all arcs cost alike. It ends at the first
wanted arc; of several equally near the one that was found first counts, and arcs are looked at in the order of the graph.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from melanzana.generation.configurations import Configurations

#: In the place of an arc: the iteration ends and the next one begins at Start.
RESET = -1


class Way(NamedTuple):
    """A shortest way; its last arc is the wanted one."""

    arcs: list[int]
    cost: int


class Nearest:
    """Searches one graph. `costs` are by label, whole numbers from 1."""

    def __init__(self, space: Configurations, costs: Sequence[int]) -> None:
        self._space = space
        self._costs = costs
        self._onward: list[list[tuple[int, int, int]] | None] = []  #: by configuration (arc, label, head), once it was looked at
        self._came: list[int] = []  #: by configuration: the arc by which the last search that saw it came
        self._seen: list[int] = []  #: by configuration: the number of that search
        self._search = 0
        self._alike = min(costs, default=1) == max(costs, default=1)

    def way(self, node: int, wanted: Sequence[int]) -> Way | None:
        """The cheapest way from a configuration to an arc with `wanted[label]`; None when there is none."""
        return self._broad(node, wanted) if self._alike else self._dear(node, wanted)

    def _broad(self, root: int, wanted: Sequence[int]) -> Way | None:
        onward, seen, came = self._onward, self._seen, self._came
        self._fit()
        self._search = search = self._search + 1
        seen[root], came[root] = search, -1
        queue = [root]
        for node in queue:  # it grows while it is read
            arcs = onward[node]
            if arcs is None:
                arcs = self._arcs(node)
            for arc, label, head in arcs:
                if wanted[label]:
                    return self._traced(arc)
                if seen[head] != search:
                    seen[head] = search
                    came[head] = arc
                    queue.append(head)
        return None

    def _fit(self) -> None:
        """Make room for configurations that were found since the last search."""
        more = self._space.size() - len(self._seen)
        if more > 0:
            self._seen.extend([0] * more)
            self._came.extend([-1] * more)
            self._onward.extend([None] * more)

    def _arcs(self, node: int) -> list[tuple[int, int, int]]:
        space = self._space
        found = [(arc, space.labels[arc], space.heads[arc]) for arc in space.out(node)]
        if node < space.explored:
            self._onward[node] = found
        return found

    def _dear(self, root: int, wanted: Sequence[int]) -> Way | None:
        space, costs, came = self._space, self._costs, self._came
        self._fit()
        came[root] = -1
        least = {root: 0}
        queue = [(0, 0, root, -1)]
        pushed = 0
        while queue:
            cost, _, node, found = heappop(queue)
            if found >= 0:
                return self._traced(found)
            if cost > least[node]:
                continue
            for arc in space.out(node):
                label, head = space.labels[arc], space.heads[arc]
                there = cost + costs[label]
                pushed += 1
                if wanted[label]:
                    heappush(queue, (there, pushed, node, arc))
                if there < least.get(head, there + 1):
                    least[head], came[head] = there, arc
                    heappush(queue, (there, pushed, head, -1))
        return None

    def _traced(self, last: int) -> Way:
        tails, arcs, arc = self._space.tails, [], last
        while arc >= 0:
            arcs.append(arc)
            arc = self._came[tails[arc]]
        arcs.reverse()
        return Way(arcs, sum([self._costs[self._space.labels[arc]] for arc in arcs]))


def greedy_cover(  # noqa: PLR0917
    space: Configurations, start: int, costs: Sequence[int], reset: int, wanted: bytearray, most: int | None = None
) -> list[int] | None:
    """Arcs through every label still wanted, always on to the nearest; RESET where starting over is cheaper or the only way.

    `wanted` is emptied but for what cannot be covered. None as soon as the walk costs `most`.
    """
    nearest, found, node, cost = Nearest(space, costs), list[int](), start, 0
    while most is None or cost < most:
        way = nearest.way(node, wanted)
        if node != start and (way is None or way.cost > reset):
            anew = nearest.way(start, wanted)
            if anew is not None and (way is None or reset + anew.cost < way.cost):
                found.append(RESET)
                cost += reset
                way = anew
        if way is None:
            return found
        found.extend(way.arcs)
        cost += way.cost
        for arc in way.arcs:
            wanted[space.labels[arc]] = 0
        node = space.heads[found[-1]]
    return None
