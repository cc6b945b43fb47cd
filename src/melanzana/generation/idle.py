"""Does a walk still get anywhere? A stop condition that guards keep from being met must not keep an agent busy for ever.

`goals.py` asks at the end of each iteration and now and then within one; the walk then ends with a clear message (ADR 0009).
"""

from melanzana.generation.position import Position
from melanzana.generation.possible import still
from melanzana.generation.progress import Progress
from melanzana.generation.prospect import Can
from melanzana.generation.stop_conditions import StopCondition

#: Iterations without an action, in a row, after which the walk ends: only drawn values could have changed.
EMPTY_ITERATIONS = 100


class IdleWatch:
    """Has anything changed that the stop condition or the coverage would notice? Asked rarely: the answer costs a look at all
    of it.

    A walk is idle after `iteration_limit` iterations in a row, or `action_limit` actions in a row, that brought nothing new. Both
    grow with the model. A condition that contains `never` asks for an endless walk and is only held to EMPTY_ITERATIONS.

    With a `position`, the walk is also asked whether it can still get what it is after: after INTERVAL actions that brought nothing
    new, after twice as many, and so on.
    """

    #: Actions between two looks inside one iteration.
    INTERVAL = 4_096

    def __init__(self, condition: StopCondition, progress: Progress, position: Position | None = None) -> None:
        _, actions, transitions = progress.coverage.totals
        self.iteration_limit = max(1_000, 10 * actions)
        self.action_limit = max(100_000, 1_000 * transitions)
        self._condition = condition
        self._progress = progress
        self._position = position
        self._ask_after = self.INTERVAL
        self._last = self._readings()
        self._since_actions = 0
        self._since_iterations = 0
        self._empty = 0
        self._actions_at_start = 0

    def iteration_ended(self) -> str:
        """Why the walk should end now, having just ended an iteration; empty when it should not."""
        progress = self._progress
        self._empty = self._empty + 1 if progress.actions == self._actions_at_start else 0
        self._actions_at_start = progress.actions
        if self._empty >= EMPTY_ITERATIONS:
            return f"{self._empty:,} iterations in a row could not perform a single action"
        return self.look()

    def look(self) -> str:
        """Why the walk should end now; empty when it should not."""
        if self._condition.endless:
            return ""
        progress, readings = self._progress, self._readings()
        if readings != self._last:
            self._last = readings
            self._since_actions, self._since_iterations = progress.actions, progress.iterations
            self._ask_after = self.INTERVAL
            return ""
        if lost := self._lost():
            return lost
        if progress.iterations - self._since_iterations >= self.iteration_limit:
            return f"{self.iteration_limit:,} iterations in a row brought nothing new"
        if progress.actions - self._since_actions >= self.action_limit:
            return f"{self.action_limit:,} actions in a row brought nothing new"
        return ""

    def _lost(self) -> str:
        """Why the condition can no longer be met; empty when nothing is known against it, or it is not asked now."""
        if self._position is None or self._progress.actions - self._since_actions < self._ask_after:
            return ""
        self._ask_after *= 2
        prospect = still(self._condition, self._progress, self._position)
        return f"the stop condition can no longer be met: {prospect.reason}" if prospect.can is Can.NO else ""

    def _readings(self) -> tuple[float, ...]:
        return (*self._progress.coverage.covered, *self._condition.readings(self._progress))
