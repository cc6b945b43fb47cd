"""`/client_service/api/v1/clients`: API clients of the caller's realm, for scripts of people who may manage them.

An API client has no say here, whatever its token carries: the product's rule is that it may do everything but this. The same verbs
stand behind System > API Access (`pages.py`). Agents' clients are managed with their agents.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal, PrincipalKind
from melanzana.clients import shapes
from melanzana.clients.records import Client, ClientStatus
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import InsufficientScopeError, NotFoundError
from melanzana.web.answers import answers

_ALL = "/client_service/api/v1/clients"
_ONE = f"{_ALL}/{{client_id}}"
_REASON = "API clients cannot manage API clients; an admin does that under System > API Access"
_Id = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[0-9A-Za-z:._-]+$", description="`client_id`")]
_Status = Annotated[ClientStatus | None, Query(description="Only those in this state.")]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


def router(service: ClientService, gate: Gate, clock: Clock) -> APIRouter:
    """The family over `service`."""
    routes = APIRouter(tags=["API clients"])
    may_manage = Annotated[Principal, Depends(_manager(gate))]

    @routes.get(_ALL, responses=answers(401, 403, 422, 503))
    async def list_clients(principal: may_manage, status: _Status = None) -> shapes.ClientList:
        """The realm's API clients, revoked and expired ones too."""
        every = await service.list_clients(principal.realm, PrincipalKind.API_CLIENT)
        now = clock.now()
        items = [shapes.client_item(client, now) for client in every if status is None or client.status(now) is status]
        return shapes.ClientList(items=items, total_count=len(items))

    @routes.post(_ALL, status_code=201, responses=answers(400, 401, 403, 413, 415, 422, 503))
    async def create_client(principal: may_manage, body: shapes.ClientBody, response: Response) -> shapes.CredentialsItem:
        """Make an API client. Its secret is in this answer and nowhere else."""
        fields = body.fields()
        created = await service.create_client(principal.realm, actor=principal.actor, with_secret=body.with_secret, **fields)
        _never_kept(response)
        return shapes.credentials_item(created)

    @routes.get(_ONE, responses=answers(401, 403, 404, 422, 503))
    async def get_client(principal: may_manage, client_id: _Id) -> shapes.ClientItem:
        """One API client."""
        return shapes.client_item(await _own(service, principal, client_id), clock.now())

    @routes.patch(_ONE, responses=_CHANGES)
    async def change_client(principal: may_manage, client_id: _Id, body: shapes.ClientChanges) -> shapes.ClientItem:
        """Set the fields that are given; the next request of the client's tokens is judged by them."""
        await _own(service, principal, client_id)
        client = await service.change_client(principal.realm, client_id, actor=principal.actor, **body.fields())
        return shapes.client_item(client, clock.now())

    @routes.post(f"{_ONE}/regenerate", responses=_CHANGES)
    async def regenerate_secret(
        principal: may_manage, client_id: _Id, response: Response, body: shapes.RegenerateBody | None = None
    ) -> shapes.CredentialsItem:
        """Give a new secret. Without a body the old one and its tokens end at once."""
        await _own(service, principal, client_id)
        how = body or shapes.RegenerateBody(grace_seconds=0, end_tokens=None)
        created = await service.regenerate_secret(
            principal.realm, client_id, actor=principal.actor, grace_seconds=how.grace_seconds, end_tokens=how.end_tokens
        )
        _never_kept(response)
        return shapes.credentials_item(created)

    @routes.delete(_ONE, status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def revoke_client(principal: may_manage, client_id: _Id) -> None:
        """End the client and its access tokens at once, for good. It stays in the list."""
        await _own(service, principal, client_id)
        await service.revoke_client(principal.realm, client_id, actor=principal.actor)

    return routes


def _manager(gate: Gate) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the person who may manage API clients."""
    requires = gate.requires(Scope.CLIENTS_MANAGE)

    async def manager(request: Request) -> Principal:
        try:
            caller = await requires(request)
        except InsufficientScopeError:
            raise InsufficientScopeError(_REASON, scope=Scope.CLIENTS_MANAGE.value) from None
        if caller.kind is not PrincipalKind.USER:
            raise InsufficientScopeError(_REASON, scope=Scope.CLIENTS_MANAGE.value)
        return caller

    return manager


async def _own(service: ClientService, principal: Principal, client_id: str) -> Client:
    """Errors: NotFoundError, for an agent's client as well."""
    client = await service.client(principal.realm, client_id)
    if client.kind is not PrincipalKind.API_CLIENT:
        raise NotFoundError(f"there is no API client {client_id!r}; an agent's keys are renewed with the agent")
    return client


def _never_kept(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
