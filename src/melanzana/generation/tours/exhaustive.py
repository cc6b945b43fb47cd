"""The cheapest walk through every label, by looking at everything: Dijkstra's algorithm over (configuration, labels gone through).

Exponential in the labels, so only for small graphs; it gives up at a limit and then says nothing.
"""

from heapq import heappop, heappush

from melanzana.generation.tours.ground import Ground

#: Labels at most, and pairs of a configuration and a set of labels looked at.
LABEL_LIMIT, PAIR_LIMIT = 24, 60_000


def exhaustive_cover(ground: Ground, known: int) -> list[int] | None:
    """The arcs of a cheapest walk from the start, given that one of cost `known` exists; None when it is too much to look at."""
    labels = sorted(set(ground.space.labels))
    if len(labels) > LABEL_LIMIT:
        return None
    return _Search(ground, labels, known).run()


class _Search:
    def __init__(self, ground: Ground, labels: list[int], known: int) -> None:
        self._ground = ground
        self._bit = {label: 1 << number for number, label in enumerate(labels)}
        self._all = (1 << len(labels)) - 1
        self._known = known
        cheapest = dict.fromkeys(labels, known)
        for arc, label in enumerate(ground.space.labels):
            cheapest[label] = min(cheapest[label], ground.costs[arc])
        self._prices = [cheapest[label] for label in labels]

    def run(self) -> list[int] | None:
        root = (self._ground.start, 0)
        came: dict[tuple[int, int], tuple[tuple[int, int], int]] = {}
        least = {root: 0}
        queue = [(self._rest(0), 0, root)]
        pushed = 0
        while queue and len(least) <= PAIR_LIMIT:
            _, _, pair = heappop(queue)
            node, gone = pair
            if gone == self._all:
                return _traced(came, pair)
            cost = least[pair]
            for arc in self._ground.out(node):
                after = (self._ground.heads[arc], gone | self._of(arc))
                there = cost + self._ground.costs[arc]
                if there < least.get(after, there + 1) and there + self._rest(after[1]) <= self._known:
                    pushed += 1
                    least[after], came[after] = there, (pair, arc)
                    heappush(queue, (there + self._rest(after[1]), pushed, after))
        return None

    def _of(self, arc: int) -> int:
        return self._bit[self._ground.space.labels[arc]] if arc < self._ground.walked else 0

    def _rest(self, gone: int) -> int:
        """What the labels that are left cost at least."""
        return sum([price for number, price in enumerate(self._prices) if not gone >> number & 1])


def _traced(came: dict[tuple[int, int], tuple[tuple[int, int], int]], pair: tuple[int, int]) -> list[int]:
    arcs = []
    while pair in came:
        pair, arc = came[pair]
        arcs.append(arc)
    return arcs[::-1]
