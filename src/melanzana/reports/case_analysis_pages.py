"""How one test case fares: its newest runs, how long they took, where they failed, and how exploring runs came by."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.reports import shapes
from melanzana.reports.run_words import WORDS
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages

#: Newest runs that are shown one by one.
SHOWN = 50
CaseRef = Annotated[str, Path(min_length=1, max_length=200)]


def router(service: ReportService, gate: Gate, pages: Pages) -> APIRouter:
    """The page."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get("/models/{model_id}/test-cases/{case_id}/analysis", response_class=HTMLResponse)
    async def analysis(request: Request, visitor: may_read, model_id: shapes.ModelRefPath, case_id: CaseRef) -> Response:
        entry, case, found = await service.analyses.case(visitor.principal.realm, shapes.run_ref(model_id), case_id)
        shown = found.runs[:SHOWN]
        longest = max((run.seconds for run in shown), default=0.0)
        return pages.render(
            request,
            "reports/case_analysis.html",
            visitor=visitor,
            entry=entry,
            case=case,
            found=found,
            shown=[(run, *WORDS[run.state], round(100 * run.seconds / longest) if longest else 0) for run in shown],
        )

    return routes
