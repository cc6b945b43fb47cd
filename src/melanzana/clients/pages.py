"""System > API Access: an admin makes, changes, renews and ends API clients, as the original product's page describes.

Every form works without script. A POST leads back by 303; only where a new secret is shown does it answer with a page of its own,
which is never kept and never repeated: the form it came from counts once, so a reload leads to the table. The file of credentials
is asked for with the ticket that this page carries (`downloads.py`).
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import PrincipalKind, Visitor
from melanzana.clients import downloads, forms
from melanzana.clients.forms import Given
from melanzana.clients.records import Client, ClientStatus, CreatedClient
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.web.pages import Pages

LIST = "/system/api-access"
_ONE = f"{LIST}/{{client_id}}"
_STATUS_KINDS = {ClientStatus.ACTIVE: "ok", ClientStatus.EXPIRED: "warn", ClientStatus.REVOKED: "off"}


def router(service: ClientService, gate: Gate, pages: Pages, clock: Clock) -> APIRouter:
    """The pages over `service`."""
    routes = APIRouter(include_in_schema=False)
    may_manage = Annotated[Visitor, Depends(gate.page(Scope.CLIENTS_MANAGE))]
    shown = _AccessPages(service, pages, clock)

    @routes.get(LIST, response_class=HTMLResponse)
    async def table(request: Request, visitor: may_manage, done: str = "") -> Response:
        return await shown.table(request, visitor, done)

    @routes.get(f"{LIST}/new", response_class=HTMLResponse)
    async def form(request: Request, visitor: may_manage) -> Response:
        return shown.form(request, visitor, Given())

    @routes.post(LIST, response_class=HTMLResponse)
    async def create(request: Request, visitor: may_manage) -> Response:
        return await shown.create(request, visitor)

    @routes.post(f"{LIST}/download", response_class=HTMLResponse)
    async def download(request: Request, visitor: may_manage) -> Response:
        return await shown.download(request, visitor)

    @routes.get(_ONE, response_class=HTMLResponse)
    async def one(request: Request, visitor: may_manage, client_id: str, done: str = "") -> Response:
        return await shown.one(request, visitor, client_id, done=done)

    @routes.post(_ONE, response_class=HTMLResponse)
    async def change(request: Request, visitor: may_manage, client_id: str) -> Response:
        return await shown.change(request, visitor, client_id)

    @routes.post(f"{_ONE}/regenerate", response_class=HTMLResponse)
    async def regenerate(request: Request, visitor: may_manage, client_id: str) -> Response:
        return await shown.regenerate(request, visitor, client_id)

    @routes.post(f"{_ONE}/revoke", response_class=HTMLResponse)
    async def revoke(request: Request, visitor: may_manage, client_id: str) -> Response:
        return await shown.revoke(request, visitor, client_id)

    return routes


class _AccessPages:
    """What the routes show."""

    def __init__(self, service: ClientService, pages: Pages, clock: Clock) -> None:
        self._service = service
        self._pages = pages
        self._clock = clock

    async def table(self, request: Request, visitor: Visitor, done: str) -> Response:
        """Every API client of the realm, the newest first, revoked ones last."""
        every = await self._service.list_clients(visitor.principal.realm, PrincipalKind.API_CLIENT)
        rows = [
            self._row(client) for client in sorted(every, key=lambda each: (each.revoked_at is None, each.created_at), reverse=True)
        ]
        return self._pages.render(request, "clients/table.html", visitor=visitor, rows=rows, done=done)

    def form(self, request: Request, visitor: Visitor, form: Given, error: RequestError | None = None) -> Response:
        """The form of Add New, or the one that was sent with what is wrong in it."""
        status = 200 if error is None else 422
        return self._pages.render(
            request, "clients/new.html", visitor=visitor, status=status, form_id=str(uuid4()), **_filled(form, error)
        )

    async def create(self, request: Request, visitor: Visitor) -> Response:
        form = forms.given(await request.form())

        async def make() -> CreatedClient:
            caller, fields = visitor.principal, forms.fields_of(form, self._clock.now())
            return await self._service.create_client(caller.realm, actor=caller.actor, **fields)

        try:
            return await self._with_secret(request, visitor, make)
        except NotFoundError:
            raise
        except RequestError as error:
            return self.form(request, visitor, form, error)

    async def one(
        self,
        request: Request,
        visitor: Visitor,
        client_id: str,
        *,
        form: Given | None = None,
        error: RequestError | None = None,
        done: str = "",
    ) -> Response:
        """The client's page; `error`: what was wrong with the form that was sent."""
        client = await self._own(visitor, client_id)
        status = 200 if error is None else 409 if isinstance(error, ConflictError) else 422
        return self._pages.render(
            request,
            "clients/client.html",
            visitor=visitor,
            status=status,
            form_id=str(uuid4()),
            row=self._row(client),
            old_secret_until=client.previous_until if client.previous_until and client.previous_until > self._clock.now() else None,
            proofs=forms.proofs_in_words(client),
            grace_options=forms.GRACE_OPTIONS,
            done=done,
            **_filled(form or forms.given_of(client), error, client),
        )

    async def change(self, request: Request, visitor: Visitor, client_id: str) -> Response:
        await self._own(visitor, client_id)
        caller, form = visitor.principal, forms.given(await request.form())
        try:
            fields = forms.fields_of(form, self._clock.now())
            await self._service.change_client(caller.realm, client_id, actor=caller.actor, **fields)
        except NotFoundError:
            raise
        except RequestError as error:
            return await self.one(request, visitor, client_id, form=form, error=error)
        return RedirectResponse(f"{LIST}/{client_id}?done=saved", 303)

    async def regenerate(self, request: Request, visitor: Visitor, client_id: str) -> Response:
        await self._own(visitor, client_id)
        sent = await request.form()
        grace, ends = str(sent.get("grace_seconds", "0")), sent.get("end_tokens") == "yes"

        async def renew() -> CreatedClient:
            if grace not in {value for value, _ in forms.GRACE_OPTIONS}:
                raise RequestError("choose how long the old secret works from the list", field="grace_seconds")
            caller, seconds = visitor.principal, int(grace)
            return await self._service.regenerate_secret(
                caller.realm, client_id, actor=caller.actor, grace_seconds=seconds, end_tokens=ends or None
            )

        try:
            return await self._with_secret(request, visitor, renew)
        except NotFoundError:
            raise
        except RequestError as error:
            return await self.one(request, visitor, client_id, error=error)

    async def revoke(self, request: Request, visitor: Visitor, client_id: str) -> Response:
        client = await self._own(visitor, client_id)
        if str((await request.form()).get("confirm", "")).strip() != client.name:
            error = RequestError("type the client's name exactly to revoke it", field="confirm")
            return await self.one(request, visitor, client_id, error=error)
        await self._service.revoke_client(client.realm, client_id, actor=visitor.principal.actor)
        return RedirectResponse(f"{LIST}?done=revoked", 303)

    async def download(self, request: Request, visitor: Visitor) -> Response:
        """The file of credentials, once."""
        ticket, caller = str((await request.form()).get("ticket", "")), visitor.principal
        created = await self._service.download(caller.realm, visitor.session_id, ticket, actor=caller.actor)
        if created is None:
            return self._pages.render(request, "clients/gone.html", visitor=visitor, status=410)
        headers = {
            "Content-Disposition": f'attachment; filename="{downloads.file_name(created.name)}"',
            "Cache-Control": "no-store",
            "Pragma": "no-cache",
        }
        return Response(downloads.credentials_csv(created), media_type="text/csv; charset=utf-8", headers=headers)

    async def _with_secret(self, request: Request, visitor: Visitor, verb: Callable[[], Awaitable[CreatedClient]]) -> Response:
        """Carry out the verb and show its secret, once a form: a second sending leads to the table."""
        form_id = str((await request.form()).get("form_id", ""))
        if not form_id or not await self._service.claim_form(visitor.session_id, form_id):
            return RedirectResponse(f"{LIST}?done=again", 303)
        created = await verb()
        ticket = self._service.ticket_for(created, visitor.session_id)
        return self._pages.render(request, "clients/secret.html", visitor=visitor, created=created, ticket=ticket, table=LIST)

    async def _own(self, visitor: Visitor, client_id: str) -> Client:
        client = await self._service.client(visitor.principal.realm, client_id)
        if client.kind is not PrincipalKind.API_CLIENT:
            raise NotFoundError(f"there is no API client {client_id!r}")
        return client

    def _row(self, client: Client) -> dict[str, Any]:
        status = client.status(self._clock.now())
        return {"client": client, "status": status, "kind": _STATUS_KINDS[status], "rights": forms.rights_in_words(client)}


def _filled(form: Given, error: RequestError | None, client: Client | None = None) -> dict[str, Any]:
    """What the fields of a form are filled with."""
    kept = [("keep", "As now")] if client is not None and client.expires_at is not None else []
    return {
        "given": form,
        "wrong": {} if error is None else {str(error.detail.get("field", "form")): error.message},
        "rights": forms.RIGHTS,
        "rights_options": forms.RIGHTS_OPTIONS,
        "expiry_options": (*kept, *forms.EXPIRY_OPTIONS),
    }
