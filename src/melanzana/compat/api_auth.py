"""`POST /api/v1/auth` and `/api/v2/auth`: a client's id and secret as JSON, as the original product's public API takes them."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from melanzana.compat.legacy_tokens import NO_SECURITY, NO_STORE, LegacyCall, LegacyTokens
from melanzana.web.answers import answers

PATHS = ("/api/v1/auth", "/api/v2/auth")
#: Ten minutes, as the original's.
LIFETIME_SECONDS = 600


class AuthRequestBody(BaseModel):
    """The credentials of an API client."""

    client_id: str = Field(description="Id of the API client.")
    client_secret: str = Field(description="Its secret.")


class AuthResponseBody(BaseModel):
    """An access token."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires_in: int = Field(description="Seconds until it expires: 600.")


def router(tokens: LegacyTokens) -> APIRouter:
    """`/api/v1/auth` and `/api/v2/auth`."""
    routes = APIRouter(tags=["Authentication (older)"])

    async def authenticate(request: Request, response: Response, body: AuthRequestBody) -> AuthResponseBody:
        call = LegacyCall(
            name=body.client_id,
            secret=body.client_secret,
            address=request.client.host if request.client else "",
            path=request.url.path,
            lifetime_seconds=LIFETIME_SECONDS,
        )
        token = await tokens.grant_to_client(call)
        response.headers.update(NO_STORE)
        return AuthResponseBody(access_token=token.access_token, expires_in=token.expires_in_seconds)

    for path in PATHS:
        routes.post(
            path,
            summary="Get an access token by client id and secret",
            responses=answers(400, 401, 413, 415, 422, 429, 503),
            openapi_extra=NO_SECURITY,
        )(authenticate)
    return routes
