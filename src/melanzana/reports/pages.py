"""Runs as a list. What is sought stands in the address; runs under way are shown anew every other second by `live.js`."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import RequestError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.reports.records import RunRow
from melanzana.reports.run_filter import filter_of
from melanzana.reports.run_words import WORDS
from melanzana.reports.service import ReportService
from melanzana.web import tables
from melanzana.web.pages import Pages

RUNS = "/runs"
_PAGE = 50
_LARGEST = 2**53
#: Questions that are asked often: what the link says, and the query behind it.
QUESTIONS = (
    ("All", ""),
    ("Under way", "status:running"),
    ("Failed", "status:failed"),
    ("Errors", "status:error"),
    ("Passed", "status:passed"),
)
_Text = Annotated[str, Query(alias="q")]


def router(service: ReportService, gate: Gate, pages: Pages) -> APIRouter:
    """The list."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(RUNS, response_class=HTMLResponse)
    async def runs(
        request: Request, visitor: may_read, text: _Text = "", offset: Annotated[int, Query(ge=0, le=_LARGEST)] = 0
    ) -> Response:
        found, error = await _found(service, visitor.principal.realm, text, offset)
        return pages.render(request, "reports/runs.html", visitor=visitor, status=422 if error else 200, error=error, **found)

    return routes


async def _found(service: ReportService, realm: str, text: str, offset: int) -> tuple[dict[str, Any], str]:
    """What the list shows, and what is wrong with the query."""
    error, rows, total = "", tuple[RunRow, ...](), 0
    try:
        wanted = await filter_of(service, realm, text)
    except RequestError as wrong:
        error, wanted = wrong.message, None
    if wanted is not None:
        page = await service.list_runs(realm, replace(wanted, limit=_PAGE, offset=offset))
        rows, total = page.rows, page.total
    last = offset + len(rows)
    shown = {
        "rows": [(row, *WORDS[row.execution.state]) for row in rows],
        "total": total,
        "text": text,
        "files": tables.links(RUNS, q=text),
        "live": any(row.execution.state not in TERMINAL for row in rows),
        "questions": [(title, _address(query), query == text.strip()) for title, query in QUESTIONS],
        "span": f"{offset + 1:,} to {last:,} of {total:,}" if rows else "",
        "newer": _address(text, offset=max(offset - _PAGE, 0)) if offset else "",
        "older": _address(text, offset=last) if last < total else "",
    }
    return shown, error


def _address(text: str, *, offset: int = 0) -> str:
    """Of the page of the list that shows this query."""
    values = {name: value for name, value in (("q", text), ("offset", offset)) if value}
    return RUNS + (f"?{urlencode(values)}" if values else "")
