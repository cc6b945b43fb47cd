"""`GET /execution_service/api/v1/executions/{id}/events`: the log as server-sent events (WHATWG HTML, section 9.2).

The id of an event is the number of its line, so a browser or script that lost the connection goes on behind what it has seen, by
the header `Last-Event-ID` that the standard makes it send.
"""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.rates import HeldRequests
from melanzana.access.records import Principal
from melanzana.clock import Clock
from melanzana.executions import shapes
from melanzana.executions.following import follow
from melanzana.executions.records import StoredEvent
from melanzana.executions.service import ExecutionService
from melanzana.web.answers import answers

PATH = "/execution_service/api/v1/executions/{execution_id}/events"
MEDIA_TYPE = "text/event-stream"
#: Milliseconds after which a client that lost the stream asks again.
RETRY = 1_000
_LARGEST = 2**53
_Last = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, le=_LARGEST, description="Only what comes behind the event with this id.")
]
_After = Annotated[int, Query(ge=0, le=_LARGEST, description="The same, for clients that cannot send the header.")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Server-sent events until the run has ended."}
}


def router(service: ExecutionService, gate: Gate, clock: Clock, held: HeldRequests) -> APIRouter:
    """The route over `service`."""
    routes = APIRouter(tags=["Execution"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_READ))]

    @routes.get(PATH, response_class=StreamingResponse, responses={**_STREAM, **answers(401, 403, 404, 422, 429, 503)})
    async def follow_events(
        principal: may_read, execution_id: shapes.ExecutionIdPath, last_event_id: _Last = None, after: _After = 0
    ) -> StreamingResponse:
        """Everything that happens in an execution, from its first line and as it happens; then an event `end`."""
        execution = await service.get(principal.realm, shapes.ref(execution_id))
        begin = after if last_event_id is None else last_event_id
        held.check(principal)  # here, where it can still be an answer
        texts = held.through(principal, _texts(service, clock, principal.realm, execution.run_id, begin))
        return StreamingResponse(texts, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    return routes


async def _texts(service: ExecutionService, clock: Clock, realm: str, run_id: int, after: int) -> AsyncIterator[str]:
    yield f"retry: {RETRY}\n\n"
    async for events in follow(service, clock, realm, run_id, after):
        yield ": still here\n\n" if events is None else "".join(map(_text, events))
    execution = await service.get(realm, run_id)
    if execution.ended_at is not None:
        yield f"event: end\ndata: {json.dumps({'state': execution.state, 'message': execution.message})}\n\n"
    else:
        yield "event: again\ndata: {}\n\n"  # the stream lasted long enough: ask again, behind the last event


def _text(event: StoredEvent) -> str:
    head = {"run_id": event.run_id, "seq": event.seq, "attempt": event.attempt, "at": event.at.isoformat(), "type": event.type}
    return f"id: {event.seq}\nevent: {event.type}\ndata: {json.dumps({**event.body, **head})}\n\n"
