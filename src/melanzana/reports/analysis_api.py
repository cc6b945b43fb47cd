"""`/ai/models/{id}/defects`, `…/testcaseruns` and `…/release-insights`: what the runs of a model say together.

The addresses are the original product's; it publishes no fields for them, so these are ours.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog.records import TestCaseEntry
from melanzana.executions.records import LifecycleState
from melanzana.reports import shapes
from melanzana.reports.analysis import NAMED, CaseAnalysis, Defect
from melanzana.reports.insights import InsightsAnswer, insights_answer, insights_of
from melanzana.reports.service import ReportService
from melanzana.web.answers import answers


class DefectItem(BaseModel):
    """Failures of several runs that are the same one."""

    status: shapes.RunStatus = Field(description="Of the newest of them: `Failed` or `Error`.")
    signature: str = Field(description="Exception and message without what differs from run to run.")
    kind: str = Field(description="`state`, `action`, or `run` when no step is to blame.")
    element: str
    element_id: str
    message: str = Field(description="Of the newest of them, whole.")
    count: int
    flaky: bool = Field(description="The same version, path, seed and parameters have passed, too.")
    runs: list[int] = Field(description="The newest ten.")
    model_versions: list[int]
    first_seen: datetime
    last_seen: datetime


class LastRun(BaseModel):
    """One of the newest runs of a test case."""

    run_id: int
    status: shapes.RunStatus


class TestCaseRunsItem(BaseModel):
    """How the directed runs of a test case ended."""

    __test__ = False

    id: int
    uuid: str
    name: str
    runs: int
    passes: int
    fails: int
    errors: int
    pass_rate: float | None = Field(description="Of the runs that passed, failed or ended as errors; null without such a run.")
    flake_rate: float | None = Field(description="Of neighbouring runs on one version, how many ended differently.")
    flaky: bool = Field(description="On one version it has both passed and not passed.")
    mean_seconds: float | None
    p95_seconds: float | None
    exploring_hits: int = Field(description="How often exploring runs of the newest version performed its actions in a row.")
    exploring_passes: int
    exploring_runs: int
    last_runs: list[LastRun] = Field(description="The newest ten.")


def router(service: ReportService, gate: Gate) -> APIRouter:
    """The routes; every one of them needs a token with `reports:read`."""
    routes = APIRouter(prefix="/ai/models", tags=["Models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/{model_id}/defects", responses=answers(401, 403, 404, 422, 503))
    async def list_defects(principal: may_read, model_id: shapes.ModelRefPath) -> list[DefectItem]:
        """What went wrong in the newest 2,000 runs that did not pass, the most frequent first."""
        return [_defect(one) for one in await service.analyses.defects(principal.realm, shapes.run_ref(model_id))]

    @routes.get("/{model_id}/testcaseruns", responses=answers(401, 403, 404, 422, 503))
    async def list_test_case_runs(principal: may_read, model_id: shapes.ModelRefPath) -> list[TestCaseRunsItem]:
        """Each test case of the newest version: how its newest 1,000 directed runs ended, and how exploring runs came by."""
        found = await service.analyses.cases(principal.realm, shapes.run_ref(model_id))
        return [_case(entry, one) for entry, one in found]

    @routes.get("/{model_id}/release-insights", responses=answers(401, 403, 404, 422, 503))
    async def get_release_insights(principal: may_read, model_id: shapes.ModelRefPath) -> InsightsAnswer:
        """What speaks for and against releasing the newest version: coverage, failures, how its newest runs ended."""
        return insights_answer(await insights_of(service, principal.realm, shapes.run_ref(model_id)))

    return routes


def _defect(one: Defect) -> DefectItem:
    same = {name: getattr(one, name) for name in ("kind", "element", "message", "count", "flaky", "first_seen", "last_seen")}
    return DefectItem(
        **same,
        status=shapes.status_of(one.state),
        signature=str(one.signature),
        element_id=one.signature.element,
        runs=list(one.run_ids),
        model_versions=list(one.versions),
    )


def _case(entry: TestCaseEntry, one: CaseAnalysis) -> TestCaseRunsItem:
    counts, seconds = one.counts, one.seconds
    return TestCaseRunsItem(
        id=entry.id,
        uuid=entry.uuid,
        name=entry.name,
        runs=sum(counts.values()),
        passes=one.passes,
        fails=counts.get(LifecycleState.FAILED, 0),
        errors=counts.get(LifecycleState.ERROR, 0),
        pass_rate=one.pass_rate,
        flake_rate=one.flake_rate,
        flaky=one.flaky,
        mean_seconds=seconds[0] if seconds else None,
        p95_seconds=seconds[1] if seconds else None,
        exploring_hits=one.explored.hits,
        exploring_passes=one.explored.passes,
        exploring_runs=one.explored.runs,
        last_runs=[LastRun(run_id=run.run_id, status=shapes.status_of(run.state)) for run in one.runs[:NAMED]],
    )
