"""Agents: which there are, how each is, what it is at; new ones, and the `.ini` file that an agent starts with.

A file is made by a POST and sent as the answer: its secret is in it once, and the keys of an older file end with it.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.agents.records import AgentChange, AgentStatus
from melanzana.agents.service import AgentService
from melanzana.agents.shapes import ID_LIMIT
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.executions.lifecycle import HELD
from melanzana.executions.records import ExecutionFilter
from melanzana.executions.service import ExecutionService
from melanzana.web.pages import Pages

AGENTS = "/agents"
_MARKS = {
    AgentStatus.CONNECTED: "ok",
    AgentStatus.BUSY: "now",
    AgentStatus.DRAINING: "warn",
    AgentStatus.DISCONNECTED: "off",
}
#: Runs under way that are looked through for those of agents.
_MOST = 1_000
_AgentId = Annotated[int, Path(ge=1, le=ID_LIMIT)]


def router(service: AgentService, executions: ExecutionService, gate: Gate, pages: Pages) -> APIRouter:
    """The list and its forms."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.AGENTS_READ))]
    may_write = Annotated[Visitor, Depends(gate.page(Scope.AGENTS_WRITE))]

    async def shown(
        request: Request, visitor: Visitor, name: str = "", error: RequestError | None = None, unsaid: str = ""
    ) -> Response:
        realm = visitor.principal.realm
        held = await executions.list(realm, ExecutionFilter(states=HELD, limit=_MOST))
        runs = {run.agent_id: run.run_id for run in held.items}
        views = await service.list(realm)
        return pages.render(
            request,
            "agents/list.html",
            visitor=visitor,
            status=200 if error is None and not unsaid else 409 if isinstance(error, ConflictError) else 422,
            rows=[(view.agent, _MARKS[view.status], view.status, runs.get(view.agent.id)) for view in views],
            live=bool(views),
            name=name,
            wrong="" if error is None else error.message,
            unsaid=unsaid,
            may_write=Scope.AGENTS_WRITE in visitor.principal.scopes,
        )

    @routes.get(AGENTS, response_class=HTMLResponse)
    async def agents(request: Request, visitor: may_read) -> Response:
        return await shown(request, visitor)

    @routes.post(AGENTS, response_class=HTMLResponse)
    async def add(request: Request, visitor: may_write, name: Annotated[str, Form(max_length=200)] = "") -> Response:
        try:
            await service.create(visitor.principal.realm, name.strip())
        except RequestError as error:
            return await shown(request, visitor, name, error)
        return RedirectResponse(f"{AGENTS}?done=added", 303)

    @routes.post(AGENTS + "/{agent_id}/ini")
    async def ini(visitor: may_write, agent_id: _AgentId) -> Response:
        view = await service.get(visitor.principal.realm, agent_id)
        text = await service.ini_text(visitor.principal.realm, [agent_id], actor=visitor.principal.actor)
        headers = {"Content-Disposition": f'attachment; filename="agent-{view.agent.id}.ini"', "Cache-Control": "no-store"}
        return PlainTextResponse(text, headers=headers)

    @routes.post(AGENTS + "/{agent_id}/drain")
    async def drain(visitor: may_write, agent_id: _AgentId) -> Response:
        await service.update(visitor.principal.realm, agent_id, AgentChange(draining=True))
        return RedirectResponse(f"{AGENTS}?done=drained", 303)

    @routes.post(AGENTS + "/{agent_id}/resume")
    async def resume(visitor: may_write, agent_id: _AgentId) -> Response:
        await service.update(visitor.principal.realm, agent_id, AgentChange(draining=False))
        return RedirectResponse(f"{AGENTS}?done=resumed", 303)

    @routes.post(AGENTS + "/{agent_id}/labels", response_class=HTMLResponse)
    async def label(
        request: Request, visitor: may_write, agent_id: _AgentId, labels: Annotated[str, Form(max_length=20_000)] = ""
    ) -> Response:
        words = frozenset(word for part in labels.split(",") if (word := part.strip()))
        try:
            await service.update(visitor.principal.realm, agent_id, AgentChange(labels=words))
        except NotFoundError:
            raise
        except RequestError as error:
            return await shown(request, visitor, unsaid=error.message)
        return RedirectResponse(f"{AGENTS}?done=labelled", 303)

    @routes.post(AGENTS + "/{agent_id}/delete")
    async def delete(visitor: may_write, agent_id: _AgentId) -> Response:
        await service.delete(visitor.principal.realm, agent_id, actor=visitor.principal.actor)
        return RedirectResponse(f"{AGENTS}?done=deleted", 303)

    return routes
