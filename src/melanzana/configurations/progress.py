"""What is to be done next with a task instance: a pure function of where its steps stand.

`advancing.py` reads the instance and what became of its executions, asks `settled` for the steps as they are now and
`next_starts` for the steps whose turn has come, starts them, and stores all of it under the instance's revision. It may be asked at
any moment and by several servers at once: the same facts give the same decision, and a start carries a key that makes it one start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from melanzana.configurations.records import OPEN, Attempt, StepStatus, TaskInstance, TaskState, TaskStep

#: Worst first: what the instance comes to when its steps disagree.
_WORST = (
    (StepStatus.FAILED, TaskState.FAILED),
    (StepStatus.ERROR, TaskState.ERROR),
    (StepStatus.CANCELLED, TaskState.CANCELLED),
)
_NOT_PASSED = frozenset({StepStatus.FAILED, StepStatus.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an execution ended."""

    status: StepStatus
    message: str
    at: datetime


def settled(instance: TaskInstance, ends: Mapping[str, Ended]) -> tuple[TaskStep, ...]:
    """The steps with what is known of their executions (`ends`, by execution id) written into them."""
    steps = tuple(_settle(step, instance, ends) for step in instance.steps)
    if instance.state is TaskState.ABORTING:
        return tuple(_untested(step, "the task was aborted before") for step in steps)
    stopped = instance.draft.stop_on_failure and any(step.status in _NOT_PASSED for step in steps)
    return tuple(_untested(step, "an earlier step did not pass") for step in steps) if stopped else steps


def next_starts(instance: TaskInstance, steps: Sequence[TaskStep]) -> tuple[TaskStep, ...]:
    """The pending steps whose turn has come, in order."""
    if instance.state is not TaskState.RUNNING:
        return ()
    busy = sum(step.status is StepStatus.RUNNING for step in steps)
    pending = [step for step in steps if step.status is StepStatus.PENDING]
    return tuple(pending[: max(0, instance.draft.parallelism - busy)])


def verdict(instance: TaskInstance, steps: Sequence[TaskStep]) -> TaskState | None:
    """What the instance came to; None while a step is open."""
    statuses = {step.status for step in steps}
    if statuses & OPEN:
        return None
    if instance.state is TaskState.ABORTING:
        return TaskState.CANCELLED
    return next((state for status, state in _WORST if status in statuses), TaskState.PASSED)


def with_attempt(step: TaskStep, attempt: Attempt) -> TaskStep:
    """The step with one more attempt."""
    return replace(step, status=attempt.status, message=attempt.message, attempts=(*step.attempts, attempt))


def with_last(step: TaskStep, attempt: Attempt) -> TaskStep:
    """The step with another last attempt: now that its start was carried out, or refused."""
    return replace(step, status=attempt.status, message=attempt.message, attempts=(*step.attempts[:-1], attempt))


def tries_left(step: TaskStep, instance: TaskInstance) -> int:
    """How often the step may still be tried again."""
    allowed = instance.retries if step.plan.step.retries is None else step.plan.step.retries
    return allowed + 1 - len(step.attempts)


def _settle(step: TaskStep, instance: TaskInstance, ends: Mapping[str, Ended]) -> TaskStep:
    last = step.last
    end = None if last is None or last.execution_id is None else ends.get(last.execution_id)
    if last is None or end is None or step.status is not StepStatus.RUNNING:
        return step
    done = replace(last, status=end.status, message=end.message, ended_at=end.at)
    again = end.status in _NOT_PASSED and instance.state is TaskState.RUNNING and tries_left(step, instance) > 0
    status = StepStatus.PENDING if again else end.status
    return replace(step, status=status, message=end.message, attempts=(*step.attempts[:-1], done))


def _untested(step: TaskStep, why: str) -> TaskStep:
    if step.status is not StepStatus.PENDING:
        return step
    if step.attempts:  # it waited for another try: what the last one came to counts
        return replace(step, status=step.attempts[-1].status)
    return replace(step, status=StepStatus.UNTESTED, message=why)
