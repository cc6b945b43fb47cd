"""`/ai/models/{id}/defects` and `/ai/models/{id}/testcaseruns`: what the runs of a model say together.

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
from melanzana.catalog.service import CatalogService
from melanzana.executions.records import LifecycleState
from melanzana.reports import shapes
from melanzana.reports.analysis import CaseFigures, Defect
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
    flaky: bool = Field(description="On one version it has both passed and not passed.")
    last_runs: list[LastRun] = Field(description="The newest ten.")


def router(service: ReportService, catalog: CatalogService, gate: Gate) -> APIRouter:
    """The routes; every one of them needs a token with `reports:read`."""
    routes = APIRouter(prefix="/ai/models", tags=["Models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/{model_id}/defects", responses=answers(401, 403, 404, 422, 503))
    async def list_defects(principal: may_read, model_id: shapes.ModelRefPath) -> list[DefectItem]:
        """What went wrong in the newest 200 runs that did not pass, the most frequent first."""
        return [_defect(one) for one in await service.defects(principal.realm, shapes.run_ref(model_id))]

    @routes.get("/{model_id}/testcaseruns", responses=answers(401, 403, 404, 422, 503))
    async def list_test_case_runs(principal: may_read, model_id: shapes.ModelRefPath) -> list[TestCaseRunsItem]:
        """Each test case of the newest version, and how the directed runs among the model's newest 1,000 runs ended."""
        ref = shapes.run_ref(model_id)
        figures = await service.case_figures(principal.realm, ref)
        return [_case(entry, figures.get(entry.uuid)) for entry in await catalog.list_test_cases(principal.realm, ref)]

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


def _case(entry: TestCaseEntry, figures: CaseFigures | None) -> TestCaseRunsItem:
    counts = figures.counts if figures is not None else {}
    passes, fails, errors = (counts.get(s, 0) for s in (LifecycleState.PASSED, LifecycleState.FAILED, LifecycleState.ERROR))
    judged = passes + fails + errors
    return TestCaseRunsItem(
        id=entry.id,
        uuid=entry.uuid,
        name=entry.name,
        runs=figures.total if figures is not None else 0,
        passes=passes,
        fails=fails,
        errors=errors,
        pass_rate=passes / judged if judged else None,
        flaky=figures is not None and figures.flaky,
        last_runs=[LastRun(run_id=n, status=shapes.status_of(state)) for n, state in (figures.runs if figures is not None else ())],
    )
