"""The door of every room: who is calling, and may they.

A route of the REST API declares `Depends(gate.requires(Scope.…))` and gets the caller of the access token; it is taken from the
Authorization header and from nowhere else (RFC 6750 sections 2.2 and 2.3 are left out on purpose: addresses and forms end up in
logs). A page declares `Depends(gate.page(Scope.…))` and gets the person of the browser session; its forms carry the session's token
against forged requests. `server/services.py` gives the gate its two believers.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from melanzana.access.permissions import Scope
from melanzana.access.records import Principal, Visitor
from melanzana.errors import ForgedRequestError, InsufficientScopeError, InvalidTokenError, LoginNeededError

#: Believes an access token or raises InvalidTokenError.
Believer = Callable[[Request, str], Awaitable[Principal]]
#: The person whose session cookie the request carries; None without a living session.
Recogniser = Callable[[Request], Awaitable[Visitor | None]]

CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


async def _nobody(_request: Request) -> Visitor | None:
    return None


class Gate:
    """Lets callers with the right permission through."""

    def __init__(self, believe: Believer, recognise: Recogniser = _nobody) -> None:
        self._believe = believe
        self._recognise = recognise

    def requires(self, scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
        """A FastAPI dependency that gives the caller of the REST API.

        Errors: InvalidTokenError without a valid token; InsufficientScopeError when the token does not carry `scope`.
        """

        async def principal(request: Request) -> Principal:
            caller = await self._believe(request, bearer_token(request))
            if scope not in caller.scopes:
                raise InsufficientScopeError(f"the access token does not carry the scope {scope}", scope=scope.value)
            return caller

        return principal

    def page(self, scope: Scope | None = None) -> Callable[[Request], Awaitable[Visitor]]:
        """A FastAPI dependency that gives the person in front of a page; `scope` None: anybody who is logged in.

        Errors: LoginNeededError without a session; ForgedRequestError when a changing request does not prove that one of our own
        pages sent it; InsufficientScopeError.
        """

        async def visitor(request: Request) -> Visitor:
            person = await self._recognise(request)
            if person is None:
                raise LoginNeededError("log in first")
            if request.method not in _SAFE_METHODS:
                await check_not_forged(request, person.csrf_token)
            if scope is not None and scope not in person.principal.scopes:
                raise InsufficientScopeError(f"your account does not have the permission {scope}", scope=scope.value)
            return person

        return visitor

    async def visitor(self, request: Request) -> Visitor | None:
        """The person in front of a page that anybody may see; None for a stranger."""
        return await self._recognise(request)


@dataclass(frozen=True, slots=True)
class Presentation:
    """The access token of a request, and the way it was presented."""

    token: str
    bound: bool  #: scheme DPoP (RFC 9449): with a proof of the key that the token is bound to


def presented(request: Request) -> Presentation:
    """The token of the one Authorization header; its scheme may be in any case (the product's own page writes `bearer`).

    Errors: InvalidTokenError.
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        raise InvalidTokenError("this needs an access token: send the header Authorization: Bearer <access token>", missing=True)
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() not in {"bearer", "dpop"} or not token:
        raise InvalidTokenError("send exactly one header Authorization: Bearer <access token>")
    return Presentation(token, scheme.lower() == "dpop")


def bearer_token(request: Request) -> str:
    """The access token of the request, however it was presented. Errors: InvalidTokenError."""
    return presented(request).token


async def check_not_forged(request: Request, expected: str) -> None:
    """The form field or header carries the expected token, and the browser does not say that another site sent the request.

    Errors: ForgedRequestError.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ForgedRequestError("this form was sent by another site")
    presented = request.headers.get(CSRF_HEADER) or (await request.form()).get(CSRF_FIELD)
    if not isinstance(presented, str) or not hmac.compare_digest(presented.encode(), expected.encode()):
        raise ForgedRequestError("this form is out of date: load the page again and send it once more")
