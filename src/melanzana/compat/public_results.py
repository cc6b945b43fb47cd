"""`/api/v1/test_results` and `/api/v2/test_results`: runs, their logs and pictures, as the original's public API lists them.

Paths, the paging envelope and the words of status and severity are the original's; of the fields of a result few are known, so the
others are ours, in its spelling. The picture itself is `public_screenshots.py`'s.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.executions.records import TASK_TAG, ExecutionFilter, ExecutionSummary, LifecycleState
from melanzana.reports import shapes
from melanzana.reports.records import Kept, LogEntry, RunRow
from melanzana.reports.service import ReportService
from melanzana.web.answers import answers

PREFIXES = ("/api/v1", "/api/v2")
Status = Literal["RUNNING", "PASSED", "FAILED", "ERROR", "CANCELLED"]
RunType = Literal["EXPLORATORY", "REPLAY", "TEST_CASE"]
Severity = Literal["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"]
_SEVERITIES: dict[str, Severity] = {"ERROR": "ERROR", "WARNING": "WARNING", "INFORMATIONAL": "INFO", "DEBUG": "DEBUG"}
_WORDS: dict[shapes.RunStatus, Status] = {
    shapes.RunStatus.RUNNING: "RUNNING",
    shapes.RunStatus.PASSED: "PASSED",
    shapes.RunStatus.FAILED: "FAILED",
    shapes.RunStatus.ERROR: "ERROR",
    shapes.RunStatus.CANCELLED: "CANCELLED",
}


class TestResult(BaseModel):
    """One run."""

    __test__ = False
    model_config = ConfigDict(protected_namespaces=())

    id: str = Field(description="The `execution_id`.")
    run_id: int = Field(description="Ours: the run's number, as `/ai/runs` has it.")
    status: Status
    run_type: RunType
    model_id: str = Field(description="uuid of the model.")
    model_name: str
    test_case_id: str | None = Field(description="The test case's id in the model.")
    agent_name: str | None
    message: str
    start_time: datetime | None = Field(description="When an agent began; null while it waits.")
    end_time: datetime | None
    duration_seconds: float | None


class TestResultsPaginatedList(BaseModel):
    __test__ = False

    items: list[TestResult]
    total_count: int


class TestResultLogEntry(BaseModel):
    """One line of a run's log."""

    __test__ = False

    id: int
    timestamp: datetime
    message: str
    severity: Severity
    stage: str
    message_type: str = Field(description="As in `/ai/runlogs`.")
    step_id: int | None
    image_name: str | None
    image_id: str | None = Field(description="For `/screenshots/{screenshot_id}`; null without a picture.")


class TestResultLogEntriesPaginatedList(BaseModel):
    __test__ = False

    items: list[TestResultLogEntry]
    total_count: int


class Screenshot(BaseModel):
    """A picture of a run."""

    id: str = Field(description="For `/screenshots/{screenshot_id}`.")
    name: str
    test_result_id: str
    step_id: int | None
    size: int = Field(description="Bytes.")


class ScreenshotsPaginatedList(BaseModel):
    items: list[Screenshot]
    total_count: int


class ResultQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    test_config_result_id: str | None = Field(None, min_length=1, max_length=64, description="Only runs of this one.")
    model_id: str | None = Field(None, pattern=shapes.REF_PATTERN, description="Only of this model: uuid or number.")
    status: Status | None = None
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=2**53)


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(1_000, ge=1, le=shapes.MAX_LOG_PAGE)
    offset: int = Field(0, ge=0, le=2**53)


def router(service: ReportService, gate: Gate) -> APIRouter:
    """The four routes in both versions; they need `reports:read`."""
    routes = APIRouter()
    for prefix in PREFIXES:
        routes.include_router(_version(service, gate, prefix))
    return routes


def _version(service: ReportService, gate: Gate, prefix: str) -> APIRouter:
    routes = APIRouter(prefix=f"{prefix}/test_results", tags=[f"Public API {prefix[-2:]}"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("", responses=answers(401, 403, 422, 503))
    async def list_test_results(principal: may_read, query: Annotated[ResultQuery, Query()]) -> TestResultsPaginatedList:
        """Runs, newest first."""
        uuid = None if query.model_id is None else await service.model_uuid(principal.realm, shapes.run_ref(query.model_id))
        if query.model_id is not None and uuid is None:
            return TestResultsPaginatedList(items=[], total_count=0)
        page = await service.list_runs(principal.realm, _wanted(query, uuid))
        return TestResultsPaginatedList(items=[_result(row) for row in page.rows], total_count=page.total)

    @routes.get("/{run_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_test_result(principal: may_read, run_id: shapes.RunRefPath) -> TestResult:
        """One of them."""
        return _result((await service.run(principal.realm, shapes.run_ref(run_id))).row)

    @routes.get("/{run_id}/logs", responses=answers(401, 403, 404, 422, 503))
    async def list_test_result_logs(
        principal: may_read, run_id: shapes.RunRefPath, query: Annotated[PageQuery, Query()]
    ) -> TestResultLogEntriesPaginatedList:
        """Its log, in order."""
        page = await service.log(principal.realm, shapes.run_ref(run_id), query.offset, query.limit)
        return TestResultLogEntriesPaginatedList(items=[_entry(entry) for entry in page.entries], total_count=page.total)

    @routes.get("/{run_id}/screenshots", responses=answers(401, 403, 404, 422, 503))
    async def list_screenshots(
        principal: may_read, run_id: shapes.RunRefPath, query: Annotated[PageQuery, Query()]
    ) -> ScreenshotsPaginatedList:
        """The pictures of its newest attempt, in order."""
        run = (await service.run(principal.realm, shapes.run_ref(run_id))).row.execution
        found = [kept for kept in await service.attachments(principal.realm, run.run_id) if kept.is_image]
        page = found[query.offset : query.offset + query.limit]
        return ScreenshotsPaginatedList(items=[_screenshot(kept, run.id) for kept in page], total_count=len(found))

    return routes


def _wanted(query: ResultQuery, model_uuid: str | None) -> ExecutionFilter:
    states: frozenset[LifecycleState] = frozenset()
    if query.status is not None:
        states = frozenset(state for state in LifecycleState if _WORDS[shapes.status_of(state)] == query.status)
    task = query.test_config_result_id
    tag = None if task is None else f"{TASK_TAG}{task}"
    return ExecutionFilter(states=states, tag=tag, model_id=model_uuid, limit=query.limit, offset=query.offset)


def _result(row: RunRow) -> TestResult:
    run = row.execution
    duration = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else None
    return TestResult(
        id=run.id,
        run_id=run.run_id,
        status=_WORDS[shapes.status_of(run.state)],
        run_type=_run_type(run),
        model_id=run.model_id,
        model_name=run.model_name,
        test_case_id=run.test_case,
        agent_name=row.agent_name,
        message=run.message,
        start_time=run.started_at,
        end_time=run.ended_at,
        duration_seconds=duration,
    )


def _run_type(run: ExecutionSummary) -> RunType:
    if run.test_case is not None:
        return "TEST_CASE"
    return "REPLAY" if run.path.startswith("replay(") else "EXPLORATORY"


def _entry(entry: LogEntry) -> TestResultLogEntry:
    same = {name: getattr(entry, name) for name in ("id", "message", "stage", "message_type", "step_id", "image_name", "image_id")}
    return TestResultLogEntry(**same, timestamp=entry.eventtime, severity=_SEVERITIES.get(entry.severity, "INFO"))


def _screenshot(kept: Kept, test_result_id: str) -> Screenshot:
    return Screenshot(id=kept.sha256, name=kept.name, test_result_id=test_result_id, step_id=kept.step, size=kept.size)
