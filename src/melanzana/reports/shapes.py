"""What the report routes read from a query and write into an answer, in DAI's words where it has some."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from melanzana.executions.records import LifecycleState
from melanzana.generation.coverage import Measure
from melanzana.graph.model import Scalar
from melanzana.reports.records import ElementTiming, LogPage, RunReport, RunRow

_ID = "[1-9][0-9]{0,17}"
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
REF_PATTERN = f"^({_ID}|{_UUID})$"
RunRefPath = Annotated[str, Path(pattern=REF_PATTERN, description="The run's integer `id` or its `execution_id`.", examples=["12"])]
ModelRefPath = Annotated[str, Path(pattern=REF_PATTERN, description="The model's integer `id` or its `modeluuid`.", examples=["7"])]
StepNumber = Annotated[int, Path(ge=1, le=2**53, description="The step's number, from 1.")]
MAX_LOG_PAGE = 10_000


def run_ref(text: str) -> int | str:
    """A run's or model's number, or its uuid."""
    return int(text) if text.isdigit() else text.lower()


class RunStatus(StrEnum):
    """How a run stands, in the words of the original API."""

    RUNNING = "Running"  #: waiting, running or being aborted
    PASSED = "Passed"
    FAILED = "Failed"  #: the system under test did something wrong
    ERROR = "Error"  #: the test could not be carried out
    CANCELLED = "Cancelled"


_STATUSES = {
    LifecycleState.PASSED: RunStatus.PASSED,
    LifecycleState.FAILED: RunStatus.FAILED,
    LifecycleState.ERROR: RunStatus.ERROR,
    LifecycleState.ABORTED: RunStatus.CANCELLED,
}


def status_of(state: LifecycleState) -> RunStatus:
    return _STATUSES.get(state, RunStatus.RUNNING)


def states_of(status: RunStatus) -> frozenset[LifecycleState]:
    return frozenset(state for state in LifecycleState if status_of(state) is status)


class ModelRunsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    limit: int = Field(default=20, ge=1, le=200, description="At most this many.")
    offset: int = Field(default=0, ge=0, le=2**53, description="Leave out this many at the beginning.")
    status: RunStatus | None = Field(default=None, description="Only runs that stand so.")


class RunListQuery(ModelRunsQuery):
    model_id: str | None = Field(default=None, pattern=REF_PATTERN, description="Only of this model: integer id or `modeluuid`.")
    test_case: str | None = Field(
        default=None, min_length=1, max_length=200, description="Only runs of this test case: integer id, or its id in the model."
    )
    tag: str | None = Field(default=None, min_length=1, max_length=200, description="Only runs started with this tag.")
    task_instance_id: str | None = Field(
        default=None, max_length=200, description="Only runs of this task instance of a test configuration."
    )


class LogQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=MAX_LOG_PAGE, ge=1, le=MAX_LOG_PAGE, description="At most this many entries.")
    offset: int = Field(default=0, ge=0, le=2**53, description="Leave out this many at the beginning.")


class FailingStep(BaseModel):
    """The first step that did not pass."""

    number: int
    iteration: int
    kind: str = Field(description="`state` or `action`.")
    element: str
    element_id: str
    verdict: str = Field(description="`failed` or `error`.")
    message: str
    at_seconds: float


class Figure(BaseModel):
    """How much of one kind is covered."""

    covered: int
    total: int
    coverage: float = Field(description="A ratio from 0 to 1.")


class CoverageTotals(BaseModel):
    state: Figure
    action: Figure
    transition: Figure


class Progress(BaseModel):
    """How far the newest attempt has come."""

    steps: int
    actions: int
    iterations: int
    coverage: CoverageTotals
    requirements: Figure


class RunHead(BaseModel):
    """Which run, and how it stands."""

    id: int
    execution_id: str
    status: RunStatus
    state: LifecycleState = Field(description="The same, finer.")
    reason: str | None = Field(description="Why it ended; null until then.")
    message: str


class RunFailure(BaseModel):
    """Where to look when it did not pass."""

    failing_step: FailingStep | None = Field(description="The first step that did not pass.")


class RunPlan(BaseModel):
    """What was asked, when, and who does it."""

    model_config = ConfigDict(protected_namespaces=())

    type: str = Field(description="`testcase` for a directed run, else `model`.")
    modelname: str
    modeluuid: str
    model_id: int | None
    model_version: int
    test_case_id: str | None = Field(description="The test case's id in the model.")
    path: str = Field(description="The path expression.")
    seed: int
    dry_run: bool = Field(description="Whether only a path is generated.")
    paused: bool
    attempt: int = Field(description="How many agents have been tried.")
    createtime: datetime
    starttime: datetime | None
    endtime: datetime | None
    agent_id: int | None
    agentname: str | None
    sut_id: str | None = Field(description="The system under test of the current or last attempt.")
    waiting_for: str | None = Field(description="Why it is still queued.")
    initiator: str = Field(description="`api`: started over REST.")
    created_by: str = Field(description="The API client that started it.")
    tags: list[str]
    ignored_fields: list[str] = Field(description="Fields of the start call that had no effect.")


class RunItem(RunPlan, RunHead):
    """A run in a list."""


class RunAnswer(RunPlan, RunFailure, RunHead):
    """A run with what its log says so far."""

    progress: Progress
    duration_seconds: float | None = Field(description="From start to end; null until it has ended.")
    model_hash: str
    on_error: str
    parameters: dict[str, Scalar]
    suite: str | None
    stored_suite: dict[str, str | int] | None = Field(
        None, description="The version of a stored suite: `suite`, `version`, `version_id`, `sha256`, `folder` in it."
    )
    log_removed_at: datetime | None = Field(None, description="When the log was removed by the rules of retention.")
    attachments_removed_at: datetime | None = Field(None, description="When the attachments were removed.")


class LogItem(BaseModel):
    """One line of a run's log."""

    id: int
    eventtime: datetime
    testrunid: int
    message: str
    severity: str = Field(description="`DEBUG`, `INFORMATIONAL`, `WARNING` or `ERROR`.")
    step_id: int | None = Field(description="Number of the step, from 1.")
    stage: str = Field(description="`start`, `step` or `end`.")
    message_type: str = Field(
        description="`failure` for the one entry that says why the run did not pass; else `step`, `log`, `run`, `execution`, "
        "`image` or `attachment`."
    )
    image_name: str | None
    image_id: str | None


class LogAnswer(BaseModel):
    items: list[LogItem]
    total_count: int
    date_as_of: datetime


class TimingItem(BaseModel):
    """How long one element took, over all its steps. Seconds."""

    element_id: str
    name: str
    kind: str
    count: int
    total_seconds: float
    mean_seconds: float
    max_seconds: float


class PingAnswer(BaseModel):
    message: str = Field(examples=["OK"])


class StatusAnswer(BaseModel):
    """How the server stands, as far as the caller's realm goes."""

    status: str = Field(description="`ok`: the database answers.")
    version: str
    time: datetime
    queued: int
    running: int = Field(description="Held by an agent.")


def run_item(row: RunRow) -> RunItem:
    return RunItem(**_item(row))


def _item(row: RunRow) -> dict[str, Any]:
    run = row.execution
    same = (
        *("state", "reason", "message", "model_version", "path", "seed", "paused", "attempt", "agent_id", "created_by"),
        *("sut_id", "waiting_for"),
    )
    return {
        **{name: getattr(run, name) for name in same},
        "id": run.run_id,
        "execution_id": run.id,
        "status": status_of(run.state),
        "type": "model" if run.test_case is None else "testcase",
        "modelname": run.model_name,
        "modeluuid": run.model_id,
        "model_id": row.model_number,
        "test_case_id": run.test_case,
        "dry_run": not run.perform,
        "createtime": run.created_at,
        "starttime": run.started_at,
        "endtime": run.ended_at,
        "agentname": row.agent_name,
        "initiator": "api",
        "tags": list(run.tags),
        "ignored_fields": list(run.ignored_fields),
    }


def run_answer(report: RunReport) -> RunAnswer:
    run, plan, step = report.row.execution, report.snapshot, report.failing
    return RunAnswer(
        **_item(report.row),
        failing_step=None if step is None else FailingStep(**{name: getattr(step, name) for name in FailingStep.model_fields}),
        progress=_progress(report),
        duration_seconds=(run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None,
        model_hash=plan.model_hash,
        on_error=plan.on_error,
        parameters=dict(plan.parameters),
        suite=plan.suite,
        stored_suite=None if plan.stored_suite is None else dict(plan.stored_suite),
        log_removed_at=report.log_removed_at,
        attachments_removed_at=report.attachments_removed_at,
    )


def _progress(report: RunReport) -> Progress:
    done = report.progress
    coverage = totals_of(done.states, done.action_coverage, done.transitions)
    return Progress(
        steps=done.steps,
        actions=done.actions,
        iterations=done.iterations,
        coverage=coverage,
        requirements=figure(done.requirements),
    )


def totals_of(states: Measure, actions: Measure, transitions: Measure) -> CoverageTotals:
    return CoverageTotals(state=figure(states), action=figure(actions), transition=figure(transitions))


def figure(measure: Measure) -> Figure:
    return Figure(covered=measure.covered, total=measure.total, coverage=measure.ratio)


def log_answer(page: LogPage, as_of: datetime) -> LogAnswer:
    items = [LogItem(**{name: getattr(entry, name) for name in LogItem.model_fields}) for entry in page.entries]
    return LogAnswer(items=items, total_count=page.total, date_as_of=as_of)


def timing_item(timing: ElementTiming) -> TimingItem:
    same = {name: getattr(timing, name) for name in TimingItem.model_fields if name != "mean_seconds"}
    return TimingItem(**same, mean_seconds=timing.total_seconds / timing.count)
