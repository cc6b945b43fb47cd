"""What a realm publishes for everybody: its keys, its metadata in every place where clients look, and itself in short.

Scripts of other sites may read these (CORS `*`), as Keycloak allows; there is nothing else under `/auth` that they may.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import JSONResponse, Response

from melanzana.auth import discovery
from melanzana.auth.answers import NO_STORE, oauth_answers
from melanzana.auth.service import AuthService
from melanzana.realms.keys import entity_tag
from melanzana.realms.service import RealmService

_PREFIX = "/auth/realms/{realm}"
_CERTS = "protocol/openid-connect/certs"
_OPENID, _RFC_8414 = ".well-known/openid-configuration", ".well-known/oauth-authorization-server"
#: Below the realm; each knows GET.
PATHS = (_CERTS, _OPENID, _RFC_8414)
_FOR_EVERYBODY = {"Access-Control-Allow-Origin": "*"}
_KEYS_CACHE = "public, max-age=300"
_NO_CACHE = "no-cache, must-revalidate, no-transform, no-store"
RealmName = Annotated[str, Path(description="Name of the realm, `eggplant` unless set otherwise.")]


def add(routes: APIRouter, service: AuthService, realms: RealmService) -> None:
    """Add the routes."""

    @routes.get(f"{_PREFIX}/{_CERTS}", summary="Keys that verify access tokens", responses=oauth_answers(404, 405, 503))
    async def certs(realm: RealmName, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        document = await realms.key_set(realm)
        headers = {"Cache-Control": _KEYS_CACHE, "ETag": entity_tag(document), **_FOR_EVERYBODY}
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse(document, headers=headers)

    async def metadata(realm: RealmName) -> Response:
        await realms.current(realm)
        document = discovery.metadata(realms.issuer(realm), service.handlers)
        return JSONResponse(document, headers={"Cache-Control": _NO_CACHE, **_FOR_EVERYBODY})

    for path, name in (
        (f"{_PREFIX}/{_OPENID}", "openid_configuration"),
        (f"{_PREFIX}/{_RFC_8414}", "authorization_server"),
        (f"/{_OPENID}{_PREFIX}", "openid_configuration_before"),
        (f"/{_RFC_8414}{_PREFIX}", "authorization_server_before"),
    ):
        summary = "What the authorization server can do"
        routes.add_api_route(path, metadata, name=name, summary=summary, responses=oauth_answers(404, 405, 503))

    @routes.get(_PREFIX, summary="The realm in short", responses=oauth_answers(404, 405, 503))
    async def realm_document(realm: RealmName) -> Response:
        found = await realms.current(realm)
        key = await realms.signing_key(realm)
        document = discovery.realm_document(found, realms.issuer(realm), key)
        return JSONResponse(document, headers={**NO_STORE, **_FOR_EVERYBODY})
