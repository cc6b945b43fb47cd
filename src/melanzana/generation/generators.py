"""How the next action is chosen: at random, by weight, or as a test case says.

`Walk` asks `choose` each time it stands in a state (or a chain goes on) and its stop condition is not met. The answer is a
`Move`, or None when there is nothing to choose. A random choice draws a candidate first and looks at its guard then, and draws
again among the rest when it may not be performed: each action that may is as likely as its weight says, and usually one guard
is evaluated a step.
"""

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from melanzana.generation.network import CompiledAction, CompiledState
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.graph.model import Scalar


class Move(NamedTuple):
    """An action to perform and where it is to lead (None: it stays). `parameters` are set before it is performed."""

    action: CompiledAction
    target: int | None
    parameters: tuple[tuple[int, str, Scalar], ...] = ()  #: (store, name, value)


class Turn(Enum):
    """What a generator may answer besides a move."""

    RESTART = "restart"  #: end this iteration and begin the next one at Start
    DONE = "done"  #: there is nothing left to do


class PathGenerator(Protocol):
    """What every generator answers."""

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move; None when nothing can be done here (or, of a test case, nothing is left to do).

        Errors: `EvaluationError` when a guard cannot be evaluated, `ImpossibleStepError` when a test case cannot go on.
        """
        ...


class RandomGenerator:
    """Chooses among the actions that may be performed; all alike, or in proportion to their weights. Weight 0 is never chosen."""

    def __init__(self, prng: Prng, weighted: bool) -> None:
        self._prng = prng
        self._weighted = weighted

    def choose(self, position: Position) -> Move | None:
        if position.pending is not None:
            action = position.pending if position.may(position.pending) else None
        else:
            action = self._draw(position, position.here())
        if action is None:
            return None
        targets = position.targets(action)
        return Move(action, targets[0] if len(targets) == 1 else targets[self._prng.below(len(targets))])

    def _draw(self, position: Position, here: CompiledState) -> CompiledAction | None:
        actions = here.drawn
        if not actions:
            return None
        draw = self._prng.below
        first = bisect_right(here.sums, draw(here.sums[-1])) if self._weighted else draw(len(actions))
        action = actions[first]
        return action if position.may(action) else self._draw_again(position, actions, first)

    def _draw_again(self, position: Position, actions: Sequence[CompiledAction], refused: int) -> CompiledAction | None:
        left = list(actions)
        del left[refused]
        while left:
            index = self._prng.weighted([a.weight for a in left]) if self._weighted else self._prng.below(len(left))
            if position.may(left[index]):
                return left[index]
            del left[index]
        return None
