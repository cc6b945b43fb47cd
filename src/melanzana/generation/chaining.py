"""One generator after the other: `random(steps(20)) then tour()`.

A part is over when its own generator says so; the next one then begins where the walk stands. A tour and a test case begin at
Start, in a new iteration, for they were planned from there. All parts are made before the first step, so what is refused is refused
at once.

Steps, actions, iterations, time and what was reached count from where a part begins; coverage counts for the whole walk (ADR
0024).
`goals.py` makes it; `Walk` asks the chain as it asks any goal.
"""

from typing import NamedTuple

from melanzana.generation.generators import Move, Turn
from melanzana.generation.goal import Goal
from melanzana.generation.position import Position
from melanzana.generation.progress import Progress
from melanzana.generation.step import EndReason


class Part(NamedTuple):
    """One generator with what it is after."""

    goal: Goal
    progress: Progress  #: what it has counted since it began
    anew: bool  #: does it begin in an iteration of its own?


class ChainGoal:
    """Walk the parts, one after the other."""

    exact = None

    def __init__(self, parts: list[Part], whole: Progress, position: Position) -> None:
        """`whole`: what the walk has counted; `position`: where it stands, always."""
        self._parts = parts
        self._whole = whole
        self._position = position
        self._at = 0
        self._before = (0, 0, 0, 0.0)  #: steps, actions, iterations and seconds when the part began
        self._iteration = -1
        self._actions_at_start = 0  #: of the present iteration
        self._restarting = False  #: is the next iteration begun for this part?
        self._over = False

    def reached(self) -> EndReason | None:
        """Is the present part over, and all that follow, if they began now?"""
        reason = self._told().reached()
        for later in self._parts[self._at + 1 :]:
            if reason is None:
                break
            self._begin_counting(later.progress)
            reason = later.goal.reached()
        self._over = reason is not None  # whoever asks ends the walk then
        return reason

    def hopeless(self, iteration_ended: bool) -> str:
        goal = self._told()
        if not self._is_last and goal.reached() is not None:
            return ""
        why = goal.hopeless(iteration_ended)
        return why and f"part {self._at + 1} of {len(self._parts)} of the path: {why}"

    def progress(self) -> float:
        return 1.0 if self._over else (self._at + self._told().progress()) / len(self._parts)

    def remark(self) -> str:
        return "; ".join(filter(None, (part.goal.remark() for part in self._parts[: self._at + 1])))

    def entered(self, position: Position) -> None:
        """The walk has entered a state. Errors: those of the part's goal."""
        if self._iteration != self._whole.iterations:
            self._iteration, self._actions_at_start = self._whole.iterations, self._whole.actions
            if self._restarting:
                self._restarting = False
                self._count_from_here()
            while not self._is_last and self._told().reached() is not None:
                self._begin()
        self._tell(position)

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move of the part that is walked now. Errors: those of its goal."""
        while (found := self._chosen(position)) is Turn.DONE:
            if self._is_last or self._told().hopeless(iteration_ended=False):
                break
            self._begin()
            self._tell(position)
        return found

    def _chosen(self, position: Position) -> Move | Turn | None:
        """As its goal chooses; DONE when the part has what it is after."""
        goal = self._told()
        if goal.reached() is not None:
            return Turn.DONE
        if self._at and self._parts[self._at].anew and self._is_untouched and self._whole.actions > self._actions_at_start:
            self._restarting = True
            return Turn.RESTART
        return goal.choose(position)

    # ---- from part to part

    @property
    def _is_last(self) -> bool:
        return self._at == len(self._parts) - 1

    @property
    def _is_untouched(self) -> bool:
        """Has the present part not performed an action yet?"""
        return self._before[1] == self._whole.actions

    def _begin(self) -> None:
        self._at += 1
        self._count_from_here()

    def _count_from_here(self) -> None:
        whole = self._whole
        self._before = (whole.steps, whole.actions, whole.iterations, whole.elapsed_seconds)
        self._begin_counting(self._parts[self._at].progress)

    def _begin_counting(self, own: Progress) -> None:
        """What a part counts begins here. The state that the walk stands in counts as reached."""
        own.steps, own.actions, own.iterations, own.elapsed_seconds = 0, 0, 0, 0.0
        hits = dict(self._whole.coverage.report().hits)
        hits[self._position.here().id] -= 1
        own.hits_before = hits

    def _tell(self, position: Position) -> None:
        entered = getattr(self._parts[self._at].goal, "entered", None)
        if entered is not None:
            entered(position)

    def _told(self) -> Goal:
        """The goal of the present part, its figures brought up to now."""
        part, whole = self._parts[self._at], self._whole
        own = part.progress
        steps, actions, iterations, seconds = self._before
        own.steps, own.actions, own.iterations = whole.steps - steps, whole.actions - actions, whole.iterations - iterations
        own.elapsed_seconds = whole.elapsed_seconds - seconds
        return part.goal
