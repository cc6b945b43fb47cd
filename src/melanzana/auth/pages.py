"""The pages of logging in and out, at Keycloak's addresses, and the short ones of our own (`/login`, `/logout`).

The authorization endpoint (`pages_login.py`) shows the login page and ends in a code for the client that asked. Our own pages are
such a client: `/login` begins, `/login/callback` redeems, so there is one way in for everybody.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import check_not_forged
from melanzana.access.records import Actor, Visitor
from melanzana.auth.local_paths import local_path
from melanzana.auth.login_binding import challenge_of
from melanzana.auth.pages_login import LoginFace, LoginPages, address_of, check_from_here, refuse_page, see_other
from melanzana.auth.public_clients import WEB, WEB_CALLBACK_PATH
from melanzana.errors import ForgedRequestError, LoginRefusedError, MelanzanaError, NotFoundError, RequestError, UnavailableError
from melanzana.users.cookies import clear_session_cookie

_REALM = "/auth/realms/{realm}"
_AUTHORIZE = f"{_REALM}/protocol/openid-connect/auth"
_ACTIONS = f"{_REALM}/login-actions"
_OWN = "own pages"
_STATUSES: dict[type[MelanzanaError], int] = {
    NotFoundError: 404,
    ForgedRequestError: 403,
    LoginRefusedError: 403,
    UnavailableError: 503,
    RequestError: 400,
}
_Handler = Callable[..., Awaitable[Response]]


def router(face: LoginFace) -> APIRouter:
    """Must stand before the realm's other addresses in the route table, since those answer everything else with 404."""
    routes = APIRouter(include_in_schema=False)
    login, own, leave = LoginPages(face), _OwnPages(face), _LogoutPages(face)
    page: dict[str, Any] = {"response_class": HTMLResponse}
    routes.get(_AUTHORIZE, **page)(_told(face, login.authorize))
    routes.post(f"{_ACTIONS}/authenticate", **page)(_told(face, login.authenticate))
    routes.post(f"{_ACTIONS}/consent", **page)(_told(face, login.consent))
    routes.get(f"{_ACTIONS}/provider/{{name}}", **page)(_told(face, login.to_provider))
    routes.get(f"{_REALM}/broker/{{name}}/endpoint", **page)(_told(face, login.from_provider))
    routes.get(f"{_REALM}/protocol/openid-connect/logout", **page)(_told(face, leave.ask))
    routes.get("/login", **page)(_told(face, own.begin))
    routes.get(WEB_CALLBACK_PATH, **page)(_told(face, own.callback))
    routes.post("/logout", **page)(_told(face, leave.logout))
    return routes


def _told(face: LoginFace, handler: _Handler) -> _Handler:
    """Errors of these pages are pages."""

    @wraps(handler)
    async def shown(*args: Any, **kwargs: Any) -> Response:
        try:
            return await handler(*args, **kwargs)
        except MelanzanaError as error:
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)
            if status is None:
                raise
            return refuse_page(face, kwargs["request"], error.message, status)

    return shown


class _OwnPages:
    """Our own pages as a client of the authorization endpoint."""

    def __init__(self, face: LoginFace) -> None:
        self._face = face
        self._base_url = face.realms.settings.base_url

    async def begin(self, request: Request) -> Response:
        """`/login?next=…&realm=…`: log in and come back to `next`; with `done`, a page that says first what is ready."""
        face, asked = self._face, request.query_params
        if asked.get("done") in {"account", "password"}:
            return face.pages.render(request, "auth/ready.html", without_login=True)
        realm, wanted = asked.get("realm") or face.realms.home, local_path(asked.get("next"))
        if request.url.netloc != urlsplit(self._base_url).netloc and "moved" not in asked:
            # The cookies of the login belong to the public address; a proxy that changes Host must not make this a circle.
            return see_other(f"{self._base_url}/login?" + urlencode({"realm": realm, "next": wanted, "moved": "1"}))
        visitor = await face.gate.visitor(request)
        if visitor is not None and visitor.principal.realm == realm:
            return see_other(wanted)
        await face.realms.current(realm)
        binding = face.binding.of(request) or face.binding.new()
        state = face.binding.state(binding, _OWN, {"next": wanted, "realm": realm})
        parameters = {
            "client_id": WEB.client_id,
            "redirect_uri": self._base_url + WEB_CALLBACK_PATH,
            "response_type": "code",
            "scope": "openid",
            "state": state,
            "code_challenge": challenge_of(face.binding.verifier(binding, state)),
            "code_challenge_method": "S256",
        }
        response = see_other(f"/auth/realms/{quote(realm)}/protocol/openid-connect/auth?{urlencode(parameters)}")
        face.binding.keep(response, binding)
        return response

    async def callback(self, request: Request) -> Response:
        face, answer = self._face, request.query_params
        binding, state = face.binding.of(request), answer.get("state", "")
        content = face.binding.content(binding, _OWN, state)
        if content is None or binding is None:
            return self._refuse(request, "this login was not begun in this browser, or it took too long")
        realm = content["realm"]
        if answer.get("iss") != face.realms.issuer(realm) or "code" not in answer:
            return self._refuse(request, "the login was not completed")
        verifier = face.binding.verifier(binding, state)
        session_id = await face.login.redeem_own(realm, answer["code"], self._base_url + WEB_CALLBACK_PATH, verifier)
        visitor = await face.gate.visitor(request)
        if visitor is None or session_id != visitor.session_id:
            return self._refuse(request, "this login was used already, or it took too long")
        response = see_other(local_path(content["next"]))
        face.binding.forget(response)
        return response

    def _refuse(self, request: Request, why: str) -> Response:
        return refuse_page(self._face, request, why)


class _LogoutPages:
    """Logging out: always asked for by a form of ours, so that no image or link does it."""

    def __init__(self, face: LoginFace) -> None:
        self._face = face
        self._base_url = face.realms.settings.base_url

    async def ask(self, realm: str, request: Request) -> Response:
        """Logout begun by a client (OpenID Connect RP-Initiated Logout): a page asks, whatever the client sent."""
        await self._face.realms.current(realm)
        visitor = await self._face.gate.visitor(request)
        wanted = request.query_params.get("post_logout_redirect_uri", "")
        onward = local_path(wanted.removeprefix(self._base_url)) if wanted in self._allowed() else "/login"
        return self._face.pages.render(request, "auth/logout.html", visitor=visitor, onward=onward, without_login=visitor is None)

    async def logout(self, request: Request) -> Response:
        visitor = await self._face.gate.visitor(request)
        onward = local_path(str((await request.form()).get("next") or "/login"))
        response = see_other(onward if self._base_url + onward in self._allowed() else "/login")
        if visitor is not None:
            await check_from_here(request, self._base_url)
            await check_not_forged(request, visitor.csrf_token)
            await self._face.users.end_session(visitor.session_id, _actor(visitor, request))
        clear_session_cookie(response, self._base_url)
        return response

    def _allowed(self) -> frozenset[str]:
        """Where a client may send people after they logged out."""
        return frozenset({f"{self._base_url}/login", f"{self._base_url}/"})


def _actor(visitor: Visitor, request: Request) -> Actor:
    who = visitor.principal.actor
    return Actor(kind=who.kind, id=who.id, name=who.name, address=address_of(request))
