"""From a step of a configuration to what its executions are asked for. Pure.

`plan_step` freezes a step at the start of a task instance; `request_for` makes the request of one attempt from it. Values of
variables come from the configuration, then the step, then the start, later ones over earlier; of those that are not the step's own,
a model gets only the ones that it has, since one configuration may span models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from melanzana.configurations.records import ConfigurationStep, Draft, PlannedStep, StartWish, StepKind, StopWish
from melanzana.errors import RequestError
from melanzana.executions.records import TASK_TAG, StartRequest
from melanzana.graph.model import Model, Scalar, TestCase
from melanzana.suts.records import SutWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a step refers to, as it is now; nothing of a script."""

    model: Model | None = None
    version: int | None = None
    case: TestCase | None = None


def plan_step(step: ConfigurationStep, draft: Draft, wish: StartWish, target: Target) -> PlannedStep:
    """The step with everything that its executions need."""
    model, case = target.model, target.case
    case_tags = () if case is None else case.tags
    return PlannedStep(
        step=step,
        model_name=None if model is None else model.name,
        model_version=target.version,
        test_case_name=None if case is None else case.name,
        tags=tuple(dict.fromkeys((*draft.tags, *step.tags, *case_tags))),
        parameters=_values(step, draft, wish, model),
    )


def check_overrides(plans: Sequence[PlannedStep], models: Iterable[Model], wish: StartWish) -> None:
    """Every value of the start reaches at least one step. Raises RequestError naming the variable."""
    known = {parameter.name for model in models for parameter in model.parameters}
    has_script = any(plan.step.kind is StepKind.SCRIPT for plan in plans)
    for name in wish.parameters:
        if name not in known and not has_script:
            there = ", ".join(sorted(known)) or "none"
            raise RequestError(f"no step has a variable {name!r}; there are: {there}", field=f"parameters.{name}")


def request_for(plan: PlannedStep, draft: Draft, task_id: str, turn: int) -> StartRequest:
    """What one attempt asks for. `turn`: how many executions of the task came before, which shares them out over its agents."""
    step = plan.step
    return StartRequest(
        model=step.model,
        model_version=plan.model_version,
        test_case=step.test_case,
        script=step.script,
        agent_id=draft.agents[turn % len(draft.agents)] if draft.agents else None,
        perform=draft.suite is not None or step.kind is StepKind.SCRIPT,
        suite=draft.suite,
        path=step.path,
        stop_condition=condition_of(step.stop),
        seed=step.seed,
        parameters=plan.parameters,
        on_error=draft.on_error,
        labels=draft.labels,
        sut=SutWish(sut_id=draft.sut_id, criteria=draft.criteria) or None,
        tags=(f"{TASK_TAG}{task_id}", *plan.tags),
    )


def condition_of(stop: StopWish) -> str | None:
    """The stop condition in the words of a path expression; None when nothing was said. The first that is met ends the walk."""
    parts = [
        None if stop.duration_seconds is None else f"time({stop.duration_seconds:g})",
        None if stop.iterations is None else f"iterations({stop.iterations})",
        None if stop.target_coverage is None else f"action_coverage({stop.target_coverage:g})",
        None if stop.expression is None else f"({stop.expression})",
    ]
    given = [part for part in parts if part is not None]
    return " or ".join(given) or None


def _values(step: ConfigurationStep, draft: Draft, wish: StartWish, model: Model | None) -> Mapping[str, Scalar]:
    known = None if model is None else {parameter.name for parameter in model.parameters}

    def fitting(given: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        return {name: value for name, value in given.items() if known is None or name in known}

    return {**fitting(draft.parameters), **step.parameters, **fitting(wish.parameters)}
