"""The cheapest way to an element: exact in (state, data), and sought again from wherever the walk stands after a surprise.

`ShortestWays` answers many questions about one model: the graph is explored once, each answer then costs one search.
"""

from collections.abc import Mapping

from melanzana.errors import GenerationError
from melanzana.generation.configurations import Configurations, Labels, configurations
from melanzana.generation.generators import Move, Turn
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape
from melanzana.generation.stop_conditions import Reached
from melanzana.generation.tours.nearest import Nearest, Way
from melanzana.generation.tours.plan import gaps, label_costs
from melanzana.generation.tours.seeking import Seeker
from melanzana.graph.model import Scalar


class ShortestWays:
    """The cheapest ways from Start through one model whose drawn values and snippets decide nothing."""

    def __init__(self, network: Network, start: Position, durations: Mapping[str, float]) -> None:
        landscape = Landscape(network)
        self.space: Configurations = configurations(network, landscape, start)
        self.root = self.space.enter(start)
        self.space.explore()
        self.costs = label_costs(self.space.labels_of.pairs, network, durations)
        self._nearest = Nearest(self.space, self.costs)
        self._landscape = landscape

    def to(self, element_ids: frozenset[str]) -> Way | None:
        """The way to the first of these states and actions; None when none of them is on any path that may be walked."""
        return self._nearest.way(self.root, leading_to(self.space.labels_of, self.space.network, element_ids))

    def obstacle(self, name: str, element_ids: frozenset[str]) -> str:
        """Why there is no way."""
        labels = self.space.labels_of
        wanted = leading_to(labels, self.space.network, element_ids)
        ids = {(labels.pairs[label][0].id) for label, is_wanted in enumerate(wanted) if is_wanted}
        reasons = dict.fromkeys(f"'{g.name}': {g.reason}" for g in gaps(self.space, self._landscape) if g.action_id in ids)
        return f"no path that may be walked reaches '{name}' ({'; '.join(list(reasons)[:5]) or 'nothing leads there'})"


class ShortestGenerator:
    """Chooses the moves of a shortest way."""

    def __init__(
        self,
        network: Network,
        start: Position,
        fixed: Mapping[tuple[int, str], Scalar],
        durations: Mapping[str, float],
        condition: Reached,
    ) -> None:
        """Errors: `GenerationError` when it is certain that there is no way."""
        landscape = Landscape(network)
        drawn = landscape.hangs_on_draws(fixed)
        element_ids = frozenset(condition.element_ids)
        space = configurations(network, landscape, start)
        self._certain = not drawn and not landscape.hangs_on_answers
        if self._certain:
            ways = ShortestWays(network, start, durations)
            if network.start.id not in element_ids and ways.to(element_ids) is None:
                raise GenerationError(ways.obstacle(condition.name, element_ids))
            space, self._certain = ways.space, ways.space.complete
        wanted = leading_to(space.labels_of, network, element_ids)
        costs = label_costs(space.labels_of.pairs, network, durations)
        self._name = condition.name
        self._seeker = Seeker(space, landscape, costs, wanted, drawn=drawn)

    @property
    def finished(self) -> bool:
        """Is there no way any more, or nothing left to do?"""
        return self._seeker.finished

    @property
    def exact(self) -> bool | None:
        """Was the way known to be the shortest before the run?"""
        return True if self._certain else None

    @property
    def progress(self) -> float:
        """Not known before the end."""
        return 0.0

    def remark(self) -> str:
        """Why it was not reached; empty while it may be."""
        return f"no way to '{self._name}' was found from where the walk stood" if self._seeker.finished else ""

    def choose(self, position: Position) -> Move | Turn:
        """The next move. Errors: `EvaluationError`."""
        return self._seeker.choose(position)


def leading_to(labels: Labels, network: Network, element_ids: frozenset[str]) -> bytearray:
    """By label: does the transition reach one of these elements?"""
    return bytearray(
        action.id in element_ids or (target is not None and target >= 0 and network.states[target].id in element_ids)
        for action, target in labels.pairs
    )
