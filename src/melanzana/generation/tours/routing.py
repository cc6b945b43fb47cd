"""Some flow along given arcs, always the same one: from the nodes with a surplus to those that lack.

`flow.py` gives the arcs that an optimal flow may use, so that any flow along them is optimal. Two steps, each in the order of
nodes and arcs. First every arc that is the only one left at a node: its flow is forced. Then blocking flows along paths of the
fewest arcs (Dinic, "Algorithm for solution of a problem of maximum flow", Soviet Mathematics Doklady 11, 1970), until nothing is
left to move.
"""

from collections.abc import Sequence

from melanzana.errors import GenerationError


class Routing:
    """One problem: arcs without a capacity, and what each node has too much (above 0) or too little.

    Inside, arc 2i is the i-th of `arcs`, and 2i + 1 is the way back along it, which may take off what the arc carries.
    """

    def __init__(self, tails: Sequence[int], heads: Sequence[int], arcs: Sequence[int], surplus: Sequence[int]) -> None:
        self._arcs = arcs
        self._size = len(tails)
        self._more = list(surplus)
        self._carried = [0] * len(arcs)
        self._to = [node for arc in arcs for node in (heads[arc], tails[arc])]
        self._ways: list[list[int]] = [[] for _ in surplus]
        for way in range(0, len(self._to), 2):
            self._ways[self._to[way + 1]].append(way)
            self._ways[self._to[way]].append(way + 1)

    def flow(self) -> list[int]:
        """The flow by arc. Errors: `GenerationError` when not every surplus can be moved."""
        self._force()
        room = [0 if way % 2 else 1 for way in range(len(self._to))]  # 0: the way is closed
        while sources := [node for node, more in enumerate(self._more) if more > 0]:
            if not self._block(sources, room):
                raise GenerationError("what is too much at one node has no way to where it is needed")
        found = [0] * self._size
        for arc, carried in zip(self._arcs, self._carried, strict=True):
            found[arc] = carried
        return found

    def _force(self) -> None:
        """Settle the arcs of nodes that have one left, until there is no such node; only the others keep their ways."""
        to, ways, more = self._to, self._ways, self._more
        settled = bytearray(len(self._carried))
        degree = [len(here) for here in ways]
        waiting = [node for node, count in enumerate(degree) if count == 1]
        for node in waiting:  # it grows while it is read
            if degree[node] == 1:
                way = next(way for way in ways[node] if not settled[way >> 1])
                other = to[way]
                settled[way >> 1] = 1
                self._carried[way >> 1] = -more[node] if way & 1 else more[node]
                more[other] += more[node]
                more[node] = degree[node] = 0
                degree[other] -= 1
                if degree[other] == 1:
                    waiting.append(other)
        self._ways = [[way for way in here if not settled[way >> 1]] for here in ways]

    def _block(self, sources: list[int], room: list[int]) -> bool:
        """One blocking flow. False when nothing was moved."""
        distance = self._distances(room)
        pointer = [0] * len(distance)
        moved = False
        for source in sources:
            while self._more[source] > 0 and distance[source] >= 0:
                path = self._path(source, distance, pointer, room)
                if not path:
                    break
                self._move(source, path, room)
                moved = True
        return moved

    def _distances(self, room: list[int]) -> list[int]:
        """How many arcs each node is away from one that lacks; -1 where no way leads."""
        distance = [-1] * len(self._ways)
        queue = [node for node, more in enumerate(self._more) if more < 0]
        for node in queue:
            distance[node] = 0
        to, ways = self._to, self._ways
        for node in queue:  # it grows while it is read
            further = distance[node] + 1
            for way in ways[node]:
                other = to[way]
                if distance[other] < 0 and room[way ^ 1]:
                    distance[other] = further
                    queue.append(other)
        return distance

    def _path(self, source: int, distance: list[int], pointer: list[int], room: list[int]) -> list[int]:
        """The ways to a node that lacks; empty when there is no path left."""
        to, more, path, node = self._to, self._more, [], source
        while more[node] >= 0:
            ways, at, nearer = self._ways[node], pointer[node], distance[node] - 1
            while at < len(ways) and not (room[ways[at]] and distance[to[ways[at]]] == nearer):
                at += 1
            pointer[node] = at
            if at < len(ways):
                path.append(ways[at])
                node = to[ways[at]]
            elif path:
                node = to[path.pop() ^ 1]
                pointer[node] += 1
            else:
                break
        return path

    def _move(self, source: int, path: list[int], room: list[int]) -> None:
        carried, last = self._carried, self._to[path[-1]]
        units = min(self._more[source], -self._more[last], *(carried[way >> 1] for way in path if way & 1))
        self._more[source] -= units
        self._more[last] += units
        for way in path:
            if way & 1:
                carried[way >> 1] -= units
                room[way] = carried[way >> 1]
            else:
                carried[way >> 1] += units
                room[way ^ 1] = 1
