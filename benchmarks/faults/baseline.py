"""GraphWalker's `quick_random` as it is meant, written anew: to a transition drawn among those that were not gone through, by the
shortest way, then to the next one. The original does not look at guards on its ways and can go round for ever; this one does.
"""

from collections.abc import Iterator

from melanzana.generation.configurations import configurations
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import Landscape
from melanzana.generation.tours.nearest import Nearest
from melanzana.graph.model import Model, Value

Taken = tuple[str, Value, Value]


def quick_random(model: Model, seed: int, most: int) -> Iterator[Taken]:
    """Id of each action taken, with the values of `n` and `mode` before it."""
    network, prng = Network(model, dry=True), Prng(seed)
    landscape = Landscape(network, ((0, "mode"), (0, "n")))
    start = Position(network, Prng(1), {})
    start.restart()
    start.enter(network.start.index)
    space = configurations(network, landscape, start)
    node = space.enter(start)
    space.explore()
    labels = sorted(set(space.labels))
    nearest = Nearest(space, [1] * len(space.labels_of.pairs))
    left: list[int] = []
    taken = 0
    while taken < most:
        left = left or list(labels)
        goal = left[prng.below(len(left))]
        wanted = bytearray(len(space.labels_of.pairs))
        wanted[goal] = 1
        way = nearest.way(node, wanted)
        if way is None:
            left.remove(goal)
            continue
        for arc in way.arcs:
            mode, n = space.data(space.tails[arc])
            yield space.labels_of.pairs[space.labels[arc]][0].id, n, mode
            taken += 1
            if space.labels[arc] in left:
                left.remove(space.labels[arc])
        node = space.heads[way.arcs[-1]]
