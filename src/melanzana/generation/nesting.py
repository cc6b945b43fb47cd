"""A walk whose actions have sub-models: performing such an action walks each of them inside it (ADR 0023).

`start_walk` gives a plain `Walk` where there is nothing to nest. `NestingWalk` is the same machine: its steps are those of the
parent and, between an action and the state it leads to, those of a walk of its own for each sub-model, in their order. The parent
counts such an action as one, whatever happens inside. A step of a sub-model costs one more copy of the step for each level above.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from melanzana.errors import EvaluationError, GenerationError, MelanzanaError, RequestError
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.data import Domain
from melanzana.generation.network import chained
from melanzana.generation.path_expression import default_path, parse_path
from melanzana.generation.prng import Prng
from melanzana.generation.step import EndReason, Outcome, Step, StepKind, Verdict
from melanzana.generation.sub_models import calling, find_in, needed
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Action, Model, StateKind, TestCase, Value

#: Actions of one walk of a sub-model, and of everything that is walked inside one action of the outermost model.
MAX_ACTIONS_OF_ONE, MAX_ACTIONS_OF_CALL = 1_000, 10_000

_NO_OUTPUTS: Mapping[str, Value] = {}


def start_walk(model: Model, plan: WalkPlan, sub_models: Mapping[str, Model]) -> Walk:
    """The walk of a model, with `sub_models` by uuid; without any, actions are performed and nothing is walked inside them.

    Errors: those of `Walk`, and those of `sub_models.needed`.
    """
    return NestingWalk(model, plan, sub_models) if sub_models and calling(model) else Walk(model, plan)


@dataclass(slots=True)
class _Shared:
    """What all walks inside one outermost walk have in common."""

    models: Mapping[str, Model]
    coverage: dict[str, CoverageTracker]
    actions_left: int = MAX_ACTIONS_OF_CALL


@dataclass(frozen=True, slots=True)
class _Call:
    """A sub-model that is to be walked, and the test case to follow; None explores."""

    action: Action
    model: Model
    test_case: TestCase | None


class NestingWalk(Walk):
    """See the module. `nested_coverage` has the coverage of each sub-model by its uuid, of all its walks together."""

    def __init__(self, model: Model, plan: WalkPlan, sub_models: Mapping[str, Model], shared: _Shared | None = None) -> None:
        self._shared = shared or _Shared(needed(model, find_in(sub_models.values())), {})
        self._find = find_in(self._shared.models.values())
        self._calling = calling(model)
        path = parse_path(plan.path, model)
        self._case = None if path.then else path.test_case
        self._require_cases()
        super().__init__(model, plan)
        self._plan, self._outermost = plan, shared is None
        self._waiting: list[_Call] = []
        self._inner: tuple[Walk, _Call] | None = None
        self._nested_open: tuple[Step, Step] | None = None  #: as handed out, and as the walk of the sub-model has it
        self._calls = 0
        self._step_of_case = -1  #: index of the test case's step that is being performed; -1 between them

    @property
    def nested_coverage(self) -> Mapping[str, CoverageTracker]:
        """By uuid of the sub-model; one that was not walked yet is missing."""
        return self._shared.coverage

    def next_step(self, elapsed_seconds: float = 0.0) -> Step | None:
        if self._nested_open is not None or self.paused:
            raise GenerationError("a step was handed out and not recorded, or the walk is paused: call record, resume or abort")
        while self._inner is not None or self._waiting:
            if self._inner is None:
                self._begin(self._waiting.pop(0))
            elif (step := self._nested_step(*self._inner, elapsed_seconds)) is not None:
                return step
        before = self._steps_done()
        found = super().next_step(elapsed_seconds)
        done = self._steps_done()
        self._step_of_case = done - 1 if done > before else -1
        return found

    def record(self, step: Step, verdict: Verdict, outputs: Mapping[str, Value] = _NO_OUTPUTS, message: str = "") -> Verdict:
        if self._nested_open is not None and self._nested_open[0] is step:
            return self._record_nested(verdict, outputs, message)
        if step.depth:
            return verdict  # the run was aborted meanwhile
        verdict = super().record(step, verdict, outputs, message)
        action = self._calling.get(step.element_id) if step.kind is StepKind.ACTION else None
        if action is not None and not self.is_ending and (verdict is Verdict.PASSED or self._go_on):
            self._waiting = self._calls_of(action)
            if self._outermost:
                self._shared.actions_left = MAX_ACTIONS_OF_CALL
        return verdict

    def resume(self) -> None:
        super().resume()
        if self._inner is not None:
            self._inner[0].resume()

    def abort(self) -> None:
        self._leave()
        super().abort()

    # ---- beginning

    def _require_cases(self) -> None:
        """Test cases that steps name must be there, before any step."""
        for number, step in enumerate(self._case.steps if self._case else (), 1):
            action = self._calling.get(step.action)
            if action is None or step.sub_model_test_case is None:
                continue
            if not any(_case_of(self._model_named(name), step.sub_model_test_case) for name in action.sub_models):
                message = f"step {number} ('{action.name}') names the test case '{step.sub_model_test_case}': no sub-model has it"
                raise RequestError(message, field="test_case")

    def _model_named(self, name: str) -> Model:
        model = self._find(name)
        assert model is not None  # all were gathered before
        return model

    def _steps_done(self) -> int:
        return round(self._goal.progress() * len(self._case.steps)) if self._case is not None else 0

    def _calls_of(self, action: Action) -> list[_Call]:
        named = None
        if self._case is not None and self._step_of_case >= 0:
            named = self._case.steps[self._step_of_case].sub_model_test_case
        models = [self._model_named(name) for name in action.sub_models]
        return [_Call(action, model, _case_of(model, named) if named else None) for model in models]

    def _begin(self, call: _Call) -> None:
        self._calls += 1
        left = min(MAX_ACTIONS_OF_ONE, self._shared.actions_left)
        try:
            if left < 1:
                raise GenerationError(f"more than {MAX_ACTIONS_OF_CALL:,} actions were performed in the sub-models of one action")
            inner = NestingWalk(call.model, self._inner_plan(call, left), {}, self._shared)
        except MelanzanaError as error:
            self._went_wrong(call, Outcome(verdict=Verdict.ERROR, reason=EndReason.IMPOSSIBLE_STEP, message=error.message))
            return
        inner._stage.number = self._stage.number
        self._inner = (inner, call)

    def _inner_plan(self, call: _Call, actions: int) -> WalkPlan:
        case = call.test_case
        return WalkPlan(
            path=default_path(case.id) if case is not None else default_path(None, iterations=1, actions=actions),
            seed=Prng(self._plan.seed).fork(f"sub-model {self._calls}").bits() >> 1,
            on_error=self._plan.on_error,
            parameters=self._handed_down(call),
            dry=self._plan.dry,
        )

    def _handed_down(self, call: _Call) -> dict[str, Value]:
        """The variables that the action sees now and that the sub-model has, too, as far as they fit; its test case counts more."""
        scope = self._network.actions[chained(self._network.numbers[call.action.id])].scope
        seen = self._position.values.snapshot(scope)
        own = call.test_case.parameters if call.test_case is not None else {}
        found: dict[str, Value] = {}
        for parameter in call.model.parameters:
            if parameter.name not in seen or parameter.name in own:
                continue
            try:
                found[parameter.name] = Domain(parameter).accept(seen[parameter.name])
            except EvaluationError:
                continue  # of another type, or out of its bounds
        return found

    # ---- inside

    def _nested_step(self, inner: Walk, call: _Call, elapsed_seconds: float) -> Step | None:
        """The next step of the sub-model; None when it has ended. Its Cleanup is not entered: that belongs to a run."""
        step = inner.next_step(elapsed_seconds)
        while step is not None and inner.is_ending and step.state_kind is StateKind.CLEANUP:
            inner._stage.number -= 1
            inner.record(step, Verdict.PASSED)
            step = inner.next_step(elapsed_seconds)
        self._stage.number = inner._stage.number
        if step is None:
            self._inner = None
            assert inner.outcome is not None
            if inner.outcome.verdict is not Verdict.PASSED:
                self._went_wrong(call, inner.outcome)
            return None
        shown = replace(step, iteration=self.iteration, model=step.model or call.model.id, depth=step.depth + 1)
        self._nested_open = (shown, step)
        return shown

    def _record_nested(self, verdict: Verdict, outputs: Mapping[str, Value], message: str) -> Verdict:
        assert self._inner is not None
        assert self._nested_open is not None
        inner, call = self._inner
        shown, step = self._nested_open
        self._nested_open = None
        verdict = inner.record(step, verdict, outputs, message)
        self.message, self.paused = inner.message, inner.paused
        if shown.depth == 1:
            self._count(call.model, step)
        return verdict

    def _count(self, model: Model, step: Step) -> None:
        """Each walk counts the steps of its own sub-models, for the models that all of them share."""
        tracker = self._shared.coverage.setdefault(model.id, CoverageTracker(model))
        tracker.visit(step.kind, step.element_id, step.target)
        self._shared.actions_left -= step.kind is StepKind.ACTION

    def _went_wrong(self, call: _Call, outcome: Outcome) -> None:
        """The walk of a sub-model did not pass: then the action did not, either."""
        text = f"sub-model '{call.model.name}' of action '{call.action.name}': {outcome.message}"
        self.message = text
        self._ending.note_text(outcome.verdict, text)
        if not self._go_on:
            self._leave()
            self._end(outcome.verdict, EndReason.STEP_NOT_PASSED, text)

    def _leave(self) -> None:
        self._inner, self._nested_open = None, None
        self._waiting = []


def _case_of(model: Model, named: str) -> TestCase | None:
    """A test case by id, or else by name."""
    cases = model.test_cases
    return next((case for case in cases if case.id == named), None) or next((case for case in cases if case.name == named), None)
