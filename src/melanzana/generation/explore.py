"""Learns where something new is to be found, and goes there: `explore(…)`.

New are transitions, paths of several transitions, values of variables at a transition, steps of test cases that follow each other,
and transitions that failed in earlier runs. Each kind is an arm of a bandit: the one with the largest upper confidence bound is
pulled, the nearest new thing of its kind is walked to, and its reward is what came of it: new things an action (UCB1: Auer, Cesa-
Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning 47, 2002). A random stretch is an
arm as well, for what no model knows. An arm that finds nothing rests; when all rest, everything is new again.

What earlier runs have seen (`history.py`) is not new. Nothing is planned further than to the next new thing, so no answer of the
system under test breaks anything. `novelty.py` says what is new and finds the ways.
"""

from collections.abc import Iterator
from math import log, sqrt

from melanzana.generation.configurations import Configurations, configurations
from melanzana.generation.generators import Move, RandomGenerator, Turn
from melanzana.generation.history import History
from melanzana.generation.network import Network
from melanzana.generation.novelty import Novelty, Variable, watched_variables
from melanzana.generation.path_expression import ExploreSettings
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.progress import Progress
from melanzana.generation.search import Landscape

#: Actions of a random stretch; the weight of what is not known yet, where UCB1 has 2 for rewards spread over all of 0 to 1.
STRETCH, CURIOSITY = 3, 0.05
_RANDOM = "random"


class _Arm:
    """One kind of new things, and what looking for it has brought."""

    __slots__ = ("pulls", "rests", "reward")

    def __init__(self, hope: float) -> None:
        self.pulls = 1
        self.reward = hope  #: of all pulls; the first one is only hoped for
        self.rests = False

    def bound(self, all_pulls: int) -> float:
        """The upper confidence bound of its reward."""
        return self.reward / self.pulls + sqrt(CURIOSITY * log(all_pulls) / self.pulls)


class ExploreGenerator:
    """Chooses the moves of `explore`."""

    def __init__(self, network: Network, start: Position, settings: ExploreSettings, history: History) -> None:
        """`start`: where each iteration begins to choose."""
        watched = watched_variables(network.model) if settings.variable_depth else ()
        self._space, landscape, self._watched = _space(network, start, watched)
        places = tuple(landscape.deciding.index(variable) for variable in self._watched)
        self._start = self._space.find(start)
        self._novelty = Novelty(self._space, places, (settings.path_depth, settings.variable_depth), history)
        worth = {**self._novelty.worth, _RANDOM: 0.0}
        self._arms = {kind: _Arm(min(worth[kind], 1.0)) for kind in (*self._novelty.kinds, _RANDOM)}
        self._pulled = _RANDOM
        self._way: list[int] = []  #: arcs still to be gone through, the next one last
        self._stretch = 0  #: actions of a random stretch still to come
        self._gone = 0  #: actions since the last pull
        self._found = 0.0  #: what they were worth

    def begin(self, prng: Prng, progress: Progress) -> "ExploreGenerator":
        """Ready for one walk: its random numbers, and where it tells what failed."""
        self._random = RandomGenerator(prng, weighted=False)
        self._progress = progress
        self._failures = 0
        return self

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move. Errors: `EvaluationError`."""
        self._look_at_failures()
        node = self._space.enter(position)
        self._space.explore()
        if self._way and self._space.tails[self._way[-1]] != node:
            self._way = []  # the system under test led somewhere else
        if not self._way and not self._stretch and self._pull(node):
            self._novelty.restart()
            return Turn.RESTART
        move = self._by_way() if self._way else self._at_random(position)
        if move is None:
            self._novelty.restart()
            return None
        self._note(move, position)
        return move

    # ---- moves

    def _by_way(self) -> Move:
        arc = self._way.pop()
        return Move(self._space.labels_of.pairs[self._space.labels[arc]][0], self._space.target(arc))

    def _at_random(self, position: Position) -> Move | None:
        self._stretch = max(self._stretch - 1, 0)
        return self._random.choose(position)

    def _note(self, move: Move, position: Position) -> None:
        stores = position.values.stores
        values = tuple([stores[store][name] for store, name in self._watched])
        self._found += self._novelty.take(self._space.labels_of.of(move.action, move.target), values)
        self._gone += 1
        if move.target is not None and move.target >= 0 and position.network.states[move.target].terminal:
            self._novelty.restart()

    def _look_at_failures(self) -> None:
        for action_id, target_id in self._progress.failed[self._failures :]:
            self._novelty.failed(action_id, target_id)
            self._failures += 1
            for arm in self._arms.values():
                arm.rests = False

    # ---- the bandit

    def _pull(self, node: int) -> bool:
        """Settle what the last pull brought, and find the next way or stretch. True: it begins with starting over."""
        if self._gone:
            arm = self._arms[self._pulled]
            arm.reward += min(self._found / self._gone, 1.0)
            arm.pulls += 1
        self._gone, self._found = 0, 0.0
        for kind in self._order():
            self._pulled = kind
            if kind == _RANDOM:
                self._stretch = STRETCH
                return False
            if self._seek(node, kind):
                return False
            if node != self._start and self._novelty.way(self._start, kind, anew=True) is not None:
                return True
            self._arms[kind].rests = True
        return False

    def _order(self) -> Iterator[str]:
        """The arms that do not rest, the best one first. All anew when only chance is left."""
        if all(arm.rests for kind, arm in self._arms.items() if kind != _RANDOM):
            self._novelty.forget()
            for arm in self._arms.values():
                arm.rests = False
        total = sum(arm.pulls for arm in self._arms.values())
        awake = [kind for kind, arm in self._arms.items() if not arm.rests]
        yield from sorted(awake, key=lambda kind: -self._arms[kind].bound(total))

    def _seek(self, node: int, kind: str) -> bool:
        way = self._novelty.way(node, kind)
        self._way = way[::-1] if way else []
        return bool(way)


def _space(
    network: Network, start: Position, watched: tuple[Variable, ...]
) -> tuple[Configurations, Landscape, tuple[Variable, ...]]:
    """The configurations, told apart by the watched variables as well if they are not too many then."""
    for also in (watched, ()) if watched else ((),):
        landscape = Landscape(network, also)
        space = configurations(network, landscape, start)
        space.enter(start)
        space.explore()
        if space.complete:
            break
    return space, landscape, also
