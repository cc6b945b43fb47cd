"""`/ai/runs`, `/ai/runlogs`, coverage of a model, and two questions about the server: everything a client reads after a start.

Lists are bare JSON arrays with the number of all items in `X-Total-Count` (ADR 0007); a run's log has DAI's own envelope.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.clock import Clock, SystemClock
from melanzana.errors import NotFoundError, RequestError
from melanzana.executions.records import TASK_TAG, ExecutionFilter, LifecycleState
from melanzana.reports import coverage_shapes, shapes
from melanzana.reports.paging import ToldEvents, recording
from melanzana.reports.recordings import RecordingAnswer
from melanzana.reports.service import ReportService
from melanzana.version import __version__
from melanzana.web.answers import answers

_CLOCK = SystemClock()
_COUNT_HEADER = {"X-Total-Count": {"description": "How many there are on all pages.", "schema": {"type": "integer"}}}


def router(service: ReportService, gate: Gate, clock: Clock = _CLOCK) -> APIRouter:
    """The routes over `service`; every one of them needs a token with `reports:read`."""
    routes = APIRouter(prefix="/ai")
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/runs", tags=["Runs"], responses={200: {"headers": _COUNT_HEADER}, **answers(401, 403, 422, 503)})
    async def list_runs(
        principal: may_read, response: Response, query: Annotated[shapes.RunListQuery, Query()]
    ) -> list[shapes.RunItem]:
        """Runs, the newest first."""
        wanted = await _filter(service, principal.realm, query)
        if wanted is None:
            response.headers["X-Total-Count"] = "0"
            return []
        page = await service.list_runs(principal.realm, wanted)
        response.headers["X-Total-Count"] = str(page.total)
        return [shapes.run_item(row) for row in page.rows]

    @routes.get("/runs/{run_id}", tags=["Runs"], responses=answers(401, 403, 404, 422, 503))
    async def get_run(principal: may_read, run_id: shapes.RunRefPath) -> shapes.RunAnswer:
        """One run: how it stands, how far it has come, and the step that did not pass."""
        return shapes.run_answer(await service.run(principal.realm, shapes.run_ref(run_id)))

    @routes.get("/runs/{run_id}/timings", tags=["Runs"], responses=answers(401, 403, 404, 422, 503))
    async def get_timings(principal: may_read, run_id: shapes.RunRefPath) -> list[shapes.TimingItem]:
        """How long each state and action of a run took; what took longest first."""
        return [shapes.timing_item(timing) for timing in await service.timings(principal.realm, shapes.run_ref(run_id))]

    @routes.get(
        "/runs/{run_id}/recording", tags=["Runs"], response_model=RecordingAnswer, responses=answers(401, 403, 404, 410, 422, 503)
    )
    async def get_recording(principal: may_read, run_id: shapes.RunRefPath) -> Response:
        """A run to be performed again elsewhere, by `melanzana replay` or `melanzana shrink`: its plan and its events."""
        run, attempt = await service.told(principal.realm, shapes.run_ref(run_id))
        texts = recording(run.snapshot, ToldEvents(service, principal.realm, run.run_id, attempt))
        return StreamingResponse(texts, media_type="application/json")

    @routes.get("/runlogs/{run_id}", tags=["Runs"], response_model=shapes.LogAnswer, responses=answers(401, 403, 404, 422, 503))
    async def get_log(principal: may_read, run_id: shapes.RunRefPath, query: Annotated[shapes.LogQuery, Query()]) -> Response:
        """A run's log. When the run did not pass, exactly one entry has the message_type `failure`."""
        as_of = clock.now()
        page = await service.log(principal.realm, shapes.run_ref(run_id), query.offset, query.limit)
        return await _written(lambda: shapes.log_answer(page, as_of))

    @routes.get(
        "/models/{model_id}/runs", tags=["Models"], responses={200: {"headers": _COUNT_HEADER}, **answers(401, 403, 404, 422, 503)}
    )
    async def list_runs_of_model(
        principal: may_read, response: Response, model_id: shapes.ModelRefPath, query: Annotated[shapes.ModelRunsQuery, Query()]
    ) -> list[shapes.RunItem]:
        """Runs of a model, all versions, the newest first; of a deleted one, too."""
        uuid = await service.model_uuid(principal.realm, shapes.run_ref(model_id))
        if uuid is None:
            raise NotFoundError(f"there is no model {model_id}", field="model_id")
        wanted = ExecutionFilter(states=_states(query.status), model_id=uuid, limit=query.limit, offset=query.offset)
        page = await service.list_runs(principal.realm, wanted)
        response.headers["X-Total-Count"] = str(page.total)
        return [shapes.run_item(row) for row in page.rows]

    @routes.get("/models/{model_id}/versions/difference", tags=["Models"], responses=answers(401, 403, 404, 422, 503))
    async def get_difference(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[coverage_shapes.DifferenceQuery, Query()]
    ) -> coverage_shapes.DifferenceAnswer:
        """What has changed between two versions of a model, by meaning."""
        return coverage_shapes.difference_answer(
            await service.version_difference(principal.realm, shapes.run_ref(model_id), query.old, query.new)
        )

    @routes.get("/ping", tags=["Server"], responses=answers(401, 403, 503))
    async def ping(_principal: may_read) -> shapes.PingAnswer:
        """The API is up and the token is good."""
        return shapes.PingAnswer(message="OK")

    @routes.get("/status", tags=["Server"], responses=answers(401, 403, 503))
    async def status(principal: may_read) -> shapes.StatusAnswer:
        """The server's version, and how much work waits or is under way in the realm."""
        counts = await service.work(principal.realm)
        return shapes.StatusAnswer(status="ok", version=__version__, time=clock.now(), queued=counts.queued, running=counts.held)

    return routes


async def _written(answer: Callable[[], BaseModel]) -> Response:
    """An answer that may be large, made and written in a thread."""
    return Response(await asyncio.to_thread(lambda: answer().model_dump_json()), media_type="application/json")


def _states(status: shapes.RunStatus | None) -> frozenset[LifecycleState]:
    return frozenset() if status is None else shapes.states_of(status)


async def _filter(service: ReportService, realm: str, query: shapes.RunListQuery) -> ExecutionFilter | None:
    """None: no run can be meant."""
    model = None if query.model_id is None else await service.model_uuid(realm, shapes.run_ref(query.model_id))
    case = None if query.test_case is None else await service.case_uuid(realm, query.test_case)
    if query.model_id is not None and model is None:
        return None
    if query.tag is not None and query.task_instance_id is not None:
        raise RequestError("tag and task_instance_id each choose the runs; give one of them", field="task_instance_id")
    task = None if query.task_instance_id is None else f"{TASK_TAG}{query.task_instance_id}"
    return ExecutionFilter(
        states=_states(query.status),
        tag=task or query.tag,
        model_id=model,
        test_case=case,
        limit=query.limit,
        offset=query.offset,
    )
