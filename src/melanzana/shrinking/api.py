"""`/execution_service/api/v1/…/replay`, `…/shrink` and `/shrinks`: a run's steps again, and the smallest of them that fail."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.shrinking.records import Wish
from melanzana.shrinking.service import ShrinkService
from melanzana.shrinking.shapes import ExecutionPath, KeepBody, ReplayAnswer, SearchAnswer, SearchPath, ShrinkBody, answer, ref
from melanzana.web.answers import answers

PREFIX = "/execution_service/api/v1"
_RunQuery = Annotated[int | None, Query(ge=1, le=2**53, description="Only those of this run.")]


def router(service: ShrinkService, gate: Gate) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(prefix=PREFIX, tags=["Execution"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_READ))]
    may_start = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_START))]
    may_abort = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_ABORT))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]

    @routes.post("/executions/{execution_id}/replay", status_code=201, responses=answers(401, 403, 404, 409, 410, 422, 503))
    async def replay_execution(principal: may_start, execution_id: ExecutionPath) -> ReplayAnswer:
        """Perform the steps of a run that has ended again, with the same values, as a new execution."""
        started = await service.replay(principal.realm, ref(execution_id), principal)
        return ReplayAnswer(execution_id=started.id, run_id=started.run_id)

    @routes.post(
        "/executions/{execution_id}/shrink", status_code=202, responses=answers(400, 401, 403, 404, 409, 410, 413, 415, 422, 503)
    )
    async def shrink_execution(principal: may_start, execution_id: ExecutionPath, body: ShrinkBody | None = None) -> SearchAnswer:
        """Look for the smallest walk that fails as a run did, by performing ever smaller ones, one after another."""
        wanted = body or ShrinkBody()  # type: ignore[call-arg]
        wish = Wish(performances=wanted.performances, seconds=wanted.seconds, repeat=wanted.repeat)
        return answer(await service.begin(principal.realm, ref(execution_id), wish, principal))

    @routes.get("/shrinks", responses=answers(401, 403, 422, 503))
    async def list_shrinks(principal: may_read, run_id: _RunQuery = None) -> list[SearchAnswer]:
        """The newest 50 searches."""
        return [answer(one) for one in await service.list(principal.realm, run_id)]

    @routes.get("/shrinks/{search_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_shrink(principal: may_read, search_id: SearchPath) -> SearchAnswer:
        """How one stands, with the smallest failing walk until now."""
        return answer(await service.get(principal.realm, search_id))

    @routes.delete("/shrinks/{search_id}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def abort_shrink(principal: may_abort, search_id: SearchPath) -> None:
        """End a search; the performance under way is aborted. Sent again, the answer is the same."""
        await service.abort(principal.realm, search_id)

    @routes.post(
        "/shrinks/{search_id}/test-case", status_code=201, responses=answers(400, 401, 403, 404, 409, 410, 413, 415, 422, 503)
    )
    async def keep_shrink(principal: may_write, search_id: SearchPath, body: KeepBody | None = None) -> SearchAnswer:
        """Add the smallest failing walk to the model's test cases, as a new version of the model."""
        name = None if body is None else body.name
        return answer(await service.keep(principal.realm, search_id, name, principal.name))

    return routes
