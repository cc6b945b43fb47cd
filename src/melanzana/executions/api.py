"""`/execution_service/api/v1/executions`: start, list, look at, abort and continue executions.

The first and the abort are calls of the original product, field by field; the others and the fields it does not have are ours.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.rates import StartRate
from melanzana.access.records import Principal
from melanzana.executions import shapes
from melanzana.executions.records import ExecutionFilter
from melanzana.executions.service import ExecutionService
from melanzana.protocol.tracing import valid_traceparent
from melanzana.web.answers import answers

PREFIX = "/execution_service/api/v1/executions"
_KEY_LIMIT = 255
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_KEY_LIMIT,
        description="Chosen by the client: a start sent again with the same key gives the same execution.",
    ),
]


class Agents(Protocol):
    """Who knows agents by name: the agents' service, which stands above this room."""

    async def id_of(self, realm: str, ref: int | str) -> int:
        """The id of the agent with this id or name. Raises NotFoundError."""
        ...


_Trace = Annotated[
    str | None, Header(description="W3C Trace Context: the run becomes a part of this trace. Another form is ignored.")
]
#: The principal, the body, the Idempotency-Key and the traceparent of a start.
_Start = Callable[[Principal, shapes.StartBody, str | None, str | None], Awaitable[shapes.StartedAnswer]]


def _starting(service: ExecutionService, agents: Agents, rate: StartRate, *, strict: bool) -> _Start:
    async def start(principal: Principal, body: shapes.StartBody, key: str | None, traceparent: str | None) -> shapes.StartedAnswer:
        rate.take(principal)
        wanted = shapes.named_agent(body)
        agent_id = None if wanted is None else await agents.id_of(principal.realm, shapes.ref(wanted))
        request = replace(shapes.start_request(body, agent_id, strict=strict), traceparent=valid_traceparent(traceparent))
        execution = await service.start(request, principal, key)
        return shapes.started_answer(execution)

    return start


def express(
    service: ExecutionService, gate: Gate, agents: Agents, rate: StartRate, *, strict: bool = False
) -> dict[tuple[str, str], Callable[[Request, bytes], Awaitable[Response | None]]]:
    """The start for `server/express.py`: what `start_execution` does, for requests that need no explaining."""
    start, may_start = _starting(service, agents, rate, strict=strict), gate.requires(Scope.EXECUTIONS_START)

    async def start_execution(request: Request, content: bytes) -> Response | None:
        keys = request.headers.getlist("idempotency-key")
        try:
            body = shapes.StartBody.model_validate_json(content)
        except ValueError:
            return None
        if len(keys) > 1 or not all(1 <= len(key) <= _KEY_LIMIT for key in keys):
            return None
        started = await start(await may_start(request), body, keys[0] if keys else None, request.headers.get("traceparent"))
        headers = {"Location": f"{PREFIX}/{started.execution_id}"}
        return Response(started.model_dump_json(), 201, headers, "application/json")

    return {("POST", PREFIX): start_execution}


def router(service: ExecutionService, gate: Gate, agents: Agents, rate: StartRate, *, strict: bool = False) -> APIRouter:
    """The routes over `service`; `strict` refuses a start with a field that nobody knows instead of naming it."""
    routes = APIRouter(prefix=PREFIX, tags=["Execution"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_READ))]
    may_start = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_START))]
    may_abort = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_ABORT))]
    start = _starting(service, agents, rate, strict=strict)

    @routes.post("", status_code=201, responses=answers(400, 401, 403, 404, 409, 413, 415, 422, 429, 503))
    async def start_execution(
        principal: may_start,
        body: shapes.StartBody,
        response: Response,
        idempotency_key: _Key = None,
        traceparent: _Trace = None,
    ) -> shapes.StartedAnswer:
        """Start a run of a model. `model_id` alone explores; with `test_case_id` the run is directed.

        Without an agent, or without an asset beside it, no code is performed: only the path is generated.
        """
        started = await start(principal, body, idempotency_key, traceparent)
        response.headers["Location"] = f"{PREFIX}/{started.execution_id}"
        return started

    @routes.get("", responses=answers(401, 403, 422, 503))
    async def list_executions(
        principal: may_read, query: Annotated[shapes.ExecutionListQuery, Query()]
    ) -> shapes.ExecutionListAnswer:
        """The executions of the realm, newest first."""
        wanted = ExecutionFilter(
            states=frozenset(query.state), tag=query.tag, model_id=query.model, limit=query.limit, offset=query.offset
        )
        page = await service.list(principal.realm, wanted)
        return shapes.ExecutionListAnswer(items=[shapes.execution_answer(item) for item in page.items], total_count=page.total)

    @routes.get("/{execution_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_execution(principal: may_read, execution_id: shapes.ExecutionIdPath) -> shapes.ExecutionAnswer:
        """Where one execution stands."""
        return shapes.execution_answer(await service.get(principal.realm, shapes.ref(execution_id)))

    @routes.delete("/{execution_id}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def abort_execution(principal: may_abort, execution_id: shapes.ExecutionIdPath) -> None:
        """Trigger the end of an execution; it then ends as `Cancelled`. Sent again, the answer is the same.

        409 names the state of an execution that had already passed, failed or ended as an error.
        """
        await service.abort(principal.realm, shapes.ref(execution_id), principal.client_id)

    @routes.post("/{execution_id}/pause", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def pause_execution(principal: may_abort, execution_id: shapes.ExecutionIdPath) -> None:
        """Let a run stand still before its next step, until it is continued or aborted. Sent again, the answer is the same."""
        await service.pause(principal.realm, shapes.ref(execution_id), principal.client_id)

    @routes.post("/{execution_id}/continue", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def continue_execution(principal: may_abort, execution_id: shapes.ExecutionIdPath) -> None:
        """Let a run continue that was paused, or that paused by itself at a step that did not pass (`onerror` `debug`)."""
        await service.resume(principal.realm, shapes.ref(execution_id), principal.client_id)

    return routes


def ai_router(service: ExecutionService, gate: Gate) -> APIRouter:
    """What the original's Python client asks elsewhere: `GET /ai/executions/{execution_id}` and `DELETE /ai/runs/{run_id}`."""
    routes = APIRouter(prefix="/ai", tags=["Execution"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_READ))]
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.REALMS_MANAGE))]

    @routes.delete("/runs/{run_id}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def delete_run(principal: may_manage, run_id: shapes.ExecutionIdPath) -> None:
        """Remove a run that has ended, with its log and files."""
        await service.delete(principal.realm, shapes.ref(run_id))

    @routes.get("/executions/{execution_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_ai_execution(principal: may_read, execution_id: shapes.ExecutionIdPath) -> shapes.ExecutionAnswer:
        """The same as `GET /execution_service/api/v1/executions/{execution_id}`."""
        return shapes.execution_answer(await service.get(principal.realm, shapes.ref(execution_id)))

    return routes
