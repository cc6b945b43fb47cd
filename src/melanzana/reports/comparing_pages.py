"""`/runs/{run_id}/compare/{other_id}`: two runs side by side, the step at which they part first."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.reports import shapes
from melanzana.reports.comparing_api import OtherRunPath, compared
from melanzana.reports.pages import RUNS
from melanzana.reports.run_words import WORDS, sentence
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages

#: Elements whose times are shown.
_TIMES = 15
_With = Annotated[str, Query(alias="with", pattern=shapes.REF_PATTERN)]


def router(service: ReportService, gate: Gate, pages: Pages) -> APIRouter:
    """The page, and the form that leads to it."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(RUNS + "/{run_id}/compare", response_class=RedirectResponse)
    async def choose(visitor: may_read, run_id: shapes.RunRefPath, other: _With) -> Response:
        await service.run(visitor.principal.realm, shapes.run_ref(other))  # told here, where the number was written
        return RedirectResponse(f"{RUNS}/{run_id}/compare/{other}", 303)

    @routes.get(RUNS + "/{run_id}/compare/{other_id}", response_class=HTMLResponse)
    async def comparison(request: Request, visitor: may_read, run_id: shapes.RunRefPath, other_id: OtherRunPath) -> Response:
        realm = visitor.principal.realm
        one, other, found = await compared(service, realm, shapes.run_ref(run_id), shapes.run_ref(other_id))
        sides = [
            (view.report.row.execution, *WORDS[view.report.row.execution.state], sentence(view.report), view.report.progress)
            for view in (one, other)
        ]
        return pages.render(request, "reports/compare.html", visitor=visitor, sides=sides, found=found, times=found.times[:_TIMES])

    return routes
