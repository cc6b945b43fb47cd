"""On to what is nearest, from wherever the walk stands now: without a plan, so that no answer of the system under test can break
it.

A tour does this once the walk is not where the plan says, and from the first step where drawn values decide what may be done;
`shortest` does nothing else. A way that breaks costs its goal one of a few tries, and starting over without a single action is
done only a few times in a row: so a walk of this kind ends whatever the system under test answers.
"""

from collections.abc import Callable, Sequence

from melanzana.generation.configurations import Configurations, Labels, moves_from
from melanzana.generation.generators import Move, Turn
from melanzana.generation.network import CompiledAction
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape, may
from melanzana.generation.tours.nearest import Nearest

#: Ways to one transition that may break before it is given up; iterations tried in advance for what drawn values decide.
MOST_TRIES, MOST_ITERATIONS = 3, 100
#: Configurations looked at for one way where positions must be copied, over all iterations tried in advance.
LOOKED_AT = 20_000

_Guess = Callable[[CompiledAction], bool]


_Leg = tuple[CompiledAction, int | None]


class Seeker:
    """Chooses moves to the nearest transition that is `wanted` (by label); what it goes through is wanted no more."""

    def __init__(
        self, space: Configurations, landscape: Landscape, costs: Sequence[int], wanted: bytearray, *, drawn: bool
    ) -> None:
        self.wanted = wanted
        self.finished = False
        self._space = space
        self._landscape = landscape
        self._labels: Labels = space.labels_of
        self._nearest = Nearest(space, costs)
        self._drawn = drawn  #: positions are copied, because drawn values decide what may be done
        self._legs: list[_Leg | Turn] = []  #: next one last
        self._goal = -1  #: label of the last leg
        self._tries: dict[int, int] = {}
        self._restarts = 0  #: in a row, without an action between

    def choose(self, position: Position) -> Move | Turn:
        """The next move; `Turn.DONE` when nothing that is wanted can be found any more."""
        if self._legs and not self._fits(position):
            self._break_off()
        if not self._legs and not self._plan(position):
            self.finished = True
            return Turn.DONE
        leg = self._legs.pop()
        if isinstance(leg, Turn):
            self._restarts += 1
            return Turn.RESTART
        self._restarts = 0
        action, target = leg
        self.wanted[self._labels.of(action, target)] = 0
        return Move(action, target)

    # ---- whether the way still leads on

    def _fits(self, position: Position) -> bool:
        leg = self._legs[-1]
        if isinstance(leg, Turn):
            return True
        action, target = leg
        return action in position.candidates() and may(position, action) and target in position.targets(action)

    def _break_off(self) -> None:
        self._legs = []
        tries = self._tries[self._goal] = self._tries.get(self._goal, 0) + 1
        if tries >= MOST_TRIES:
            self.wanted[self._goal] = 0

    # ---- finding a way

    def _plan(self, position: Position) -> bool:
        if not any(self.wanted):
            return False
        legs = self._over_copies(position, None) if self._drawn else self._over_numbers(position)
        if legs is None and self._landscape.hangs_on_answers:
            legs = self._over_copies(position, self._landscape.hangs_on_snippets)
        if legs is None or (legs[0] is Turn.RESTART and self._restarts > MOST_TRIES):
            return False
        last = legs[-1]
        assert not isinstance(last, Turn)
        self._goal = self._labels.of(last[0], last[1])
        self._legs = legs[::-1]
        return True

    def _over_numbers(self, position: Position) -> list[_Leg | Turn] | None:
        """A way in the graph of configurations, from here or from Start."""
        space = self._space
        anew = _restarted(position)
        here, start = space.enter(position), space.enter(anew)
        space.explore()
        for node, first in ((here, []), (start, [Turn.RESTART])):
            way = self._nearest.way(node, self.wanted)
            if way is not None:
                pairs: list[_Leg | Turn] = [(self._labels.pairs[space.labels[arc]][0], space.target(arc)) for arc in way.arcs]
                return [*first, *pairs]
        return None

    def _over_copies(self, position: Position, guess: _Guess | None) -> list[_Leg | Turn] | None:
        """A way from here or from the iterations to come, with the values that they will draw."""
        left, first, at = LOOKED_AT, list[_Leg | Turn](), position
        for _ in range(MOST_ITERATIONS if self._drawn else 2):
            found, looked_at = self._breadth_first(at, guess, left)
            if found is not None:
                return [*first, *found]
            left -= looked_at
            if left <= 0:
                return None
            first.append(Turn.RESTART)
            at = _restarted(at)
        return None

    def _breadth_first(self, root: Position, guess: _Guess | None, most: int) -> tuple[list[_Leg] | None, int]:
        """The way of the fewest actions, and how many configurations were looked at."""
        key = self._landscape.key
        queue: list[tuple[Position, int, _Leg | None]] = [(root, -1, None)]
        seen = {key(root)}
        for number, (position, _, _) in enumerate(queue):  # it grows while it is read
            if number >= most:
                break
            for action, target, ahead in moves_from(position, guess if number else None):
                leg = (action, target)
                if self.wanted[self._labels.of(action, target)]:
                    return _traced(queue, number, leg), number
                if key(ahead) not in seen:
                    seen.add(key(ahead))
                    queue.append((ahead, number, leg))
        return None, len(queue)


def _traced(queue: list[tuple[Position, int, _Leg | None]], number: int, last: _Leg) -> list[_Leg]:
    legs = [last]
    while number >= 0:
        _, number, leg = queue[number]
        if leg is not None:
            legs.append(leg)
    return legs[::-1]


def _restarted(position: Position) -> Position:
    anew = position.copy()
    anew.restart()
    anew.enter(position.network.start.index)
    return anew


def _may(position: Position, action: CompiledAction) -> bool:
    from melanzana.generation.search import may  # noqa: PLC0415

    return may(position, action)
