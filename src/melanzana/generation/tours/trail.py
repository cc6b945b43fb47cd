"""A walk through all arcs of a graph, each as often as it says (Hierholzer, Mathematische Annalen 6, 1873). It is linear."""

from collections.abc import Sequence


def euler_trail(nodes: int, root: int, tails: Sequence[int], heads: Sequence[int], times: Sequence[int]) -> list[int]:
    """The arcs in the order in which they are gone, from `root`; of several that lead on, the one of the lowest number first.

    For every node but the root and the last as many arcs go out as come in. A trail that is shorter than the sum of `times` says
    that the graph is not connected; then it holds the part around `root`.
    """
    ways: list[list[int]] = [[] for _ in range(nodes)]
    for arc in range(len(times) - 1, -1, -1):
        count = times[arc]
        if count == 1:
            ways[tails[arc]].append(arc)
        elif count:
            ways[tails[arc]].extend([arc] * count)
    stack, found = [-1], []
    node = root
    while stack:
        here = ways[node]
        while here:
            arc = here.pop()
            stack.append(arc)
            node = heads[arc]
            here = ways[node]
        arc = stack.pop()
        if arc >= 0:
            found.append(arc)
            node = tails[arc]
    found.reverse()
    return found
