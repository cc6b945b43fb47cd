"""The realm's addresses in Keycloak's form: token endpoint, published keys, discovery.

Bodies, statuses and their order are Keycloak's, with the deviations of ADR 0004. The token endpoint reads its request itself, since
neither a form parser nor a body model knows the rules of RFC 6749.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from melanzana.auth import discovery, token_request
from melanzana.auth.answers import NO_STORE, http_error, oauth_answers
from melanzana.auth.records import Grant
from melanzana.auth.service import AuthService
from melanzana.clients.service import ClientService
from melanzana.errors import OAuthError, TooLargeError
from melanzana.realms.keys import entity_tag
from melanzana.realms.service import RealmService

_PREFIX = "/auth/realms/{realm}"
_TOKEN, _CERTS, _METADATA = "protocol/openid-connect/token", "protocol/openid-connect/certs", ".well-known/openid-configuration"
#: Which method each address knows; every other address of a realm is not there.
_METHODS = {None: "GET", _TOKEN: "POST", _CERTS: "GET", _METADATA: "GET"}
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
_KEYS_CACHE = "public, max-age=300"
RealmName = Annotated[str, Path(description="Name of the realm, `eggplant` unless set otherwise.")]


class TokenAnswer(BaseModel):
    """An access token, in Keycloak's fields and order."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires_in: int = Field(description="Seconds until it expires.")
    refresh_expires_in: int = Field(description="Always 0: there is no refresh token, send the credentials again.")
    token_type: str = Field(description="Always `Bearer`.")
    not_before_policy: int = Field(alias="not-before-policy", description="Always 0.")
    session_state: str = Field(description="Id of this grant's session.")
    scope: str = Field(description="What the token allows.")


class TokenForm(BaseModel):
    """The form of the token endpoint. Id and secret may come by Basic authentication instead."""

    grant_type: str = Field(description="`client_credentials`")
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = Field(None, description="Permission words divided by spaces; all of the client's when absent.")


def _body_of_token_request() -> dict[str, Any]:
    schema = {"schema": TokenForm.model_json_schema()}
    return {"requestBody": {"required": True, "content": {token_request.FORM_TYPE: schema, token_request.JSON_TYPE: schema}}}


def router(service: AuthService, realms: RealmService, clients: ClientService) -> APIRouter:
    """The routes under `/auth/realms/{realm}`."""
    routes = APIRouter(tags=["Authentication"])

    @routes.post(
        f"{_PREFIX}/{_TOKEN}",
        summary="Get an access token",
        response_model=TokenAnswer,
        responses=oauth_answers(400, 401, 403, 404, 405, 413, 415, 429, 503),
        openapi_extra=_body_of_token_request(),
    )
    async def token(realm: RealmName, request: Request) -> Response:
        await realms.realm(realm)
        kind = token_request.media_type(request.headers.get("content-type"))
        if kind is None:
            return http_error(415)
        _refuse_parameters_in_address(request)
        parameters = token_request.read_parameters(await _body(request), kind)
        token_request.check_grant_type(parameters)
        credentials = token_request.read_credentials(request.headers.getlist("authorization"), parameters, realm)
        address = request.client.host if request.client else ""
        if parameters.duplicated:
            await clients.authenticate(realm, credentials, address)
            token_request.check_not_duplicated(parameters)
        grant = await service.grant_client_credentials(realm, credentials, parameters.get("scope"), address)
        return JSONResponse(_token_answer(grant), headers=NO_STORE)

    @routes.get(f"{_PREFIX}/{_CERTS}", summary="Keys that verify access tokens", responses=oauth_answers(404, 405))
    async def certs(realm: RealmName, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        document = await realms.key_set(realm)
        headers = {"Cache-Control": _KEYS_CACHE, "ETag": entity_tag(document)}
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse(document, headers=headers)

    @routes.get(f"{_PREFIX}/{_METADATA}", summary="What the authorization server can do", responses=oauth_answers(404, 405))
    async def metadata(realm: RealmName) -> Response:
        await realms.realm(realm)
        return JSONResponse(discovery.metadata(realms.issuer(realm)), headers={"Cache-Control": "no-cache, no-store"})

    @routes.get(_PREFIX, summary="The realm in short", responses=oauth_answers(404, 405))
    async def realm_document(realm: RealmName) -> Response:
        await realms.realm(realm)
        key = await realms.signing_key(realm)
        return JSONResponse(discovery.realm_document(realm, realms.issuer(realm), key), headers=NO_STORE)

    async def everything_else(realm: str, rest: str | None = None) -> Response:
        await realms.realm(realm)
        allowed = _METHODS.get(rest)
        return http_error(404) if allowed is None else http_error(405, {"Allow": allowed})

    for path in (_PREFIX, f"{_PREFIX}/{{rest:path}}"):
        routes.add_api_route(path, everything_else, methods=_EVERY_METHOD, include_in_schema=False)
    return routes


def _token_answer(grant: Grant) -> dict[str, Any]:
    return {
        "access_token": grant.access_token,
        "expires_in": grant.expires_in_seconds,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "session_state": grant.session_state,
        "scope": grant.scope,
    }


def _refuse_parameters_in_address(request: Request) -> None:
    if not token_request.BODY_ONLY.isdisjoint(request.query_params):
        raise OAuthError("invalid_request", "Parameters are taken from the body, never from the address")


async def _body(request: Request) -> bytes:
    """Errors: TooLargeError as soon as the limit is passed."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > token_request.MAXIMUM_BYTES:
            raise TooLargeError(f"the body is larger than {token_request.MAXIMUM_BYTES} bytes", maximum=token_request.MAXIMUM_BYTES)
    return bytes(content)
