"""The door of every route but the token endpoint: who is calling, and may they.

A route declares `Depends(gate.requires(Scope.…))`; the service verifies the token. The token is taken from the Authorization header
and from nowhere else (RFC 6750 sections 2.2 and 2.3 are left out on purpose: addresses and forms end up in logs).
"""

from collections.abc import Awaitable, Callable

from fastapi import Request

from melanzana.auth.permissions import Scope
from melanzana.auth.records import Principal
from melanzana.auth.service import AuthService
from melanzana.errors import InsufficientScopeError, InvalidTokenError


class Gate:
    """Lets callers with the right permission through."""

    def __init__(self, service: AuthService) -> None:
        self._service = service

    def requires(self, scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
        """A FastAPI dependency that gives the caller.

        Errors: InvalidTokenError without a valid token; InsufficientScopeError when the token does not carry `scope`.
        """

        async def principal(request: Request) -> Principal:
            caller = await self._service.verify_token(bearer_token(request))
            if scope not in caller.scopes:
                raise InsufficientScopeError(f"the access token does not carry the scope {scope}", scope=scope.value)
            return caller

        return principal


def bearer_token(request: Request) -> str:
    """The token of the one Authorization header; its scheme may be in any case (the product's own page writes `bearer`).

    Errors: InvalidTokenError.
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        raise InvalidTokenError("this needs an access token: send the header Authorization: Bearer …", missing=True)
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token:
        raise InvalidTokenError("send exactly one header Authorization: Bearer … with one access token")
    return token
