"""The graph that a tour is planned on: the configurations, and the arcs on which an iteration ends and the next one begins at
Start.

With a price for starting over every configuration may do so. Without one only those do from which no walk leads back to Start,
and it is dearer than walking through every configuration there is: a tour then starts over where it must and nowhere else.
"""

from collections.abc import Iterable, Sequence

from melanzana.generation.configurations import Configurations
from melanzana.generation.tours.nearest import RESET


class Ground:
    """Arcs by number: first those of `space`, then the resets. Nothing is explored any more."""

    def __init__(self, space: Configurations, start: int, costs: Sequence[int], reset: int | None) -> None:
        self.space = space
        self.start = start
        self.nodes = space.size()
        self.walked = len(space.heads)  #: number of the first reset
        dearest = max((costs[label] for label in set(space.labels)), default=1)
        self.reset = self.nodes * dearest + 1 if reset is None else reset
        homeless = _homeless(space, start, self.nodes)
        leaving = homeless if reset is None else [node for node in range(self.nodes) if node != start]
        self.tails = [*space.tails, *leaving]
        self.heads = [*space.heads, *([start] * len(leaving))]
        self.costs = [*[costs[label] for label in space.labels], *([self.reset] * len(leaving))]
        self._reset_of = {node: self.walked + number for number, node in enumerate(leaving)}

    def numbered(self, walk: Iterable[int]) -> list[int] | None:
        """A walk with the numbers of its resets; None when one of them is not on the ground."""
        found, node = [], self.start
        for arc in walk:
            number = self._reset_of.get(node, -1) if arc == RESET else arc
            if number < 0:
                return None
            found.append(number)
            node = self.heads[number]
        return found

    def named(self, arcs: Iterable[int]) -> list[int]:
        """Arcs with RESET in the place of resets."""
        return [arc if arc < self.walked else RESET for arc in arcs]

    def cost(self, arcs: Iterable[int]) -> int:
        """What it costs to go them all."""
        costs = self.costs
        return sum([costs[arc] for arc in arcs])

    def out(self, node: int) -> Iterable[int]:
        """The arcs that leave a node."""
        reset = self._reset_of.get(node)
        return self.space.out(node) if reset is None else [*self.space.out(node), reset]


def _homeless(space: Configurations, start: int, nodes: int) -> list[int]:
    """The configurations from which no walk leads to `start`."""
    into: list[list[int]] = [[] for _ in range(nodes)]
    for tail, head in zip(space.tails, space.heads, strict=True):
        into[head].append(tail)
    leads = bytearray(nodes)
    leads[start] = 1
    queue = [start]
    for node in queue:  # it grows while it is read
        for tail in into[node]:
            if not leads[tail]:
                leads[tail] = 1
                queue.append(tail)
    return [node for node in range(nodes) if not leads[node]]
