"""The authorization endpoint: login page, consent page, and the ways by which people prove who they are.

A password, a provider's answer, or a session that is there already: each ends in `_finish`, a code for the client that asked.
`pages.py` has the routes. Every form is bound to its browser and to the request it answers (`login_binding.py`).
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from melanzana.access.gate import CSRF_FIELD, Gate
from melanzana.auth.external_login import ExternalLogin
from melanzana.auth.login import LoginService
from melanzana.auth.login_binding import LoginBinding
from melanzana.auth.login_records import AuthorizationRequest, Refusal
from melanzana.auth.login_requests import LONGEST_QUERY, opened_by_hand, read_request, with_parameters
from melanzana.clock import Clock
from melanzana.errors import ForgedRequestError, LoginRefusedError, RequestError
from melanzana.realms.service import RealmService
from melanzana.users.cookies import session_token, set_session_cookie
from melanzana.users.records import Session, User
from melanzana.users.service import UserService
from melanzana.web.pages import CONTENT_POLICY, Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFace:
    """Whom the login pages ask."""

    login: LoginService
    external: ExternalLogin
    users: UserService
    realms: RealmService
    binding: LoginBinding
    clock: Clock
    gate: Gate
    pages: Pages


def refuse_page(face: LoginFace, request: Request, why: str, status: int = 400) -> Response:
    return face.pages.render(request, "auth/refused.html", status=status, why=why, without_login=True)


class LoginPages:
    """Authorization endpoint and what its page leads to."""

    def __init__(self, face: LoginFace) -> None:
        self._face = face
        self._base_url = face.realms.settings.base_url

    async def authorize(self, realm: str, request: Request) -> Response:
        await self._demand_open(realm)
        pairs = _pairs(request)
        if opened_by_hand(pairs):
            return see_other("/login?" + urlencode({"realm": realm}))
        asked = read_request(realm, pairs, self._base_url)
        if isinstance(asked, Refusal):
            return self._refuse(request, realm, asked)
        person = await self._person(request, realm)
        if person is not None and self._again(asked, person[1]):
            person = None
        if "none" in asked.prompt and (person is None or asked.client.native):
            return self._back(asked, error="login_required" if person is None else "interaction_required")
        if person is None:
            return await self._form(request, asked)
        return await (self._ask_consent(request, asked, person[0]) if asked.client.native else self._finish(asked, *person))

    async def authenticate(self, realm: str, request: Request) -> Response:
        await self._demand_open(realm)
        asked = await self._asked_by_form(request, realm)
        if isinstance(asked, Refusal):
            return self._refuse(request, realm, asked)
        form = await request.form()
        username, password = form.get("username"), form.get("password")
        if not isinstance(username, str) or not isinstance(password, str):
            raise RequestError("the form has a username and a password")
        try:
            user = await self._face.users.check_password(realm, username, password, address_of(request))
        except LoginRefusedError:
            return await self._form(request, asked, username=username, wrong=True)
        return await self._log_in(request, asked, user)

    async def consent(self, realm: str, request: Request) -> Response:
        """A logged-in person lets the command line of their machine act for them (RFC 8252 section 8.6)."""
        await self._demand_open(realm)
        asked = await self._asked_by_form(request, realm)
        if isinstance(asked, Refusal):
            return self._refuse(request, realm, asked)
        person = await self._person(request, realm)
        if person is None:
            return await self._form(request, asked)
        if (await request.form()).get("answer") != "yes":
            return self._back(asked, error="access_denied", error_description="The person refused")
        return await self._finish(asked, *person)

    async def to_provider(self, realm: str, name: str, request: Request) -> Response:
        await self._demand_open(realm)
        asked = read_request(realm, _pairs(request), self._base_url)
        if isinstance(asked, Refusal):
            return self._refuse(request, realm, asked)
        binding = self._face.binding.of(request) or self._face.binding.new()
        again = "login" in asked.prompt
        response = see_other(await self._face.external.begin(realm, name, binding, asked.query, again=again))
        self._face.binding.keep(response, binding)
        return response

    async def from_provider(self, realm: str, name: str, request: Request) -> Response:
        await self._demand_open(realm)
        answer = dict(_pairs(request))
        proven = await self._face.external.complete(realm, name, self._face.binding.of(request), answer)
        asked = read_request(realm, parse_qsl(proven.query, keep_blank_values=True), self._base_url)
        if isinstance(asked, Refusal):
            return self._refuse(request, realm, asked)
        who = (proven.provider.issuer, proven.subject, proven.name, proven.email, proven.role)
        user = await self._face.users.link_external(realm, *who)
        await self._face.login.note_external(user, proven.provider, address_of(request))
        return await self._log_in(request, asked, user)

    async def _log_in(self, request: Request, asked: AuthorizationRequest, user: User) -> Response:
        """A new session with a new cookie; the one that the browser had before ends."""
        replacing = session_token(request, self._base_url)
        agent = request.headers.get("user-agent", "")
        opened = await self._face.users.open_session(user, address_of(request), agent, replacing=replacing)
        response = await self._finish(asked, user, opened.session)
        set_session_cookie(response, opened.token, self._base_url)
        return response

    async def _finish(self, asked: AuthorizationRequest, user: User, session: Session) -> Response:
        code = await self._face.login.give_code(asked, user, session)
        return self._back(asked, code=code)

    def _back(self, asked: AuthorizationRequest, **answer: str) -> Response:
        """To the client, with the issuer beside the answer (RFC 9207)."""
        issuer = self._face.realms.issuer(asked.realm)
        return see_other(with_parameters(asked.redirect_uri, **answer, state=asked.state, iss=issuer))

    def _refuse(self, request: Request, realm: str, refusal: Refusal) -> Response:
        if refusal.redirect_uri is None:
            return refuse_page(self._face, request, refusal.description)
        answer = {"error": refusal.error, "error_description": refusal.description, "state": refusal.state}
        return see_other(with_parameters(refusal.redirect_uri, **answer, iss=self._face.realms.issuer(realm)))

    async def _form(self, request: Request, asked: AuthorizationRequest, username: str = "", wrong: bool = False) -> Response:
        face = self._face
        binding = face.binding.of(request) or face.binding.new()
        path = f"/auth/realms/{quote(asked.realm)}/login-actions"
        buttons = await face.external.buttons(asked.realm)
        response = face.pages.render(
            request,
            "auth/login.html",
            headers=_policy(asked),
            without_login=True,
            client=asked.client,
            realm=asked.realm,
            username=username or asked.login_hint,
            wrong=wrong,
            action=f"{path}/authenticate?{asked.query}",
            buttons=[(one.display_name, f"{path}/provider/{quote(one.name)}?{asked.query}") for one in buttons],
            csrf_token=face.binding.form_token(binding, _purpose(asked)),
        )
        face.binding.keep(response, binding)
        return response

    async def _ask_consent(self, request: Request, asked: AuthorizationRequest, user: User) -> Response:
        face = self._face
        binding = face.binding.of(request) or face.binding.new()
        response = face.pages.render(
            request,
            "auth/consent.html",
            headers=_policy(asked),
            without_login=True,
            client=asked.client,
            person=user,
            action=f"/auth/realms/{quote(asked.realm)}/login-actions/consent?{asked.query}",
            csrf_token=face.binding.form_token(binding, _purpose(asked)),
        )
        face.binding.keep(response, binding)
        return response

    async def _asked_by_form(self, request: Request, realm: str) -> AuthorizationRequest | Refusal:
        """The request that one of our forms of this browser carries. Errors: ForgedRequestError."""
        asked = read_request(realm, _pairs(request), self._base_url)
        if isinstance(asked, Refusal):
            return asked
        await check_from_here(request, self._base_url)
        presented = (await request.form()).get(CSRF_FIELD)
        if not self._face.binding.is_form_token(self._face.binding.of(request), _purpose(asked), presented):
            raise ForgedRequestError("this form is out of date, or cookies are switched off: begin again")
        return asked

    async def _person(self, request: Request, realm: str) -> tuple[User, Session] | None:
        visitor = await self._face.gate.visitor(request)
        if visitor is None or visitor.principal.realm != realm:
            return None
        return await self._face.users.live_session(realm, visitor.session_id)

    def _again(self, asked: AuthorizationRequest, session: Session) -> bool:
        age = (self._face.clock.now() - session.created_at).total_seconds()
        return not asked.prompt.isdisjoint({"login", "select_account"}) or (
            asked.max_age_seconds is not None and age > asked.max_age_seconds
        )

    async def _demand_open(self, realm: str) -> None:
        if not (await self._face.realms.current(realm)).enabled:
            raise LoginRefusedError("this realm is switched off")


async def check_from_here(request: Request, base_url: str) -> None:
    """The browser does not say that another site sent this form. Errors: ForgedRequestError."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    parts = urlsplit(base_url)
    elsewhere = site not in {None, "same-origin", "none"} or (
        site is None and origin not in {"null", f"{parts.scheme}://{parts.netloc}"}
    )
    if elsewhere:
        raise ForgedRequestError("this form was sent by another site")


def _policy(asked: AuthorizationRequest) -> dict[str, str]:
    """The form's answer leads to the client, and Chromium holds `form-action` against that, too: so the loopback port is named."""
    if not asked.client.native:
        return {}
    parts = urlsplit(asked.redirect_uri)
    return {
        "Content-Security-Policy": CONTENT_POLICY.replace(
            "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
        )
    }


def _pairs(request: Request) -> list[tuple[str, str]]:
    """The query, decoded. Errors: RequestError."""
    if len(request.url.query) > LONGEST_QUERY:
        raise RequestError(f"the address has more than {LONGEST_QUERY} characters of parameters")
    return list(request.query_params.multi_items())


def _purpose(asked: AuthorizationRequest) -> str:
    return f"{asked.realm}?{asked.query}"


def see_other(location: str) -> Response:
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
