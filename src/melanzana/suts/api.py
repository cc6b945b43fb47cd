"""`/sut_service/api/v1/suts`: systems under test and their locks.

List, create and unlock are calls of the original product. Unlocking asks the run that has the lock to end, since two runs must
never be at work on one system; `force` takes it away at once.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Query, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.suts import shapes
from melanzana.suts.records import Sut
from melanzana.suts.service import SutService
from melanzana.web.answers import answers

PREFIX = "/sut_service/api/v1/suts"
#: Of the original's public API: the same records.
PUBLIC_PREFIX = "/api/v2/suts"
_SutId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$", description="`id` of the system under test.")]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


class Agents(Protocol):
    """Who knows agents by name: the agents' service, which stands above this room."""

    async def id_of(self, realm: str, ref: int | str) -> int: ...

    async def names(self, realm: str, agent_ids: Sequence[int]) -> Mapping[int, str]: ...


class Executions(Protocol):
    """Who can end a run: the executions' service, which stands above this room."""

    async def abort(self, realm: str, ref: str | int, by: str = "") -> object: ...


def router(service: SutService, gate: Gate, agents: Agents, executions: Executions) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(prefix=PREFIX, tags=["Systems under test"])
    _add_records(routes, service, gate, agents)
    _add_lock(routes, service, gate, executions)
    return routes


def public_router(service: SutService, gate: Gate, agents: Agents) -> APIRouter:
    """The records once more, where the original's public API has them; locks are not there."""
    routes = APIRouter(prefix=PUBLIC_PREFIX, tags=["Public API v2"])
    _add_records(routes, service, gate, agents)
    return routes


def _add_records(routes: APIRouter, service: SutService, gate: Gate, agents: Agents) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.SUTS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.SUTS_WRITE))]

    async def item(sut: Sut, ignored: list[str] | None = None) -> shapes.SutItem:
        return shapes.sut_item(sut, await agents.names(sut.realm, sut.environments), ignored)

    @routes.get("", responses=answers(401, 403, 422, 503))
    async def list_suts(
        principal: may_read,
        status: Annotated[shapes.Filter, Query(description="Only those in this status.")] = "All",
    ) -> shapes.SutListAnswer:
        """The systems under test of the realm, by name."""
        found = [sut for sut in await service.list(principal.realm) if shapes.fits(sut, status)]
        names = await agents.names(principal.realm, sorted({agent for sut in found for agent in sut.environments}))
        return shapes.SutListAnswer(items=[shapes.sut_item(sut, names) for sut in found], total_count=len(found))

    @routes.post("", status_code=201, responses=_CHANGES)
    async def create_sut(principal: may_write, body: shapes.SutBody, response: Response) -> shapes.SutItem:
        """Make a system under test known. Secrets of its connections are sealed and never given back."""
        ignored = body.ignored()
        draft = body.draft(await _environments(agents, principal.realm, body.execution_environments))
        sut = await service.create(principal.realm, draft, actor=principal.actor)
        response.headers["Location"] = f"{routes.prefix}/{sut.id}"
        return await item(sut, ignored)

    @routes.get("/{sut_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_sut(principal: may_read, sut_id: _SutId) -> shapes.SutItem:
        """One system under test."""
        return await item(await service.get(principal.realm, sut_id))

    @routes.put("/{sut_id}", responses=_CHANGES)
    async def replace_sut(principal: may_write, sut_id: _SutId, body: shapes.SutBody) -> shapes.SutItem:
        """Give it other values; what is left out becomes the default. A connection with `uuid` keeps secrets it does not name."""
        ignored = body.ignored()
        draft = body.draft(await _environments(agents, principal.realm, body.execution_environments))
        return await item(await service.replace(principal.realm, sut_id, draft, actor=principal.actor), ignored)

    @routes.delete("/{sut_id}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def delete_sut(principal: may_write, sut_id: _SutId) -> None:
        """Forget a system under test that no run has."""
        await service.delete(principal.realm, sut_id, actor=principal.actor)


def _add_lock(routes: APIRouter, service: SutService, gate: Gate, executions: Executions) -> None:
    may_write = Annotated[Principal, Depends(gate.requires(Scope.SUTS_WRITE))]
    asked: dict[int | str, dict[str, Any]] = {
        202: {
            "model": shapes.UnlockAnswer,
            "description": "The run that has it was asked to end.",
        },
        204: {"description": "It is free.", "model": None},
    }

    @routes.delete("/{sut_id}/lock", status_code=204, response_model=None, responses={**asked, **answers(401, 403, 404, 422, 503)})
    async def unlock_sut(
        principal: may_write,
        sut_id: _SutId,
        response: Response,
        force: Annotated[
            bool, Query(description="true: free it at once, though code of the run may still be at work on it.")
        ] = False,
    ) -> shapes.UnlockAnswer | None:
        """End the lock: the run that has it is aborted. Without a lock nothing happens."""
        sut = await service.get(principal.realm, sut_id)
        if sut.lock is None:
            return None
        if force:
            await service.force_unlock(principal.realm, sut_id, actor=principal.actor)
        else:
            await service.note_unlock(sut, actor=principal.actor)
        await _abort(executions, principal, sut.lock.run_id)
        after = await service.get(principal.realm, sut_id)
        if after.lock is None or after.lock.run_id != sut.lock.run_id:
            return None
        response.status_code = 202
        return shapes.UnlockAnswer(
            status=after.status, execution_id=after.lock.execution_id, free_at_the_latest=after.lock.expires_at
        )


async def _abort(executions: Executions, principal: Principal, run_id: int) -> None:
    try:
        await executions.abort(principal.realm, run_id, principal.client_id)
    except (ConflictError, NotFoundError):
        return  # it ended meanwhile, and the lock with it


async def _environments(agents: Agents, realm: str, names: list[str]) -> tuple[int, ...]:
    """Ids of the agents with these names. Raises RequestError for a name that nobody has."""
    ids = []
    for number, name in enumerate(names):
        try:
            ids.append(await agents.id_of(realm, name))
        except NotFoundError:
            message = f"there is no execution environment {name!r}; GET /ai/agents lists what there is"
            raise RequestError(message, field=f"execution_environments.{number}") from None
    return tuple(ids)
