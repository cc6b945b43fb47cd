"""What a walk is after: a generator that chooses, together with when it is enough and when there is no hope left.

`Walk` asks its goal and need not know whether it walks at random until a condition holds or performs a test case.
"""

from typing import Protocol

from melanzana.generation.generators import Move, PathGenerator, RandomGenerator
from melanzana.generation.idle import IdleWatch
from melanzana.generation.network import Network
from melanzana.generation.path_expression import GeneratorKind, PathPlan
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.progress import Progress
from melanzana.generation.routes import DirectedGenerator
from melanzana.generation.step import EndReason
from melanzana.generation.stop_conditions import StopCondition


class Goal(Protocol):
    """What every goal answers. None of the questions changes what a later one is answered."""

    def choose(self, position: Position) -> Move | None:
        """The next move; None when nothing can be done. Errors: `EvaluationError`, `ImpossibleStepError`."""
        ...

    def reached(self) -> EndReason | None:
        """Why it is enough; None when it is not."""
        ...

    def hopeless(self, iteration_ended: bool) -> str:
        """Why the walk should give up; empty when it should not."""
        ...

    def progress(self) -> float:
        """How near it is, from 0 to 1."""
        ...


class ConditionGoal:
    """Walk at random until a stop condition is met."""

    def __init__(self, generator: PathGenerator, condition: StopCondition, progress: Progress) -> None:
        self.choose = generator.choose
        self._condition = condition
        self._progress = progress
        self._idle = IdleWatch(condition, progress)

    def reached(self) -> EndReason | None:
        return EndReason.STOP_CONDITION if self._condition.met(self._progress) else None

    def hopeless(self, iteration_ended: bool) -> str:
        if iteration_ended:
            why = self._idle.iteration_ended()
        else:
            why = "" if self._progress.actions % IdleWatch.INTERVAL else self._idle.look()
        return why and f"{why}; the stop condition stands at {self.progress():.0%}"

    def progress(self) -> float:
        return self._condition.progress(self._progress)


class TestCaseGoal:
    """Perform the steps of a test case."""

    __test__ = False

    def __init__(self, generator: DirectedGenerator) -> None:
        self.choose = generator.choose
        self._generator = generator

    def reached(self) -> EndReason | None:
        return EndReason.TEST_CASE_DONE if self._generator.finished else None

    def hopeless(self, iteration_ended: bool) -> str:  # noqa: ARG002
        return ""  # its path was planned to its end

    def progress(self) -> float:
        return self._generator.progress


def make_goal(path: PathPlan, network: Network, progress: Progress, start: Position, prng: Prng) -> Goal:
    """The goal of a path expression for a walk that begins at `start`. Errors: `ImpossibleStepError`."""
    if path.test_case is not None:
        return TestCaseGoal(DirectedGenerator(network, path.test_case, start))
    assert path.condition is not None  # a plan has one of the two
    return ConditionGoal(RandomGenerator(prng, path.generator is GeneratorKind.WEIGHTED), path.condition, progress)
