"""What is to be done next, as a pure function of where the steps stand."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from melanzana.configurations import progress
from melanzana.configurations.progress import Ended
from melanzana.configurations.records import Attempt, PlannedStep, StepStatus, TaskInstance, TaskState, TaskStep
from support_configurations import draft, explore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ENDS = st.sampled_from([StepStatus.PASSED, StepStatus.FAILED, StepStatus.ERROR, StepStatus.CANCELLED])


def instance(steps: int, **fields: object) -> TaskInstance:
    made = draft(*(explore(number) for number in range(steps)), **fields)
    plans = [
        PlannedStep(step=step, model_name="Doors", model_version=1, test_case_name=None, tags=(), parameters={})
        for step in made.steps
    ]
    return TaskInstance(
        id="task",
        realm="eggplant",
        configuration_id="configuration",
        draft=made,
        state=TaskState.RUNNING,
        steps=tuple(TaskStep(position=at, plan=plan, status=StepStatus.PENDING) for at, plan in enumerate(plans)),
        retries=made.retries,
        trigger="api",
        revision=1,
        created_at=NOW,
        created_by="ci",
    )


def begun(seen: TaskInstance) -> TaskInstance:
    steps = list(seen.steps)
    for step in progress.next_starts(seen, steps):
        number = len(step.attempts) + 1
        attempt = Attempt(
            number=number, execution_id=f"{step.position}-{number}", run_id=1, status=StepStatus.RUNNING, started_at=NOW
        )
        steps[step.position] = progress.with_attempt(step, attempt)
    return replace(seen, steps=tuple(steps))


@given(
    steps=st.integers(1, 6),
    parallelism=st.integers(1, 4),
    retries=st.integers(0, 3),
    stops=st.booleans(),
    ends=st.lists(ENDS, max_size=40),
    abort_after=st.none() | st.integers(0, 10),
)
def test_every_task_ends_within_its_bounds(  # noqa: PLR0917 - drawn by name
    steps: int, parallelism: int, retries: int, stops: bool, ends: list[StepStatus], abort_after: int | None
) -> None:
    """However executions end: never more at once and never more tries than allowed, one verdict, and it comes to an end."""
    seen = instance(steps, parallelism=parallelism, retries=retries, stop_on_failure=stops)
    given_ends = iter(ends)
    for turn in range(steps * (retries + 1) + 2):
        if turn == abort_after:
            seen = replace(seen, state=TaskState.ABORTING)
        seen = begun(replace(seen, steps=progress.settled(seen, {})))
        open_ids = [step.attempts[-1].execution_id for step in seen.steps if step.status is StepStatus.RUNNING]
        assert len(open_ids) <= parallelism
        if progress.verdict(seen, seen.steps) is not None:
            break
        end = Ended(status=next(given_ends, StepStatus.PASSED), message="", at=NOW)
        seen = replace(seen, steps=progress.settled(seen, {str(open_ids[0]): end}))
    end_state = progress.verdict(seen, seen.steps)
    assert end_state is not None
    assert all(len(step.attempts) <= retries + 1 for step in seen.steps)
    if seen.state is TaskState.ABORTING:
        assert end_state is TaskState.CANCELLED
    elif end_state is TaskState.PASSED:
        assert {step.status for step in seen.steps} == {StepStatus.PASSED}
    assert (end_state is TaskState.FAILED) <= any(step.status is StepStatus.FAILED for step in seen.steps)


def test_a_pass_after_a_failure_is_flaky() -> None:
    """A step that passes when it is tried again counts as passed and says that it is flaky."""
    seen = begun(instance(1, retries=1))
    seen = replace(seen, steps=progress.settled(seen, {"0-1": Ended(status=StepStatus.FAILED, message="off", at=NOW)}))
    assert seen.steps[0].status is StepStatus.PENDING
    seen = begun(seen)
    (step,) = progress.settled(seen, {"0-2": Ended(status=StepStatus.PASSED, message="", at=NOW)})
    assert (step.status, step.flaky, [attempt.status for attempt in step.attempts]) == (
        StepStatus.PASSED,
        True,
        [StepStatus.FAILED, StepStatus.PASSED],
    )


def test_a_failed_step_is_worse_than_one_that_could_not_be_carried_out() -> None:
    """Failed, then Error, then Cancelled: the verdict is the worst of the steps."""
    seen = instance(3)
    for statuses, verdict in (
        ("FEC", TaskState.FAILED),
        ("PEC", TaskState.ERROR),
        ("PPC", TaskState.CANCELLED),
        ("PPU", TaskState.PASSED),
    ):
        words = {
            "F": StepStatus.FAILED,
            "E": StepStatus.ERROR,
            "C": StepStatus.CANCELLED,
            "P": StepStatus.PASSED,
            "U": StepStatus.UNTESTED,
        }
        steps = [replace(step, status=words[letter]) for step, letter in zip(seen.steps, statuses, strict=True)]
        assert progress.verdict(seen, steps) is verdict
