"""`GET /ai/runs/{run_id}/compare/{other_id}`: two runs side by side."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.protocol.events import StepFinished
from melanzana.reports import shapes
from melanzana.reports.comparing import Comparison, Divergence, compare
from melanzana.reports.service import ReportService
from melanzana.reports.viewing import RunView
from melanzana.web.answers import answers

OtherRunPath = Annotated[str, Path(pattern=shapes.REF_PATTERN, description="The other run's integer `id` or its `execution_id`.")]


class StepPart(BaseModel):
    """A step at which the runs part."""

    kind: str
    element_id: str
    name: str
    target: str | None
    verdict: str
    message: str


class DivergencePart(BaseModel):
    """The first step that is not the same."""

    number: int
    kind: str = Field(description="`path`: another step; `verdict`: the same step came out otherwise.")
    run: StepPart | None = Field(description="Null: this run had ended before.")
    other: StepPart | None


class DifferencePart(BaseModel):
    """Something of plan or end that is not the same."""

    name: str
    run: Any
    other: Any


class TimePart(BaseModel):
    """How long an element took in the middle, in seconds; null where it was not performed."""

    element_id: str
    name: str
    kind: str
    run_seconds: float | None
    other_seconds: float | None


class ComparisonAnswer(BaseModel):
    """What differs between two runs."""

    run_id: int
    other_id: int
    divergence: DivergencePart | None = Field(description="Null: they walked the same way to the same verdicts.")
    differences: list[DifferencePart]
    times: list[TimePart] = Field(description="The largest change first.")
    only_run: list[str] = Field(description="Elements that only this run went through.")
    only_other: list[str]


def router(service: ReportService, gate: Gate) -> APIRouter:
    """The route over `service`."""
    routes = APIRouter(prefix="/ai", tags=["Runs"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/runs/{run_id}/compare/{other_id}", responses=answers(401, 403, 404, 422, 503))
    async def compare_runs(principal: may_read, run_id: shapes.RunRefPath, other_id: OtherRunPath) -> ComparisonAnswer:
        """Where the paths of two runs part, and what differs in verdict, plan, times and coverage."""
        one, other, found = await compared(service, principal.realm, shapes.run_ref(run_id), shapes.run_ref(other_id))
        return _answer(one.report.row.execution.run_id, other.report.row.execution.run_id, found)

    return routes


async def compared(service: ReportService, realm: str, ref: int | str, other_ref: int | str) -> tuple[RunView, RunView, Comparison]:
    """Both runs and what differs. Errors: NotFoundError."""
    one, other = await service.view(realm, ref), await service.view(realm, other_ref)
    found = await compare(
        one,
        other,
        lambda after, limit: service.events(realm, ref, after, limit),
        lambda after, limit: service.events(realm, other_ref, after, limit),
    )
    return one, other, found


def _answer(run_id: int, other_id: int, found: Comparison) -> ComparisonAnswer:
    parting = found.divergence
    return ComparisonAnswer(
        run_id=run_id,
        other_id=other_id,
        divergence=None if parting is None else _divergence(parting),
        differences=[DifferencePart(name=fact.name, run=fact.one, other=fact.other) for fact in found.facts],
        times=[
            TimePart(
                element_id=each.element_id,
                name=each.name,
                kind=each.kind,
                run_seconds=each.one_seconds,
                other_seconds=each.other_seconds,
            )
            for each in found.times
        ],
        only_run=list(found.only_one),
        only_other=list(found.only_other),
    )


def _divergence(found: Divergence) -> DivergencePart:
    return DivergencePart(number=found.number, kind=found.kind, run=_step(found.one), other=_step(found.other))


def _step(step: StepFinished | None) -> StepPart | None:
    return None if step is None else StepPart(**{name: getattr(step, name) for name in StepPart.model_fields})
