"""The OAuth endpoints of a realm, in Keycloak's form: token, introspect, revoke, userinfo, logout.

Bodies, statuses and their order are Keycloak's, with the deviations of ADR 0004 and 0014. The endpoints read their forms themselves
(`calls.py`), since neither a form parser nor a body model knows the rules of RFC 6749. The token endpoint is what a server is asked
most, so its router comes first of all; the one that answers for addresses that are not there comes after the login pages, which
share the prefix.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response

from melanzana.auth import calls, documents, introspection, token_request
from melanzana.auth.answers import NO_STORE, http_error, oauth_answers
from melanzana.auth.service import AuthService
from melanzana.auth.shapes import GivenTokenForm, Introspection, LogoutForm, TokenAnswer, TokenForm, body_of, token_answer
from melanzana.errors import OAuthError
from melanzana.realms.records import Realm
from melanzana.realms.service import RealmService

_PREFIX = "/auth/realms/{realm}"
_OIDC = "protocol/openid-connect"
_TOKEN, _INTROSPECT, _REVOKE = f"{_OIDC}/token", f"{_OIDC}/token/introspect", f"{_OIDC}/revoke"
_USERINFO, _LOGOUT = f"{_OIDC}/userinfo", f"{_OIDC}/logout"
#: Which methods each address knows; every other address of a realm is not there.
_METHODS: dict[str | None, str] = {
    **dict.fromkeys((_TOKEN, _INTROSPECT, _REVOKE), "POST"),
    **dict.fromkeys((None, *documents.PATHS), "GET"),
    _USERINFO: "GET, POST",
    _LOGOUT: "POST",
}
_LOGIN_METHODS: dict[str | None, str] = {f"{_OIDC}/auth": "GET, POST", _LOGOUT: "GET, POST", "login-actions/authenticate": "POST"}
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
RealmName = Annotated[str, Path(description="Name of the realm, `eggplant` unless set otherwise.")]


def router(service: AuthService, realms: RealmService) -> APIRouter:
    """The routes under `/auth/realms/{realm}`, and the metadata that RFC 8414 puts in front of it."""
    routes = APIRouter(tags=["Authentication"])

    async def enabled(realm: RealmName) -> Realm:
        """The realm of the address; what comes after looks at the database again. Errors: NotFoundError, OAuthError."""
        found = await realms.realm(realm)
        if not found.enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        return found

    EnabledRealm = Annotated[Realm, Depends(enabled)]

    @routes.post(
        f"{_PREFIX}/{_TOKEN}",
        summary="Get an access token",
        response_model=TokenAnswer,
        responses=oauth_answers(400, 401, 403, 404, 405, 413, 415, 429, 503),
        openapi_extra=body_of(TokenForm),
    )
    async def token(realm: EnabledRealm, request: Request) -> Response:
        parameters = await calls.read_parameters(request)
        grant_type = token_request.check_grant_type(parameters, service.handlers)
        call = calls.call_of(realm.name, request, parameters)
        if grant_type != "client_credentials":
            token_request.check_not_duplicated(parameters)
        grant = await service.grant(await service.with_proof(call, request))
        not_before = (await realms.realm(realm.name)).not_before
        return JSONResponse(token_answer(grant, not_before), headers=NO_STORE)

    @routes.post(
        f"{_PREFIX}/{_INTROSPECT}",
        summary="Ask about a token",
        response_model=Introspection,
        responses=oauth_answers(400, 401, 403, 404, 405, 413, 415, 429, 503),
        openapi_extra=body_of(GivenTokenForm),
    )
    async def introspect(realm: EnabledRealm, request: Request) -> Response:
        return JSONResponse(await service.introspect(await calls.read_call(realm.name, request)), headers=NO_STORE)

    @routes.post(
        f"{_PREFIX}/{_REVOKE}",
        summary="End a token",
        description="An unknown, expired or unreadable token is answered with 200 as well.",
        responses=oauth_answers(400, 401, 403, 404, 405, 413, 415, 429, 503),
        openapi_extra=body_of(GivenTokenForm),
    )
    async def revoke(realm: EnabledRealm, request: Request) -> Response:
        if await service.revoke(await calls.read_call(realm.name, request)):
            return Response(headers=NO_STORE)
        return JSONResponse({"error": "invalid_token", "error_description": "Invalid token"}, headers=NO_STORE)

    @routes.post(
        f"{_PREFIX}/{_LOGOUT}",
        summary="Log out by refresh token",
        status_code=204,
        responses=oauth_answers(400, 401, 403, 404, 405, 413, 415, 429, 503),
        openapi_extra=body_of(LogoutForm),
    )
    async def logout(realm: EnabledRealm, request: Request) -> Response:
        await service.logout(await calls.read_call(realm.name, request))
        return Response(status_code=204, headers=NO_STORE)

    @routes.post(f"{_PREFIX}/{_USERINFO}", include_in_schema=False)
    @routes.get(f"{_PREFIX}/{_USERINFO}", summary="Whose access token this is", responses=oauth_answers(401, 403, 404, 405, 503))
    async def userinfo(realm: EnabledRealm, request: Request) -> Response:
        believed = await service.believed(request, realm.name)
        if "openid" not in believed.claims.scope:
            challenge = 'Bearer error="insufficient_scope", scope="openid"'
            raise OAuthError("insufficient_scope", "Missing openid scope", status=403, challenge=challenge)
        return JSONResponse(introspection.userinfo(believed), headers=NO_STORE)

    documents.add(routes, service, realms)
    return routes


def everything_else(service: AuthService, realms: RealmService) -> APIRouter:
    """Every other address and method under `/auth/realms`; to be included after all that is there."""
    routes = APIRouter()

    async def answer(realm: str, rest: str | None = None) -> Response:
        await realms.current(realm)
        login = _LOGIN_METHODS if "authorization_code" in service.handlers else {}
        allowed = {**_METHODS, **login}.get(rest)
        return http_error(404) if allowed is None else http_error(405, {"Allow": allowed})

    for path in (_PREFIX, f"{_PREFIX}/{{rest:path}}"):
        routes.add_api_route(path, answer, methods=_EVERY_METHOD, include_in_schema=False)
    return routes
