"""Always on to the nearest transition that was not gone through: `quick(…)`.

Nothing is planned ahead, so whatever the system under test answers, the next way starts where the walk stands. `tours/seeking.py`
finds the ways: breadth first over configurations, from here or after starting over. When everything that can be found is covered,
another lap begins; when a lap finds nothing at all, the rest is a random walk. What stays uncovered is told by whoever asked for
it.

A way costs at most a look at every configuration and usually a few: near the end of a lap, when what is left lies far away, most.
"""

from collections.abc import Mapping

from melanzana.generation.configurations import configurations
from melanzana.generation.coverage import counted_actions
from melanzana.generation.generators import Move, RandomGenerator, Turn
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import Landscape
from melanzana.generation.tours.seeking import Seeker
from melanzana.graph.model import ActionKind, Scalar


class QuickGenerator:
    """Chooses the moves of `quick`."""

    def __init__(self, network: Network, start: Position, fixed: Mapping[tuple[int, str], Scalar], prng: Prng) -> None:
        self._landscape = Landscape(network)
        self._drawn = self._landscape.hangs_on_draws(fixed)
        self._space = configurations(network, self._landscape, start)
        self._pairs = self._space.labels_of.pairs
        counted = {action.id for action in counted_actions(network.model)}
        self._coverable = bytes(
            action.id in counted and (action.weight > 0 or action.kind is ActionKind.SEQUENT) for action, _ in self._pairs
        )
        self._random = RandomGenerator(prng, weighted=False)
        self._found = 0  #: moves in this lap
        self._aimless = False
        self._seeker = self._lap()

    @property
    def laps_are_over(self) -> bool:
        """Is there nothing left that a way could be found to?"""
        return self._aimless

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move. Errors: `EvaluationError`."""
        while not self._aimless:
            found = self._seeker.choose(position)
            if found is not Turn.DONE:
                self._found += 1
                return found
            self._aimless = not self._found
            self._seeker = self._lap()
        return self._random.choose(position)

    def _lap(self) -> Seeker:
        self._found = 0
        costs = [1] * len(self._pairs)
        return Seeker(self._space, self._landscape, costs, bytearray(self._coverable), drawn=self._drawn)
