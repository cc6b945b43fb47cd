"""Always on to the nearest transition that was not gone through: `quick(…)`.

Nothing is planned ahead, so whatever the system under test answers, the next way starts where the walk stands. `tours/seeking.py`
finds the ways: breadth first over configurations, from here or after starting over. When everything that can be found is covered,
another lap begins; when a lap finds nothing at all, the rest is a random walk. What stays uncovered is told by whoever asked for
it.

A way costs at most a look at every configuration and usually a few: near the end of a lap, when what is left lies far away, most.
"""

from collections.abc import Mapping

from melanzana.generation.configurations import configurations
from melanzana.generation.coverage import CoverageTracker, Covered, counted_actions
from melanzana.generation.generators import Move, RandomGenerator, Turn
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import Landscape
from melanzana.generation.tours.seeking import Seeker
from melanzana.graph.model import ActionKind, Scalar


class QuickGenerator:
    """Chooses the moves of `quick`."""

    def __init__(
        self,
        network: Network,
        start: Position,
        fixed: Mapping[tuple[int, str], Scalar],
        prng: Prng,
        coverage: CoverageTracker | None = None,
    ) -> None:
        """`coverage`: of the whole walk; what it has covered before the first move is not sought in the first lap."""
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
        self._coverage = coverage
        self._seeker: Seeker | None = None
        self._patience = [0] * len(self._pairs)  #: laps that a transition rested the last time
        self._rests = [0] * len(self._pairs)  #: laps that it rests from now on

    @property
    def laps_are_over(self) -> bool:
        """Is there nothing left that a way could be found to?"""
        return self._aimless

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move. Errors: `EvaluationError`."""
        if self._seeker is None:
            self._seeker = self._lap(self._left())
        while not self._aimless:
            found = self._seeker.choose(position)
            if found is not Turn.DONE:
                self._found += 1
                return found
            self._aimless = not self._found
            self._rest()
            self._seeker = self._lap(self._awake())
        return self._random.choose(position)

    def _left(self) -> bytes:
        """What the walk has not gone through before this generator had its turn; everything when that is nothing."""
        if self._coverage is None:
            return self._coverable
        covered, network = self._coverage.covered_of(Covered.TRANSITIONS), self._space.network
        labels = ((action.id, None if action.to_previous else network.labels(target)[0]) for action, target in self._pairs)
        left = bytes(wanted and label not in covered for wanted, label in zip(self._coverable, labels, strict=True))
        return left if any(left) else self._coverable

    def _rest(self) -> None:
        """A lap is over: what no way was found to rests for a lap, then for two, four, …: such a search is the dearest there is."""
        assert self._seeker is not None
        for label, missed in enumerate(self._seeker.wanted):
            if missed:
                self._patience[label] = self._rests[label] = max(1, 2 * self._patience[label])
            elif self._rests[label]:
                self._rests[label] -= 1
            else:
                self._patience[label] = 0

    def _awake(self) -> bytes:
        """What the next lap looks for; everything when all that may be chosen rests."""
        awake = bytes(wanted and not rests for wanted, rests in zip(self._coverable, self._rests, strict=True))
        return awake if any(awake) else self._coverable

    def _lap(self, wanted: bytes) -> Seeker:
        self._found = 0
        costs = [1] * len(self._pairs)
        return Seeker(self._space, self._landscape, costs, bytearray(wanted), drawn=self._drawn)
