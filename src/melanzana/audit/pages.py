"""System > Audit: who did what, when and from where, in the visitor's realm.

The query stands in the address; what it finds can be saved as a file.
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.audit import export
from melanzana.audit.query import read_query
from melanzana.audit.records import AuditFilter
from melanzana.audit.service import EVERYTHING, AuditService
from melanzana.clock import Clock
from melanzana.errors import NotFoundError, RequestError
from melanzana.web import tables
from melanzana.web.pages import PAGE_HEADERS, Pages

TRAIL = "/system/audit"
_PAGE = 50
_LARGEST = 2**53
#: Questions that are asked often: what the link says, and the query behind it.
QUESTIONS = (
    ("Everything", ""),
    ("Failures", "outcome:failure"),
    ("Logins", "action:login"),
    ("Tokens", "action:token"),
    ("API clients", "action:client"),
    ("People", "action:user"),
    ("Keys", "action:key"),
    ("Last 24 hours", "since:24h"),
)
_Text = Annotated[str, Query(alias="q")]


def router(service: AuditService, gate: Gate, pages: Pages, clock: Clock) -> APIRouter:
    """The page, its files, and the verification."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.AUDIT_READ))]

    @routes.get(TRAIL, response_class=HTMLResponse)
    async def trail(
        request: Request, visitor: may_read, text: _Text = "", before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None
    ) -> Response:
        error, where = "", EVERYTHING
        try:
            where = read_query(text, clock.now())
        except RequestError as wrong:
            error = wrong.message
        found = [] if error else await service.records(visitor.principal.realm, where, before=before, limit=_PAGE + 1)
        return pages.render(
            request,
            "audit/trail.html",
            visitor=visitor,
            status=422 if error else 200,
            records=found[:_PAGE],
            text=text,
            error=error,
            questions=[(title, _address(query), query == text.strip()) for title, query in QUESTIONS],
            newest=_address(text) if before else "",
            older=_address(text, before=found[_PAGE - 1].number) if len(found) > _PAGE else "",
            files=tables.links(TRAIL, q=text),
        )

    @routes.get(f"{TRAIL}.{{form}}")
    async def save(visitor: may_read, form: str, text: _Text = "") -> Response:
        if form not in tables.MEDIA_TYPES:
            raise NotFoundError("the trail is saved as csv or json")
        return _file(service, visitor.principal.realm, read_query(text, clock.now()), form)

    @routes.get(f"{TRAIL}/verification", response_class=HTMLResponse)
    async def verify(request: Request, visitor: may_read) -> Response:
        found = await service.verify(visitor.principal.realm)
        return pages.render(request, "audit/verification.html", visitor=visitor, found=found)

    return routes


def _file(service: AuditService, realm: str, where: AuditFilter, form: str) -> Response:
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="audit-{realm}.{form}"'}
    content = export.lines(service.export(realm, where), form)
    return StreamingResponse(content, media_type=tables.MEDIA_TYPES[form], headers=headers)


def _address(text: str, *, suffix: str = "", before: int | None = None) -> str:
    """Of the page or file that shows this query."""
    values = {name: value for name, value in (("q", text), ("before", before)) if value}
    return f"{TRAIL}{suffix}" + (f"?{urlencode(values)}" if values else "")
