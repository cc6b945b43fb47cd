"""One run as a pure state machine: it says which step comes next and is told how the step came out.

`runner/` drives it on an agent, `melanzana run` and `melanzana generate` drive it at home; nobody's code is called from here
and there is no clock in it, so the same model, plan, outputs and elapsed times give the same steps anywhere. What it does in
each case is settled in ADR 0009; `position.py` holds the rules of a single move, `generators.py` the choice, `ending.py` the
end.

    walk = Walk(model, plan)
    while (step := walk.next_step(elapsed)) is not None:
        walk.record(step, verdict, outputs, message)     # perform it first
        ...                                              # walk.paused: resume() or abort()
    walk.outcome
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from melanzana.errors import EvaluationError, GenerationError, ImpossibleStepError
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.ending import Ending
from melanzana.generation.generators import Move, Turn
from melanzana.generation.goals import GeneratorMaker, GoalSetting, make_goal
from melanzana.generation.history import History
from melanzana.generation.kinds import Glance
from melanzana.generation.network import CompiledAction, CompiledState, Network
from melanzana.generation.path_expression import parse_path
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.progress import Progress
from melanzana.generation.recorded import Recorded
from melanzana.generation.routes import fixed_values
from melanzana.generation.scopes import Scope
from melanzana.generation.staging import Stage
from melanzana.generation.step import EndReason, OnError, Outcome, Step, StepKind, Verdict
from melanzana.generation.stop_conditions import asked_kinds
from melanzana.generation.totals import Given
from melanzana.generation.watching import watch
from melanzana.graph.model import Model, Value

MAX_SEED = 2**63 - 1

_NO_OUTPUTS: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPlan:
    """Everything a walk depends on besides the model."""

    path: str  #: path expression
    seed: int  #: 0 … 2^63-1
    on_error: OnError = OnError.CLEAN
    parameters: Mapping[str, Value] = field(default_factory=dict)  #: typed overrides by variable name; see `data.coerce_overrides`
    durations: Mapping[str, float] = field(default_factory=dict)  #: seconds by element id, measured or declared, for tours
    dry: bool = False  #: no code is performed: steps have no calls and no outputs come
    recorded: Recorded | None = None  #: the steps that `predefined()` and `replay()` follow
    history: History = field(default_factory=History)  #: of earlier runs, for `explore`


#: The step that was handed out and not yet recorded: with the scope of its element and, of an action, the action and its target.
_Open = tuple[Step, Scope, CompiledAction | None, int | None]


class Walk:
    """One run. `coverage` may be read at any time; `outcome` is there once `next_step` has returned None.

    Errors of the constructor, all before any step: `PathExpressionError`; `ImpossibleStepError` when the test case cannot be walked
    whatever the snippets answer; `GenerationError` when what is asked for is on no path that may be walked; `RequestError` for a
    parameter; `ExpressionError` and `InvalidModelError` for the model.
    """

    def __init__(self, model: Model, plan: WalkPlan, generator: GeneratorMaker | None = None) -> None:
        """`generator`: another way to choose than the path's own, until the path's condition is met."""
        if isinstance(plan.seed, bool) or not 0 <= plan.seed <= MAX_SEED:
            raise GenerationError(f"a seed is a whole number from 0 to {MAX_SEED}, not {plan.seed!r}", field="seed")
        path = parse_path(plan.path, model, Given(plan.parameters, plan.dry))
        network = Network(model, plan.dry)
        prng = Prng(plan.seed)
        self.outcome: Outcome | None = None
        self.paused = False  #: on_error = debug: a step did not pass; `resume` or `abort`
        self.message = ""  #: why the step recorded last did not pass; the walk's own words when the performer saw no fault
        self.coverage = CoverageTracker(model)
        for kind in [kind for part in path.parts for kind in asked_kinds(part.condition)]:
            watch(self.coverage, model, kind)
        self.dead_ends: Counter[str] = Counter()  #: by id of the state: how often nothing could be done there
        self._network = network
        self._go_on = plan.on_error in (OnError.CONTINUE, OnError.DEBUG)
        self._on_error = plan.on_error
        self._progress = Progress(self.coverage)
        self._ending = Ending(network, plan.on_error)
        self._stage = Stage(plan.dry)
        fixed = fixed_values(network, path.test_cases, plan.parameters)
        self._position = Position(network, prng.fork("data"), fixed)
        self._open: _Open | None = None
        self._entering: CompiledState | None = None
        self._broken = False  #: an assignment could not be evaluated: the walk cannot go on
        first, choices = self._first_position(), prng.fork("choice")
        setting = GoalSetting(
            network=network,
            progress=self._progress,
            start=first,
            prng=choices,
            fixed=fixed,
            durations=plan.durations,
            position=self._position,
            recorded=plan.recorded,
            history=plan.history,
            generator=generator,
        )
        self._goal = make_goal(path, setting)
        self._entered: Callable[[Position], None] | None = getattr(self._goal, "entered", None)  #: sets what was drawn
        self._start_over()

    @property
    def iteration(self) -> int:
        """Number of the present iteration, from 1."""
        return self._stage.iteration

    def progress(self) -> float:
        """How near the end is, from 0 to 1, as the stop condition or the test case counts it."""
        return self._goal.progress()

    @property
    def position(self) -> Position:
        """Where the walk stands now. It is the walk's own: read it, and copy it before anything else."""
        return self._position

    @property
    def is_ending(self) -> bool:
        """Is it decided how the walk ends? Then only the Error and Cleanup states are still entered."""
        return self._ending.final is not None

    @property
    def exact(self) -> bool | None:
        """Of a planned path: is it known that no other does the same for less? None: it was not planned, or not kept to."""
        return self._goal.exact

    def next_step(self, elapsed_seconds: float = 0.0) -> Step | None:
        """The step to perform now; None once the walk has ended.

        `elapsed_seconds` since the run began, for `time(…)`. Errors: `GenerationError` while the last step is not recorded or the
        walk is paused.
        """
        if self.outcome is not None:
            return None
        if self._ending.final is None:
            self._require_ready()
            self._progress.elapsed_seconds = elapsed_seconds
            step = self._walk_on()
            if step is not None:
                return step
        return self._walk_out()

    def record(self, step: Step, verdict: Verdict, outputs: Mapping[str, Value] = _NO_OUTPUTS, message: str = "") -> Verdict:
        """How the step came out; `outputs` by variable name. Returns the verdict that counts.

        It is ERROR instead of PASSED when an output cannot be held by its variable or an assignment fails: then `message` of
        this walk says why. Errors: `GenerationError` when `step` is not the one that was handed out last.
        """
        opened = self._closed(step)
        self._progress.steps += 1
        self._progress.actions += opened[2] is not None
        self.coverage.visit(step.kind, step.element_id, step.target)
        if self.coverage.watchers:
            self.coverage.see(Glance(opened[2] is not None, step.element_id, step.target, step.iteration, step.data))
        self.message = message
        over = self._ending.final is not None
        if verdict is Verdict.PASSED or (self._go_on and not over):
            verdict = self._apply(opened, verdict, outputs, over)
        if verdict is not Verdict.PASSED:
            self._not_passed(step, verdict)
        return verdict

    def resume(self) -> None:
        """Go on after a pause, as `continue` does. Nothing happens when the walk is not paused."""
        self.paused = False

    def abort(self) -> None:
        """End now.

        `next_step` still gives the Cleanup state when the model asks for it; a step that is open need not be recorded.
        """
        if self.outcome is None:
            self.paused = False
            self._end(Verdict.ERROR, EndReason.ABORTED, "the run was aborted")

    # ---- going on

    def _first_position(self) -> Position:
        """Where the walk will stand when it first chooses, drawn as it will be."""
        first = self._position.copy()
        first.restart()
        first.enter(self._network.start.index)
        return first

    def _start_over(self) -> None:
        self._position.restart()
        self._stage.iteration += 1
        self._entering = self._network.start

    def _walk_on(self) -> Step | None:
        """The next step of the walk proper; None when it is to end now."""
        try:
            while self._ending.final is None:
                step = self._advance()
                if step is not None:
                    return step
        except EvaluationError as error:
            self._end(Verdict.ERROR, EndReason.EVALUATION_ERROR, error.message)
        except ImpossibleStepError as error:
            self._end(Verdict.ERROR, EndReason.IMPOSSIBLE_STEP, error.message)
        return None

    def _advance(self) -> Step | None:
        """One step, or None when something else was decided instead: an iteration is over, or the walk ends."""
        if self._entering is not None:
            return self._enter(self._entering)
        if self._position.here().terminal and self._position.pending is None:
            self._iteration_over("")
            return None
        reason = self._goal.reached()
        if reason is not None:
            self._end(Verdict.PASSED, reason, self._goal.remark())
            return None
        if hopeless := self._goal.hopeless(iteration_ended=False):
            self._end(Verdict.ERROR, EndReason.DEAD_END, hopeless)
            return None
        move = self._goal.choose(self._position)
        if isinstance(move, Move):
            return self._perform(move)
        self._turn(move)
        return None

    def _turn(self, turn: Turn | None) -> None:
        """The generator has no move: nothing can be done here, or it asks for something else."""
        if turn is None:
            self._iteration_over(self._dead_end())
        elif turn is Turn.RESTART:
            self._iteration_over("")
        elif hopeless := self._goal.hopeless(iteration_ended=False):
            self._end(Verdict.ERROR, EndReason.DEAD_END, hopeless)
        else:
            self._end(Verdict.PASSED, EndReason.STOP_CONDITION, self._goal.remark())

    def _enter(self, state: CompiledState) -> Step:
        self._entering = None
        self._position.enter(state.index)
        if self._entered is not None:
            self._entered(self._position)
        step = self._stage.state(self._position, state)
        self._open = (step, state.scope, None, None)
        return step

    def _perform(self, move: Move) -> Step:
        position, action = self._position, move.action
        if move.parameters:
            position.give(action, move.parameters)
        position.begin(action)
        step = self._stage.action(position, action, move.target)
        self._open = (step, action.scope, action, move.target)
        return step

    def _iteration_over(self, dead_end: str) -> None:
        """Exit was reached, or (`dead_end` says why) nothing can be done: end, or begin again at Start."""
        self._progress.iterations += 1
        reason = self._goal.reached()
        if reason is not None:
            self._end(Verdict.PASSED, EndReason.DEAD_END if dead_end else reason, dead_end or self._goal.remark())
        elif hopeless := self._goal.hopeless(iteration_ended=True):
            self._end(Verdict.ERROR, EndReason.DEAD_END, f"{hopeless}; {dead_end}" if dead_end else hopeless)
        else:
            self._start_over()

    def _dead_end(self) -> str:
        here = self._position.here()
        self.dead_ends[here.id] += 1
        candidates = self._position.candidates()
        reasons = [f"'{action.name}': {self._obstacle(action)}" for action in candidates]
        return f"no action can be performed in state '{here.name}' ({'; '.join(reasons[:10]) or 'it has none'})"

    def _obstacle(self, action: CompiledAction) -> str:
        drawn = action.weight > 0 or action is self._position.pending
        return self._position.obstacle(action) if drawn else "its weight is 0"

    # ---- recording

    def _require_ready(self) -> None:
        if self._open is not None:
            raise GenerationError(f"step {self._open[0].number} was handed out and not recorded: call record first")
        if self.paused:
            raise GenerationError("the walk is paused after a step that did not pass: call resume or abort first")

    def _closed(self, step: Step) -> _Open:
        opened = self._open
        if opened is None or opened[0] is not step:
            raise GenerationError(f"step {step.number} is not the step that was handed out last")
        self._open = None
        return opened

    def _apply(self, opened: _Open, verdict: Verdict, outputs: Mapping[str, Value], over: bool) -> Verdict:
        """Keep the outputs, make the assignments, move on. The verdict becomes ERROR when one of these fails."""
        _, scope, action, target = opened
        problem = self._take(scope, outputs) if outputs else ""
        if action is not None and not over and (not problem or self._go_on):
            problem = self._carry_out(action, target) or problem
        if not problem:
            return verdict
        self.message = f"{self.message}; {problem}" if self.message else problem
        return Verdict.ERROR if verdict is Verdict.PASSED else verdict

    def _take(self, scope: Scope, outputs: Mapping[str, Value]) -> str:
        try:
            self._position.take(scope, outputs)
        except EvaluationError as error:
            return error.message
        return ""

    def _carry_out(self, action: CompiledAction, target: int | None) -> str:
        problem = self._assign(action) if action.assignments else ""
        if self._position.move(target) and target is not None:
            self._entering = self._network.states[target]
        return problem

    def _assign(self, action: CompiledAction) -> str:
        try:
            return self._position.assign(action)
        except EvaluationError as error:
            self._broken = True
            return error.message

    def _not_passed(self, step: Step, verdict: Verdict) -> None:
        self._ending.note(step, verdict, self.message)
        if step.kind is StepKind.ACTION:
            self._progress.failed.append((step.element_id, step.target))
        if self._ending.final is not None:
            return
        if self._broken:
            self._end(Verdict.ERROR, EndReason.EVALUATION_ERROR, self.message)
        elif self._on_error is OnError.DEBUG:
            self.paused = True
        elif self._on_error is not OnError.CONTINUE:
            self._end(verdict, EndReason.STEP_NOT_PASSED, self.message)

    # ---- ending

    def _end(self, verdict: Verdict, reason: EndReason, message: str) -> None:
        here = self._position.here() if self._position.state >= 0 else None
        self._ending.decide(Outcome(verdict=verdict, reason=reason, message=message), here)

    def _walk_out(self) -> Step | None:
        """The Error and Cleanup states, then the outcome."""
        if self._ending.final is not None and self._ending.final.reason is not EndReason.ABORTED:
            self._require_ready()
        while (state := self._ending.next_state()) is not None:
            self._position.enter(state.index)
            try:
                step = self._stage.state(self._position, state)
            except EvaluationError as error:
                self._ending.note_text(Verdict.ERROR, f"state '{state.name}': {error.message}")
                continue
            self._open = (step, state.scope, None, None)
            return step
        self._open = None
        self.outcome = self._ending.outcome()
        return None


def walk_steps(walk: Walk, *, elapsed_seconds: float = 0.0, max_steps: int | None = None) -> Iterator[Step]:
    """Every step of a walk in which all of them pass and no outputs come. At most `max_steps`; then the walk has no outcome yet."""
    while max_steps is None or max_steps > 0:
        step = walk.next_step(elapsed_seconds)
        if step is None:
            return
        walk.record(step, Verdict.PASSED)
        yield step
        max_steps = None if max_steps is None else max_steps - 1


def walk_all(walk: Walk, *, elapsed_seconds: float = 0.0, max_steps: int | None = None) -> tuple[Step, ...]:
    """The complete path of a walk in which all steps pass; see `walk_steps`."""
    return tuple(walk_steps(walk, elapsed_seconds=elapsed_seconds, max_steps=max_steps))
