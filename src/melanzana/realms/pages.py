"""System > Keys and realms: token settings and signing keys of the visitor's realm; for visitors of the home realm, every realm's.

Every form works without script: a POST does one thing and leads back by 303; what was wrong with it stands on the same page.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.realms.records import ALGORITHMS, LONGEST_TOKEN_SECONDS, SHORTEST_TOKEN_SECONDS, TOKEN_TYPES, KeyState, RealmChange
from melanzana.realms.service import RealmService
from melanzana.realms.shapes import everything_until
from melanzana.web.pages import Pages

REALMS = "/system/realms"
_ONE = f"{REALMS}/{{realm}}"
#: How each state looks.
STATES = {KeyState.NEXT: "now", KeyState.ACTIVE: "ok", KeyState.PASSIVE: "off", KeyState.DISABLED: "bad"}
_TYPES = tuple(zip(TOKEN_TYPES, ("JWT: as the original product's", "at+jwt: as RFC 9068 wants it"), strict=True))
_Text = Annotated[str, Form()]
_Verb = Callable[[], Awaitable[object]]


def router(service: RealmService, gate: Gate, pages: Pages) -> APIRouter:
    """The pages of realms and keys."""
    routes = APIRouter(include_in_schema=False)
    shown = _RealmPages(service, pages)
    may_manage = Annotated[Visitor, Depends(gate.page(Scope.REALMS_MANAGE))]

    @routes.get(REALMS, response_class=HTMLResponse)
    async def own_realm(request: Request, visitor: may_manage) -> Response:
        return await shown.one(request, visitor, visitor.principal.realm)

    @routes.post(REALMS, response_class=HTMLResponse)
    async def create_realm(request: Request, visitor: may_manage, name: _Text = "") -> Response:
        service.demand_home(visitor.principal.realm)
        try:
            made = await service.create_realm(name, visitor.principal.actor)
        except RequestError as error:
            return await shown.one(request, visitor, visitor.principal.realm, error, given={"name": name})
        return _to(made.name, "created")

    @routes.get(_ONE, response_class=HTMLResponse)
    async def one_realm(request: Request, visitor: may_manage, realm: str) -> Response:
        return await shown.one(request, visitor, realm)

    @routes.post(_ONE, response_class=HTMLResponse)
    async def change_realm(  # noqa: PLR0917 - one parameter a field
        request: Request, visitor: may_manage, realm: str, token_type: _Text = "", algorithm: _Text = "", token_seconds: _Text = ""
    ) -> Response:
        given = {"token_type": token_type, "algorithm": algorithm, "token_seconds": token_seconds}
        seconds = int(token_seconds) if token_seconds.isdecimal() and len(token_seconds) < 10 else 0
        change = RealmChange(token_type=token_type or None, algorithm=algorithm or None, token_seconds=seconds)
        save = partial(service.change_realm, realm, change, visitor.principal.actor)
        return await shown.done(request, visitor, realm, save, given)

    _add_actions(routes, service, shown, may_manage)
    return routes


def _add_actions(routes: APIRouter, service: RealmService, shown: "_RealmPages", may_manage: Any) -> None:
    @routes.post(f"{_ONE}/enabled", response_class=HTMLResponse)
    async def enable(request: Request, visitor: may_manage, realm: str, enabled: _Text = "") -> Response:
        service.demand_home(visitor.principal.realm)
        change = RealmChange(enabled=enabled == "yes")
        verb = partial(service.change_realm, realm, change, visitor.principal.actor)
        return await shown.done(request, visitor, realm, verb, word="enabled" if change.enabled else "disabled")

    @routes.post(f"{_ONE}/not-before", response_class=HTMLResponse)
    async def end_tokens(request: Request, visitor: may_manage, realm: str) -> Response:
        change = RealmChange(not_before=everything_until(service.now()))
        verb = partial(service.change_realm, realm, change, visitor.principal.actor)
        return await shown.done(request, visitor, realm, verb, word="logged-out")

    @routes.post(f"{_ONE}/keys", response_class=HTMLResponse)
    async def rotate(request: Request, visitor: may_manage, realm: str) -> Response:
        verb = partial(service.rotate_key, realm, visitor.principal.actor)
        return await shown.done(request, visitor, realm, verb, word="rotated")

    @routes.post(f"{_ONE}/keys/{{kid}}/disable", response_class=HTMLResponse)
    async def disable(request: Request, visitor: may_manage, realm: str, kid: str) -> Response:
        verb = partial(service.disable_key, realm, kid, visitor.principal.actor)
        return await shown.done(request, visitor, realm, verb, word="disabled-key")

    @routes.post(f"{_ONE}/keys/{{kid}}/remove", response_class=HTMLResponse)
    async def remove(request: Request, visitor: may_manage, realm: str, kid: str) -> Response:
        verb = partial(service.remove_key, realm, kid, visitor.principal.actor)
        return await shown.done(request, visitor, realm, verb, word="removed-key")


class _RealmPages:
    """What several of the routes show."""

    def __init__(self, service: RealmService, pages: Pages) -> None:
        self._service = service
        self._pages = pages

    async def done(
        self,
        request: Request,
        visitor: Visitor,
        realm: str,
        verb: Callable[[], Awaitable[object]],
        given: dict[str, str] | None = None,
        *,
        word: str = "saved",
    ) -> Response:
        """Carry the verb out on a realm within reach, and lead back to it with that word; when it was refused, say why."""
        await self._service.reach(visitor.principal.realm, realm)
        try:
            await verb()
        except NotFoundError:
            raise
        except RequestError as error:
            return await self.one(request, visitor, realm, error, given)
        return _to(realm, word)

    async def one(
        self,
        request: Request,
        visitor: Visitor,
        name: str,
        error: RequestError | None = None,
        given: dict[str, str] | None = None,
    ) -> Response:
        """The realm's page. `given`: what was sent, when `error` says that it was wrong."""
        realm = await self._service.reach(visitor.principal.realm, name)
        settings = {"token_type": realm.token_type, "algorithm": realm.algorithm, "token_seconds": str(realm.token_seconds)}
        return self._pages.render(
            request,
            "realms/realm.html",
            visitor=visitor,
            status=200 if error is None else 409 if isinstance(error, ConflictError) else 422,
            realm=realm,
            not_before=datetime.fromtimestamp(realm.not_before, UTC) if realm.not_before else None,
            issuer=self._service.issuer(realm.name),
            home=self._service.home,
            may_make=visitor.principal.realm == self._service.home,
            realms=await self._service.within_reach(visitor.principal.realm),
            keys=await self._service.keys(name),
            states=STATES,
            given={"name": "", **settings, **(given or {})},
            wrong=_wrong(error) if error else {},
            types=_TYPES,
            algorithms=[(algorithm, algorithm) for algorithm in ALGORITHMS],
            limits=(SHORTEST_TOKEN_SECONDS, LONGEST_TOKEN_SECONDS),
        )


def _to(realm: str, word: str) -> Response:
    return RedirectResponse(f"{REALMS}/{realm}?done={word}", 303)


def _wrong(error: RequestError) -> dict[str, str]:
    """What is wrong, to stand beside its field, which is named by its label there."""
    field = str(error.detail.get("field", "form"))
    return {field: re.sub(rf"^{field} is ", "must be ", error.message)}
