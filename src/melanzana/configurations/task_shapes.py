"""What the routes of task instances read and answer. `filter_by` has the names of the original's runner."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from melanzana.configurations.records import (
    MAX_RETRIES,
    Attempt,
    Filter,
    StartWish,
    StepKind,
    StepStatus,
    TaskInstance,
    TaskState,
    TaskStep,
)
from melanzana.configurations.shapes import Text, Values
from melanzana.errors import RequestError

_Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
#: Names of the original's runner, and which field of a filter each is.
FILTERS = {
    "step_status_include": "status_include",
    "step_status_exclude": "status_exclude",
    "test_case_tag_include": "tag_include",
    "test_case_tag_exclude": "tag_exclude",
    "test_case_name_include": "name_include",
    "test_case_name_exclude": "name_exclude",
    "scenario_tag": "scenario_tag",
}
_STATUSES = {status.value.lower(): status for status in StepStatus}


class StartBody(BaseModel):
    """What a start may say besides; every field may be left out, and so may the body."""

    model_config = ConfigDict(extra="allow")

    username: Text | None = Field(None, description="Accepted: scripts of the original send it.")
    parameters: Values = Field({}, description="Values of variables over those of the configuration and its steps.")
    filter_by: dict[str, Text | list[Text] | None] = Field(
        {}, description=f"Which steps are started: {', '.join(FILTERS)}; several values with commas or as a list."
    )
    previous_task_instance_id: _Uuid | None = Field(
        None, description="Whose statuses `step_status_…` asks; the newest that has ended when left out."
    )
    retries: StrictInt | None = Field(None, ge=0, le=MAX_RETRIES, description="In place of the configuration's.")

    def wish(self, trigger: str = "api") -> StartWish:
        """Raises RequestError naming the filter that cannot be."""
        return StartWish(
            parameters=self.parameters,
            filter=read_filter(self.filter_by),
            previous=self.previous_task_instance_id,
            retries=self.retries,
            trigger=trigger,
        )


class AttemptItem(BaseModel):
    """One run of a step."""

    number: int
    execution_id: str | None = Field(description="null when it could not be started.")
    run_id: int | None
    status: StepStatus
    message: str
    started_at: datetime
    ended_at: datetime | None


class TaskStepItem(BaseModel):
    """A step and what came of it."""

    id: str
    name: str
    type: StepKind
    status: StepStatus
    flaky: bool = Field(description="It passed, and not at the first try.")
    message: str
    model_id: str | None
    model_name: str | None
    model_version: int | None
    test_case_id: str | None
    test_case_name: str | None
    tags: list[str]
    attempts: list[AttemptItem]


class TaskCounts(BaseModel):
    """How many steps are in each status; `flaky` ones are among the passed."""

    total: int
    pending: int
    running: int
    passed: int
    failed: int
    error: int
    cancelled: int
    untested: int
    flaky: int


class TaskHead(BaseModel):
    """A task instance without its steps."""

    id: str
    task_instance_id: str = Field(description="The same.")
    test_config_id: str
    test_config_name: str
    status: TaskState = Field(description="`Running` until it has ended.")
    state: TaskState = Field(description="The same, and `Aborting` once an abort was asked for.")
    flaky: bool = Field(description="Whether a step passed only when it was tried again.")
    message: str
    counts: TaskCounts
    trigger: str
    previous_task_instance_id: str | None
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    duration_seconds: float | None


class TaskAnswer(TaskHead):
    steps: list[TaskStepItem]


class StartedTask(TaskAnswer):
    ignored_fields: list[str] = Field(description="Fields of the request that had no effect.")


class TaskListAnswer(BaseModel):
    items: list[TaskHead]
    total_count: int


class TaskListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    test_config_id: _Uuid | None = Field(None, description="Only of this test configuration.")
    state: list[TaskState] = Field([], max_length=8)
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=2**53)


def read_filter(given: Mapping[str, str | list[str] | None]) -> Filter:
    """Raises RequestError naming the filter, and what there is."""
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name not in FILTERS:
            raise RequestError(f"there is no filter {name!r}; there are {', '.join(FILTERS)}", field=f"filter_by.{name}")
        if name == "scenario_tag":
            fields["scenario_tag"] = value if isinstance(value, str) else " or ".join(value or ()) or None
            continue
        words = frozenset(_words(value))
        fields[FILTERS[name]] = frozenset(_status(word, name) for word in words) if name.startswith("step_status") else words
    return Filter(**fields)


def task_head(instance: TaskInstance) -> TaskHead:
    return TaskHead(**_head(instance))


def task_answer(instance: TaskInstance) -> TaskAnswer:
    return TaskAnswer(**_head(instance), steps=[_step(step) for step in instance.steps])


def started(instance: TaskInstance, body: StartBody) -> StartedTask:
    ignored = [name[:256] for name in body.model_extra or {}]
    return StartedTask(**_head(instance), steps=[_step(step) for step in instance.steps], ignored_fields=ignored)


def counts(instance: TaskInstance) -> TaskCounts:
    statuses = [step.status for step in instance.steps]
    by_word = {status.value.lower(): statuses.count(status) for status in StepStatus}
    return TaskCounts(total=len(statuses), flaky=sum(step.flaky for step in instance.steps), **by_word)


def _words(value: str | list[str] | None) -> Iterator[str]:
    for text in [value] if isinstance(value, str) else value or ():
        yield from (word for part in text.split(",") if (word := part.strip()))


def _status(word: str, name: str) -> StepStatus:
    if (status := _STATUSES.get(word.lower())) is None:
        there = ", ".join(status.value for status in StepStatus)
        raise RequestError(f"{word!r} is no status; there are {there}", field=f"filter_by.{name}")
    return status


def _head(instance: TaskInstance) -> dict[str, Any]:
    lasted = None if instance.ended_at is None else (instance.ended_at - instance.created_at).total_seconds()
    same = ("flaky", "message", "trigger", "created_at", "created_by", "ended_at")
    return {
        **{name: getattr(instance, name) for name in same},
        "id": instance.id,
        "task_instance_id": instance.id,
        "test_config_id": instance.configuration_id,
        "test_config_name": instance.draft.name,
        "status": TaskState.RUNNING if instance.state is TaskState.ABORTING else instance.state,
        "state": instance.state,
        "counts": counts(instance),
        "previous_task_instance_id": instance.previous,
        "duration_seconds": lasted,
    }


def _step(step: TaskStep) -> TaskStepItem:
    plan = step.plan
    return TaskStepItem(
        id=plan.step.id,
        name=plan.step.name,
        type=plan.step.kind,
        status=step.status,
        flaky=step.flaky,
        message=step.message,
        model_id=plan.step.model,
        model_name=plan.model_name,
        model_version=plan.model_version,
        test_case_id=plan.step.test_case,
        test_case_name=plan.test_case_name,
        tags=list(plan.tags),
        attempts=[_attempt(attempt) for attempt in step.attempts],
    )


def _attempt(attempt: Attempt) -> AttemptItem:
    return AttemptItem(**{name: getattr(attempt, name) for name in AttemptItem.model_fields})
