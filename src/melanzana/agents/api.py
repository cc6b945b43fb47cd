"""`/ai/agents`: execution environments and their access keys. `/agent_service/api/v1`: what agents themselves speak.

The first family is the original product's, where a POST without a body lists. The second is ours: four requests, one for each verb
of `protocol/peer.py`, with the JSON of `protocol/wire.py`; the server's middleware bounds every body before it is read.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.rates import HeldRequests
from melanzana.access.records import Principal
from melanzana.agents import shapes
from melanzana.agents.connected import while_connected
from melanzana.agents.service import AgentService
from melanzana.errors import RequestError
from melanzana.protocol import wire
from melanzana.web.answers import answers

_PREFIX = "/agent_service/api/v1"
_REPORT = ("execution_id", "attempt", "first_seq", "events", "wait_seconds")
_AgentId = Annotated[int, Path(ge=1, le=shapes.ID_LIMIT, description="`id` of the agent.")]
_INI: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The `.ini` file, secret included."}
}
_RAW_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"format": "binary"}}}}}
_ZIP_ANSWER: dict[str, Any] = {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
_SPOKEN = answers(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


#: Whole numbers only, so that `generate_secrets` is never taken for an id.
_ONE_AGENT = "/ai/agents/{agent_id:int}"


def router(service: AgentService, gate: Gate, held: HeldRequests) -> APIRouter:
    """Both families over `service`."""
    routes = APIRouter()
    _add_environments(routes, service, gate)
    _add_protocol(routes, service, gate, held)
    return routes


def express(
    service: AgentService, gate: Gate, held: HeldRequests
) -> dict[tuple[str, str], Callable[[Request, bytes], Awaitable[Response | None]]]:
    """Polls and reports for `server/express.py`: what their routes do, for requests that need no explaining."""
    works = gate.requires(Scope.AGENTS_WORK)

    async def lease(request: Request, content: bytes) -> Response | None:
        try:
            body = shapes.LeaseBody.model_validate_json(content)
        except ValueError:
            return None
        given = await _leased(service, held, await works(request), request, body)
        return Response(status_code=204) if given is None else JSONResponse(given)

    async def report(request: Request, content: bytes) -> Response | None:
        try:
            body = shapes.ReportBody.model_validate_json(content)
        except ValueError:
            return None
        return JSONResponse(await _reported(service, held, await works(request), request, body))

    return {("POST", f"{_PREFIX}/leases"): lease, ("POST", f"{_PREFIX}/reports"): report}


async def _leased(
    service: AgentService, held: HeldRequests, principal: Principal, request: Request, body: shapes.LeaseBody
) -> dict[str, Any] | None:
    with held.one_more(principal):
        given = await while_connected(request, service.lease(principal, body.session, body.wait_seconds))
    return None if given is None else wire.lease_to_json(given)


async def _reported(
    service: AgentService, held: HeldRequests, principal: Principal, request: Request, body: shapes.ReportBody
) -> dict[str, Any]:
    said = wire.report_from_json({name: getattr(body, name) for name in _REPORT})
    if body.events or body.wait_seconds <= 0:
        return wire.directive_to_json(await service.report(principal, body.session, said))
    with held.one_more(principal):
        return wire.directive_to_json(await while_connected(request, service.report(principal, body.session, said)))


def _add_environments(routes: APIRouter, service: AgentService, gate: Gate) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.AGENTS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.AGENTS_WRITE))]
    tags: Any = ["Agents"]

    @routes.get("/ai/agents", tags=tags, responses=answers(401, 403, 503))
    async def list_agents(principal: may_read) -> list[shapes.AgentItem]:
        """Every execution environment of the realm, oldest first."""
        return [shapes.agent_item(view) for view in await service.list(principal.realm)]

    @routes.post(
        "/ai/agents",
        tags=tags,
        status_code=201,
        response_model=shapes.AgentItem | list[shapes.AgentItem],
        responses={
            200: {"model": list[shapes.AgentItem], "description": "Without a body: every agent."},
            **answers(400, 401, 403, 409, 413, 415, 422, 503),
        },
    )
    async def create_agent(
        principal: may_write, response: Response, body: shapes.AgentBody | None = None
    ) -> shapes.AgentItem | list[shapes.AgentItem]:
        """Make an execution environment; without a body, list them."""
        if body is None or not body.model_fields_set:
            response.status_code = 200
            return [shapes.agent_item(view) for view in await service.list(principal.realm)]
        if body.name is None:
            raise RequestError("name is missing: give the environment a name without spaces", field="name")
        return shapes.agent_item(await service.create(principal.realm, body.name, body.config(), body.labels or ()))

    @routes.post(
        "/ai/agents/generate_secrets",
        tags=tags,
        response_class=PlainTextResponse,
        responses={**_INI, **answers(400, 401, 403, 404, 413, 415, 422, 503)},
    )
    async def generate_secrets(principal: may_write, body: shapes.SecretsBody) -> PlainTextResponse:
        """New access keys of agents, as an `.ini` file with a section for each. Keys they had before end at once."""
        text = await service.ini_text(principal.realm, body.refs(), body.host_url, actor=principal.actor)
        return PlainTextResponse(text, headers={"Cache-Control": "no-store"})

    @routes.get(_ONE_AGENT, tags=tags, responses=answers(401, 403, 404, 422, 503))
    async def get_agent(principal: may_read, agent_id: _AgentId) -> shapes.AgentItem:
        """One execution environment."""
        return shapes.agent_item(await service.get(principal.realm, agent_id))

    @routes.put(_ONE_AGENT, tags=tags, responses=answers(400, 401, 403, 404, 409, 413, 415, 422, 503))
    @routes.patch(_ONE_AGENT, tags=tags, responses=answers(400, 401, 403, 404, 409, 413, 415, 422, 503))
    async def update_agent(principal: may_write, agent_id: _AgentId, body: shapes.AgentBody) -> shapes.AgentItem:
        """Change the fields that are given."""
        return shapes.agent_item(await service.update(principal.realm, agent_id, body.change()))

    @routes.delete(_ONE_AGENT, tags=tags, status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def delete_agent(principal: may_write, agent_id: _AgentId) -> None:
        """Remove an execution environment; its access keys end at once."""
        await service.delete(principal.realm, agent_id, actor=principal.actor)


def _add_protocol(routes: APIRouter, service: AgentService, gate: Gate, held: HeldRequests) -> None:
    works = Annotated[Principal, Depends(gate.requires(Scope.AGENTS_WORK))]
    prefix = _PREFIX
    tags: Any = ["Agent protocol"]

    @routes.post(f"{prefix}/sessions", tags=tags, response_model=shapes.SessionAnswer, responses=_SPOKEN)
    async def register(principal: works, body: shapes.SessionBody) -> dict[str, Any]:
        """Begin a session; an older process of the same agent is told to stop."""
        session = await service.register(principal, wire.hello_from_json(body.model_dump()))
        return wire.session_to_json(session)

    @routes.post(
        f"{prefix}/leases",
        tags=tags,
        response_model=shapes.LeaseAnswer,
        responses={204: {"description": "Nothing to do came in time.", "model": None}, **_SPOKEN},
    )
    async def lease(principal: works, request: Request, body: shapes.LeaseBody) -> Any:
        """Wait for work."""
        given = await _leased(service, held, principal, request, body)
        return Response(status_code=204) if given is None else given

    @routes.post(f"{prefix}/reports", tags=tags, response_model=shapes.DirectiveAnswer, responses=_SPOKEN)
    async def report(principal: works, request: Request, body: shapes.ReportBody) -> dict[str, Any]:
        """Say what happened and renew the lease; without events, wait for news."""
        return await _reported(service, held, principal, request, body)

    @routes.post(f"{prefix}/departures", tags=tags, responses=_SPOKEN)
    async def leave(principal: works, body: shapes.DepartureBody) -> shapes.DepartureAnswer:
        """Take no more work: this process ends with its last run, or has ended."""
        view = await service.leave(principal, body.session, gone=body.gone)
        return shapes.DepartureAnswer(agent_name=view.agent.name, status=view.status, session=view.agent.session)

    @routes.post(f"{prefix}/suites", tags=tags, response_class=Response, responses={200: _ZIP_ANSWER, **_SPOKEN})
    async def suite(principal: works, body: shapes.SuiteBody) -> Response:
        """Fetch the stored suite of a run that is at work."""
        content = await service.suite(principal, body.session, body.execution_id, body.attempt)
        return Response(content, media_type="application/zip")

    @routes.post(
        f"{prefix}/attachments",
        tags=tags,
        status_code=201,
        response_model=shapes.AttachmentAnswer,
        responses=_SPOKEN,
        openapi_extra=_RAW_BODY,
    )
    async def store(
        principal: works,
        request: Request,
        melanzana_session: Annotated[shapes.Whole, Header()],
        melanzana_execution: Annotated[shapes.ExecutionId, Header()],
        melanzana_attempt: Annotated[int, Header(ge=1, le=2**31 - 1)],
    ) -> dict[str, str]:
        """Keep a file of a run."""
        with service.draft() as draft:
            async for chunk in request.stream():
                draft.write(chunk)
            digest = await service.store(principal, melanzana_session, melanzana_execution, melanzana_attempt, draft)
        return {"sha256": digest}
