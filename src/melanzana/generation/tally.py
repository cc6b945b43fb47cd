"""What a random walk comes to, without its steps: the same walk as `Walk` takes, some thirty times as fast.

`melanzana generate --stats` asks, and whoever wants to know how long random walks of a model take. Where nothing but guards,
assignments and bounds decides what may be done (`PlainConfigurations`), a random walk is a walk over a table: a node for every
choice that can come up, an entry for every outcome of its draw. `tables.py` opens nodes as they are come to; this file draws
and follows. Draws are those of `Prng`, many at once, since the state of SplitMix64 is a counter. A draw below n is had from a
draw below a common multiple of all n: floor(x · n) = floor(floor(x · m) ÷ (m ÷ n)).

About a hundred nanoseconds an action, whatever the size of the model; opening costs time in proportion to the configurations.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.draws import UnevenDrawError, draws
from melanzana.generation.ending import Ending
from melanzana.generation.generators import RandomGenerator
from melanzana.generation.goals import ConditionGoal
from melanzana.generation.idle import IdleWatch
from melanzana.generation.network import Network
from melanzana.generation.path_expression import GeneratorKind, parse_path
from melanzana.generation.position import Position
from melanzana.generation.possible import require_possible
from melanzana.generation.prng import Prng
from melanzana.generation.progress import Progress
from melanzana.generation.routes import fixed_values
from melanzana.generation.step import EndReason, Outcome, StepKind, Verdict
from melanzana.generation.stop_conditions import Actions, AllOf, AnyOf, Coverage, Iterations, Reached, Steps, StopCondition
from melanzana.generation.tables import NOTHING, End, Fresh, Table, TooLargeError, table_of
from melanzana.generation.totals import Given
from melanzana.generation.walk import WalkPlan
from melanzana.graph.model import Model

#: Draws made at once.
DRAWS = 16_384
_KNOWN = (Steps, Actions, Iterations, Coverage, Reached)
_RANDOM = (GeneratorKind.RANDOM, GeneratorKind.WEIGHTED)
_FAR = 2**62


class Tally(NamedTuple):
    """The figures of a walk that has ended."""

    outcome: Outcome
    progress: Progress
    iteration: int  #: number of the last iteration, from 1
    exact: None = None  #: as of every walk that is not planned

    @property
    def coverage(self) -> CoverageTracker:
        """What was gone through, and how often."""
        return self.progress.coverage


def tally(model: Model, plan: WalkPlan) -> Tally | None:
    """The figures of the walk that `plan` asks for; None where only `Walk` can tell.

    That is: another generator than `random` and `weighted`, or several; a walk that performs code; a choice that depends on
    generated values, call limits, previous or sequent actions; an expression that can fail; a walk that can come to where there
    is no hope left; more configurations than `PLAIN_LIMIT`; an end in a state with nothing to do, of which `Walk` says more.
    Errors: those of `Walk`.
    """
    path = parse_path(plan.path, model, Given(plan.parameters, plan.dry))
    if path.then or not plan.dry or path.generator not in _RANDOM or path.condition is None or not _known(path.condition):
        return None
    network = Network(model, dry=True)
    prng = Prng(plan.seed)
    fixed = fixed_values(network, (), plan.parameters)
    if require_possible(path.condition, network, fixed, path.condition_at):
        return None
    start = Position(network, prng.fork("data"), fixed)
    start.restart()
    start.enter(network.start.index)
    table = table_of(network, start, fixed, weighted=path.generator is GeneratorKind.WEIGHTED)
    if table is None:
        return None
    try:
        return _Follower(path.condition, table, prng.fork("choice")).follow(Ending(network, plan.on_error))
    except (TooLargeError, UnevenDrawError):
        return None


def _known(condition: StopCondition) -> bool:
    """Does it ask only what is looked at here?"""
    if isinstance(condition, AllOf | AnyOf):
        return all(map(_known, condition.parts))
    return isinstance(condition, _KNOWN)


def _counts_steps(condition: StopCondition) -> bool:
    if isinstance(condition, AllOf | AnyOf):
        return any(map(_counts_steps, condition.parts))
    return isinstance(condition, Steps)


def _room(condition: StopCondition, progress: Progress) -> int:
    """Before so many actions its counts of steps and actions cannot be met."""
    if isinstance(condition, AllOf | AnyOf):
        return min(_room(part, progress) for part in condition.parts)
    if isinstance(condition, Steps):
        left = (condition.count - progress.steps + 1) // 2  # an action and the state that it leads to
    else:
        left = condition.count - progress.actions if isinstance(condition, Actions) else 0
    return left if left > 0 else _FAR


class _Follower:
    """One walk over a table. The figures in `_progress` are brought up to date before anybody is asked about them."""

    def __init__(self, condition: StopCondition, table: Table, prng: Prng) -> None:
        self._condition = condition
        self._counts_steps = _counts_steps(condition)
        self._table, self._prng = table, prng
        self._labels = table.space.labels_of.pairs
        self._network = table.space.network
        self._coverage = CoverageTracker(self._network.model)
        self._progress = Progress(self._coverage)
        self._goal = ConditionGoal(RandomGenerator(prng, weighted=False), condition, self._progress)
        self._hits = [0] * (len(self._labels) + 1)  #: by label; those that perform nothing at the end
        self._draws: Iterator[int] = iter(())
        self._made = 0  #: draws of the stream that were made
        self._multiple = 0  #: below which they were made
        self._iteration = 0
        self._start_over()

    def follow(self, ending: Ending) -> Tally | None:
        """To the end; None when the walk must be walked step by step after all."""
        while True:
            pause = self._node[1]
            if isinstance(pause, End):
                if self._over(pause, ending):
                    break
            elif self._enough(ending):
                break
            else:
                self._advance(min(_room(self._condition, self._progress), self._until_look()))
        if ending.final is None:
            return None
        self._finish(ending)
        return Tally(ending.outcome(), self._progress, self._iteration)

    # ---- going on

    def _start_over(self) -> None:
        start = self._network.start
        if not self._iteration:
            self._coverage.visit(StepKind.STATE, start.id)
        self._iteration += 1
        self._node = self._table.start

    def _until_look(self) -> int:
        return IdleWatch.INTERVAL - self._progress.actions % IdleWatch.INTERVAL

    def _advance(self, room: int) -> None:
        """Perform `room` actions, or fewer: until something is gone through for the first time, or an iteration is over."""
        self._fill()
        nothing, left = self._hits[NOTHING], self._left()
        alone = self._follow_entries(room)
        performed = left - self._left() + alone - (self._hits[NOTHING] - nothing)
        self._progress.actions += performed
        if self._counts_steps:
            self._count_steps()
        while isinstance(self._node[1], Fresh):
            self._open(self._node[1])

    def _follow_entries(self, room: int) -> int:
        """The loop that all time goes into. Returns how many entries were gone through without a draw."""
        hits, node = self._hits, self._node
        divisor, entries = node
        if not divisor:
            label, self._node = entries[0]
            hits[label] += 1
            return 1
        alone, spare = 0, room // 4
        for draw in islice(self._draws, room - spare):
            label, node = entries[draw // divisor]
            hits[label] += 1
            divisor, entries = node
            if not divisor:
                while alone < spare and not divisor and type(entries) is list:
                    label, node = entries[0]
                    hits[label] += 1
                    alone += 1
                    divisor, entries = node
                if not divisor:
                    break
        self._node = node
        return alone

    def _fill(self) -> None:
        """See that there are draws, and that they are made for the table as it is."""
        left = self._left()
        if left and self._multiple == self._table.multiple:
            return
        self._made -= left
        self._multiple = self._table.multiple
        self._draws = iter(draws(self._prng, self._made, DRAWS, self._multiple, self._table.sizes))
        self._made += DRAWS

    def _left(self) -> int:
        return self._draws.__length_hint__()  # type: ignore[attr-defined, no-any-return] # exact, of the iterator of a list

    def _open(self, fresh: Fresh) -> None:
        """An entry was gone through for the first time: does it cover anything?"""
        if fresh.label != NOTHING and self._hits[fresh.label] == 1:
            action, target = self._labels[fresh.label]
            entered = None if target is None else self._network.states[target]
            self._coverage.visit(StepKind.ACTION, action.id, entered.id if entered else None)
            if entered is not None and not self._coverage.hits(entered.id):
                self._coverage.visit(StepKind.STATE, entered.id)
        self._node = self._table.node_behind(fresh)

    # ---- ending

    def _enough(self, ending: Ending) -> bool:
        reason = self._goal.reached()
        if reason is not None:
            ending.decide(Outcome(verdict=Verdict.PASSED, reason=reason, message=self._goal.remark()), None)
        elif hopeless := self._goal.hopeless(iteration_ended=False):
            ending.decide(Outcome(verdict=Verdict.ERROR, reason=EndReason.DEAD_END, message=hopeless), None)
        return ending.final is not None

    def _over(self, end: End, ending: Ending) -> bool:
        """An iteration is over: is the walk? Where it is because nothing can be done, nothing is decided: `Walk` says why."""
        if end.dead and self._enough(ending):
            return True
        self._progress.iterations += 1
        reason = self._goal.reached()
        hopeless = "" if reason else self._goal.hopeless(iteration_ended=True)
        if not reason and not hopeless:
            self._start_over()
            self._count_steps()
            return False
        if not end.dead:
            verdict = Verdict.PASSED if reason else Verdict.ERROR
            ending.decide(Outcome(verdict=verdict, reason=reason or EndReason.DEAD_END, message=hopeless), end.state)
        return True

    def _finish(self, ending: Ending) -> None:
        """The states entered at the end, and every count."""
        self._count_steps()
        while (state := ending.next_state()) is not None:
            self._coverage.visit(StepKind.STATE, state.id)
            self._progress.steps += 1
        self._count_visits()

    def _count_steps(self) -> None:
        entered = sum(hits for hits, (_, target) in zip(self._hits, self._labels, strict=False) if target is not None)
        self._progress.steps = self._progress.actions + self._iteration + entered

    def _count_visits(self) -> None:
        """What was gone through again. Each was visited once when it came first."""
        entered = [0] * len(self._network.states)
        entered[self._network.start.index] = self._iteration
        for hits, (action, target) in zip(self._hits, self._labels, strict=False):
            state = None if target is None else self._network.states[target]
            if state is not None:
                entered[state.index] += hits
            if hits > 1:
                self._coverage.visit(StepKind.ACTION, action.id, state.id if state else None, hits - 1)
        for number, times in enumerate(entered):
            if times > 1:
                self._coverage.visit(StepKind.STATE, self._network.states[number].id, None, times - 1)
