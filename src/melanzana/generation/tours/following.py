"""Walks a planned tour, and goes on without the plan once the walk is not where the plan says.

The walk stands where the plan says as long as the state, the calls used up and the data that decide what may come next are those
of the plan; nothing else of what the system under test answers matters to it. After a surprise `seeking.py` goes on to what is
nearest of what is left. Where drawn values decide what may be done there is no plan, and it does so from the first step.
"""

from collections.abc import Mapping, Sequence

from melanzana.errors import GenerationError
from melanzana.generation.configurations import Configurations, Labels, configurations
from melanzana.generation.coverage import counted_actions
from melanzana.generation.generators import Move, Turn
from melanzana.generation.network import Network
from melanzana.generation.path_expression import TourSettings
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape
from melanzana.generation.tours.cutting import share_of
from melanzana.generation.tours.nearest import RESET
from melanzana.generation.tours.plan import NEVER_CHOSEN, Gap, Tour, gaps, in_words, label_costs, plan_tour
from melanzana.generation.tours.seeking import Seeker
from melanzana.graph.model import ActionKind, Scalar

Fixed = Mapping[tuple[int, str], Scalar]


class TourGenerator:
    """Chooses the moves of a tour."""

    def __init__(
        self, network: Network, start: Position, fixed: Fixed, durations: Mapping[str, float], settings: TourSettings
    ) -> None:
        """Plan from `start`, where the walk will stand first. Errors: `GenerationError` when the tour cannot be cut as asked."""
        landscape = Landscape(network)
        self._landscape = landscape
        self._drawn = landscape.hangs_on_draws(fixed)
        if self._drawn:
            tour = _unplanned(network, landscape, start, durations, settings)
            self._left = _coverable(tour.space.labels_of, network)
        else:
            tour = plan_tour(network, landscape, start, durations=durations, reset_seconds=settings.reset_seconds)
        self._space: Configurations = tour.space
        self._costs, self._gaps = tour.costs, tour.gaps
        self._arcs: Sequence[int] = tour.arcs
        if settings.steps is not None or settings.share is not None:
            self._arcs = share_of(tour, settings.steps, settings.share)
        if not self._drawn:
            self._left = self._planned(whole=settings.share is None)
        self._wanted = bytes(self._left)
        self._exact = None if self._drawn or settings.steps is not None or settings.share is not None else tour.exact
        self._next = 0
        self._gone: set[tuple[str, str | None]] = set()  #: ids of action and target, as gaps name them
        self._seeker: Seeker | None = None

    @property
    def finished(self) -> bool:
        """Is nothing left to do?"""
        if self._seeker is not None:
            return self._seeker.finished
        return self._next == len(self._arcs) and not any(self._left)

    @property
    def exact(self) -> bool | None:
        """Is it known that no walk through the same is cheaper? None: the tour was cut, or is not walked as planned."""
        return self._exact if self._seeker is None else None

    @property
    def progress(self) -> float:
        """The part that was gone through of what is wanted, from 0 to 1."""
        wanted = sum(self._wanted)
        return 1.0 - sum(self._left) / wanted if wanted else 1.0

    def remark(self) -> str:
        """What could not be covered, and why; empty when everything was."""
        left = [gap for gap in self._gaps if (gap.action_id, gap.target_id) not in self._gone]
        return in_words([*left, *self._not_found()] if self._seeker is not None else left)

    def choose(self, position: Position) -> Move | Turn:
        """The next move. Errors: `EvaluationError`."""
        found = self._planned_move(position) if self._seeker is None else None
        if found is None:
            found = self._sought(position)
        if isinstance(found, Move):
            labels = self._space.labels_of
            label = labels.of(found.action, found.target)
            self._left[label] = 0
            self._gone.add((found.action.id, self._space.network.labels(labels.pairs[label][1])[0]))
        return found

    def _planned_move(self, position: Position) -> Move | Turn | None:
        """What the plan says; None when it ends here or the walk is somewhere else."""
        if self._next == len(self._arcs):
            return None
        arc = self._arcs[self._next]
        if arc == RESET:
            self._next += 1
            return Turn.RESTART
        if self._space.find(position) != self._space.tails[arc]:
            return None
        self._next += 1
        return Move(self._space.labels_of.pairs[self._space.labels[arc]][0], self._space.target(arc))

    def _sought(self, position: Position) -> Move | Turn:
        if self._seeker is None:
            self._seeker = Seeker(self._space, self._landscape, self._costs, bytearray(self._left), drawn=self._drawn)
        return self._seeker.choose(position)

    def _planned(self, *, whole: bool) -> bytearray:
        """The labels that are wanted: those of the plan, and of a whole tour those that hang on what snippets will answer."""
        labels = self._space.labels_of
        wanted = bytearray(len(labels.pairs))
        for arc in self._arcs:
            if arc != RESET:
                wanted[self._space.labels[arc]] = 1
        if whole and self._landscape.hangs_on_answers:
            open_still = {(gap.action_id, gap.target_id) for gap in self._gaps if not gap.certain}
            for label, (action, target) in enumerate(labels.pairs):
                wanted[label] |= (action.id, self._space.network.labels(target)[0]) in open_still
        return wanted

    def _not_found(self) -> list[Gap]:
        labels, network = self._space.labels_of, self._space.network
        known = {(gap.action_id, gap.target_id) for gap in self._gaps}
        found = []
        for label, (action, target) in enumerate(labels.pairs):
            target_id = network.labels(target)[0]
            if self._left[label] and (action.id, target_id) not in known:
                reason = "no way to it was found from where the walk stood"
                found.append(Gap(action_id=action.id, target_id=target_id, name=action.name, reason=reason, certain=False))
        return found


def _unplanned(
    network: Network, landscape: Landscape, start: Position, durations: Mapping[str, float], settings: TourSettings
) -> Tour:
    """A tour without arcs, to be found on the way."""
    if settings.steps is not None or settings.share is not None:
        raise GenerationError("a tour cannot be cut where generated values decide what may be done: fix these values")
    space = configurations(network, landscape, start)
    costs = label_costs(space.labels_of.pairs, network, durations)
    never = [gap for gap in gaps(space, landscape) if gap.reason == NEVER_CHOSEN]
    return Tour(space=space, start=0, arcs=(), costs=costs, exact=False, gaps=tuple(never))


def _coverable(labels: Labels, network: Network) -> bytearray:
    """The labels that count as coverage and that a walk may choose."""
    counted = {action.id for action in counted_actions(network.model)}
    return bytearray(
        action.id in counted and (action.weight > 0 or action.kind is ActionKind.SEQUENT) for action, _ in labels.pairs
    )
