"""Makes what a walk is after: a generator that chooses, together with when it is enough and when there is no hope left.

`Walk` asks its goal and need not know whether it walks at random until a condition holds or performs a test case.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from melanzana.generation.generators import PathGenerator, RandomGenerator
from melanzana.generation.goal import Goal
from melanzana.generation.history import History
from melanzana.generation.idle import IdleWatch
from melanzana.generation.network import Network
from melanzana.generation.path_expression import GeneratorKind, PathPlan, TourSettings
from melanzana.generation.position import Position
from melanzana.generation.possible import require_possible
from melanzana.generation.prng import Prng
from melanzana.generation.progress import Progress
from melanzana.generation.recorded import Recorded
from melanzana.generation.routes import DirectedGenerator
from melanzana.generation.step import EndReason
from melanzana.generation.stop_conditions import AllOf, AnyOf, Coverage, FurtherCoverage, Reached, StopCondition
from melanzana.graph.model import Scalar

if TYPE_CHECKING:
    from melanzana.generation.tours.following import TourGenerator
    from melanzana.generation.tours.shortest import ShortestGenerator


class ConditionGoal:
    """Walk at random until a stop condition is met."""

    exact = None

    def __init__(
        self, generator: PathGenerator, condition: StopCondition, progress: Progress, position: Position | None = None
    ) -> None:
        """`position`: where the walk stands, always; given when it can come to where the condition can no longer be met."""
        self.choose = generator.choose
        self._condition = condition
        self._progress = progress
        self._idle = IdleWatch(condition, progress, position)

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

    def remark(self) -> str:
        return ""


class TestCaseGoal:
    """Perform the steps of a test case."""

    __test__ = False
    exact = None

    def __init__(self, generator: DirectedGenerator) -> None:
        self.choose = generator.choose
        self._generator = generator

    def reached(self) -> EndReason | None:
        return EndReason.TEST_CASE_DONE if self._generator.finished else None

    def hopeless(self, iteration_ended: bool) -> str:  # noqa: ARG002
        return ""  # its path was planned to its end

    def progress(self) -> float:
        return self._generator.progress

    def remark(self) -> str:
        return ""


class TourGoal:
    """Walk a tour, or the shortest way to something, to its end or until a stop condition is met."""

    def __init__(self, generator: "TourGenerator | ShortestGenerator", condition: StopCondition | None, progress: Progress) -> None:
        self.choose = generator.choose
        self.remark = generator.remark
        self._generator = generator
        self._condition = condition
        self._progress = progress

    @property
    def exact(self) -> bool | None:
        """Is it known that no walk does the same for less? None where nothing was planned, or something else was walked."""
        return self._generator.exact

    def reached(self) -> EndReason | None:
        met = self._done() or (self._condition is not None and self._condition.met(self._progress))
        return EndReason.STOP_CONDITION if met else None

    def hopeless(self, iteration_ended: bool) -> str:  # noqa: ARG002
        if self._done() or not self._generator.finished or self._condition is None or self._condition.met(self._progress):
            return ""  # what is left was planned, or is sought a few times only
        stands = f"everything that was found is covered, and the stop condition stands at {self.progress():.0%}"
        remark = self.remark()
        return f"{stands}; {remark}" if remark else stands

    def _done(self) -> bool:
        """Was everything gone through that is wanted? A condition that asks for coverage is to be met all the same."""
        return self._generator.finished and (self._condition is None or not _wants(self._condition))

    def progress(self) -> float:
        if self._condition is None:
            return self._generator.progress
        return 1.0 if self._done() else self._condition.progress(self._progress)


def _wants(condition: StopCondition) -> bool:
    """Does it ask for something to be covered, and not only for an end?"""
    if isinstance(condition, AllOf):
        return any(map(_wants, condition.parts))
    if isinstance(condition, AnyOf):
        return all(map(_wants, condition.parts))
    return isinstance(condition, Coverage | FurtherCoverage | Reached)


#: Makes a generator for one walk.
GeneratorMaker = Callable[["GoalSetting"], PathGenerator]


class GoalSetting(NamedTuple):
    """What a goal is made for."""

    network: Network
    progress: Progress
    start: Position  #: where the walk will first choose
    prng: Prng  #: for choices
    fixed: Mapping[tuple[int, str], Scalar]
    durations: Mapping[str, float]  #: seconds by element id
    position: Position | None = None  #: where the walk stands, always
    recorded: Recorded | None = None  #: steps to follow
    history: History = History()  #: what earlier runs have seen
    generator: GeneratorMaker | None = None  #: another than the path's own


def make_goal(path: PathPlan, setting: GoalSetting) -> Goal:
    """The goal of a path expression. Errors: `ImpossibleGoalError`, `ImpossibleStepError`, `GenerationError`."""
    if path.then:
        return _chained(path, setting)
    return _single(path, setting)


def _chained(path: PathPlan, setting: GoalSetting) -> Goal:
    """Its parts, each with figures and random numbers of its own; the first one draws what it would alone."""
    from melanzana.generation.chaining import ChainGoal, Part  # noqa: PLC0415

    parts = []
    for number, plan in enumerate(path.parts, 1):
        progress = Progress(setting.progress.coverage)
        progress.failed = setting.progress.failed
        prng = setting.prng if number == 1 else setting.prng.fork(f"part {number}")
        goal = _single(plan, setting._replace(progress=progress, prng=prng))
        parts.append(Part(goal, progress, anew=plan.generator in (GeneratorKind.TOUR, GeneratorKind.DIRECTED)))
    assert setting.position is not None  # every walk has one
    return ChainGoal(parts, setting.progress, setting.position)


def _single(path: PathPlan, setting: GoalSetting) -> Goal:
    """The goal of one generator, whatever follows it."""
    if path.test_case is not None:
        return TestCaseGoal(DirectedGenerator(setting.network, path.test_case, setting.start))
    if path.generator in (GeneratorKind.PREDEFINED, GeneratorKind.REPLAY):
        return _following(path, setting)
    if path.generator is GeneratorKind.SHORTEST:
        return _planned(path, setting)
    watched = path.condition is not None and require_possible(path.condition, setting.network, setting.fixed, path.condition_at)
    if path.generator is GeneratorKind.TOUR:
        return _planned(path, setting)
    assert path.condition is not None  # these walks have one
    generator = _onward(path, setting)
    return ConditionGoal(generator, path.condition, setting.progress, setting.position if watched else None)


def _onward(path: PathPlan, setting: GoalSetting) -> PathGenerator:
    """What chooses until a condition is met."""
    if setting.generator is not None:
        return setting.generator(setting)
    if path.generator is GeneratorKind.QUICK:
        from melanzana.generation.quick import QuickGenerator  # noqa: PLC0415

        return QuickGenerator(setting.network, setting.start, setting.fixed, setting.prng, setting.progress.coverage)
    if path.generator is GeneratorKind.EXPLORE:
        from melanzana.generation.explore import ExploreGenerator  # noqa: PLC0415

        explorer = ExploreGenerator(setting.network, setting.start, path.explore, setting.history)
        return explorer.begin(setting.prng, setting.progress)
    return RandomGenerator(setting.prng, path.generator is GeneratorKind.WEIGHTED)


def _following(path: PathPlan, setting: GoalSetting) -> Goal:
    """Loaded when it is asked for."""
    from melanzana.generation.replaying import goal_of  # noqa: PLC0415

    return goal_of(setting.network, setting.recorded, path.names, with_values=path.generator is GeneratorKind.REPLAY)


def _planned(path: PathPlan, setting: GoalSetting) -> Goal:
    """Loaded when it is asked for: most walks need none of it."""
    from melanzana.generation.tours import following, shortest  # noqa: PLC0415

    network, start, fixed, durations = setting.network, setting.start, setting.fixed, setting.durations
    generator: TourGenerator | ShortestGenerator
    if path.generator is GeneratorKind.TOUR:
        generator = following.TourGenerator(network, start, fixed, durations, path.tour or TourSettings())
    else:
        assert isinstance(path.condition, Reached)
        generator = shortest.ShortestGenerator(network, start, fixed, durations, path.condition)
    return TourGoal(generator, path.condition, setting.progress)
