"""`POST /auth`: name and password as JSON or form, as versions 4 and 5 of the original product took them.

Its documents show two answers: one with `access_token` for an hour, one that calls the same thing `access_type` and adds `user_id`.
A script reads one of the names; this answer has both.
"""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from melanzana.auth import token_request
from melanzana.compat.legacy_tokens import NO_SECURITY, NO_STORE, LegacyCall, LegacyTokens
from melanzana.errors import OAuthError, RequestError
from melanzana.web.answers import answers, problem

PATH = "/auth"
#: An hour, as the original's.
LIFETIME_SECONDS = 3600


class NameAndPassword(BaseModel):
    """Who logs in."""

    username: str = Field(description="A username, or the id of an API client.")
    password: str = Field(description="The password, or the client's secret.")


class OlderToken(BaseModel):
    """An access token, under both names that the original's documents give it."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires_in: int = Field(description="Seconds until it expires.")
    token_type: str = Field(description="Always `bearer`.")
    user_id: str = Field(description="Whose token it is: a person's uuid, or the client's id.")
    access_type: str = Field(description="The access token once more.")


def _body() -> dict[str, Any]:
    schema = {"schema": NameAndPassword.model_json_schema()}
    return {
        **NO_SECURITY,
        "requestBody": {"required": True, "content": {token_request.JSON_TYPE: schema, token_request.FORM_TYPE: schema}},
    }


def router(tokens: LegacyTokens) -> APIRouter:
    """`/auth`."""
    routes = APIRouter(tags=["Authentication (older)"])

    @routes.post(
        PATH,
        summary="Get an access token by name and password",
        response_model=OlderToken,
        responses=answers(400, 401, 413, 415, 422, 429, 503),
        openapi_extra=_body(),
    )
    async def log_in(request: Request) -> Response:
        kind = token_request.media_type(request.headers.get("content-type"))
        if kind is None:
            return problem(415, "media_type", "Send username and password as JSON or as a form.")
        name, secret = _read(await request.body(), kind)
        address = request.client.host if request.client else ""
        token = await tokens.grant(
            LegacyCall(name=name, secret=secret, address=address, path=PATH, lifetime_seconds=LIFETIME_SECONDS)
        )
        shown = OlderToken(
            access_token=token.access_token,
            expires_in=token.expires_in_seconds,
            token_type="bearer",  # noqa: S106 - the word
            user_id=token.subject,
            access_type=token.access_token,
        )
        return JSONResponse(shown.model_dump(), headers=NO_STORE)

    return routes


def _read(body: bytes, kind: str) -> tuple[str, str]:
    """Name and password. Errors: RequestError."""
    try:
        parameters = token_request.read_parameters(body, kind)
        token_request.check_not_duplicated(parameters)
    except OAuthError as error:
        raise RequestError(f"username and password cannot be read: {error.message}") from None
    values = {name: parameters.get(name) for name in ("username", "password")}
    for name, value in values.items():
        if value is None:
            raise RequestError(f"{name} is missing", field=name)
    return values["username"] or "", values["password"] or ""
