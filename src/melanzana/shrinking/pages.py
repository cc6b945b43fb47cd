"""A run's replay and its search for the smallest failing walk, in the browser: begin, watch, end, keep."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.shrinking.records import MOST_PERFORMANCES, MOST_REPEAT, SearchState, Wish
from melanzana.shrinking.service import ShrinkService
from melanzana.shrinking.shapes import ExecutionPath, SearchPath, ref
from melanzana.web.pages import Pages

SHRINKS = "/shrinks"
#: Colour and glyph of a state, and what people call it.
WORDS = {
    SearchState.RUNNING: ("now", "Searching"),
    SearchState.FOUND: ("ok", "Found"),
    SearchState.PASSED: ("warn", "Did not fail again"),
    SearchState.ERROR: ("warn", "Error"),
    SearchState.ABORTED: ("off", "Cancelled"),
    SearchState.INTERRUPTED: ("warn", "Interrupted"),
}
_Run = Annotated[int | None, Query(ge=1, le=2**53)]
_Name = Annotated[str, Form(max_length=200)]


def router(service: ShrinkService, gate: Gate, pages: Pages) -> APIRouter:
    """The list, the search, and the forms."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_READ))]

    @routes.get(SHRINKS, response_class=HTMLResponse)
    async def searches(request: Request, visitor: may_read, run: _Run = None) -> Response:
        rows = [(one, *WORDS[one.state]) for one in await service.list(visitor.principal.realm, run)]
        return pages.render(request, "shrinking/list.html", visitor=visitor, rows=rows, run=run)

    @routes.get(SHRINKS + "/{search_id}", response_class=HTMLResponse)
    async def search(request: Request, visitor: may_read, search_id: SearchPath) -> Response:
        found, scopes = await service.get(visitor.principal.realm, search_id), visitor.principal.scopes
        mark, word = WORDS[found.state]
        return pages.render(
            request,
            "shrinking/search.html",
            visitor=visitor,
            search=found,
            mark=mark,
            word=word,
            steps=(found.smallest or {}).get("steps", []),
            may_abort=found.is_live and not found.abort_requested and Scope.EXECUTIONS_ABORT in scopes,
            may_start=Scope.EXECUTIONS_START in scopes,
            may_keep=not found.is_live and found.smallest is not None and Scope.MODELS_WRITE in scopes,
        )

    _add_forms(routes, service, gate)
    return routes


def _add_forms(routes: APIRouter, service: ShrinkService, gate: Gate) -> None:
    may_start = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_START))]
    may_abort = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_ABORT))]
    may_write = Annotated[Visitor, Depends(gate.page(Scope.MODELS_WRITE))]

    @routes.post("/runs/{execution_id}/replay")
    async def replay(visitor: may_start, execution_id: ExecutionPath) -> Response:
        started = await service.replay(visitor.principal.realm, ref(execution_id), visitor.principal)
        return RedirectResponse(f"/runs/{started.run_id}?done=started", 303)

    @routes.post("/runs/{execution_id}/shrink")
    async def shrink(
        visitor: may_start,
        execution_id: ExecutionPath,
        performances: Annotated[int, Form(ge=1, le=MOST_PERFORMANCES)] = Wish().performances,
        repeat: Annotated[int, Form(ge=1, le=MOST_REPEAT)] = 1,
    ) -> Response:
        wish = Wish(performances=performances, repeat=repeat)
        begun = await service.begin(visitor.principal.realm, ref(execution_id), wish, visitor.principal)
        return RedirectResponse(f"{SHRINKS}/{begun.id}", 303)

    @routes.post(SHRINKS + "/{search_id}/abort")
    async def abort(visitor: may_abort, search_id: SearchPath) -> Response:
        await service.abort(visitor.principal.realm, search_id)
        return RedirectResponse(f"{SHRINKS}/{search_id}?done=aborted", 303)

    @routes.post(SHRINKS + "/{search_id}/test-case")
    async def keep(visitor: may_write, search_id: SearchPath, name: _Name = "") -> Response:
        await service.keep(visitor.principal.realm, search_id, name.strip() or None, visitor.principal.name)
        return RedirectResponse(f"{SHRINKS}/{search_id}?done=kept", 303)
