"""`POST /ai/auth`: name and password by form, as the original's Python client sends them; `DELETE /ai/auth` ends the token."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, Field

from melanzana.compat.legacy_tokens import NO_SECURITY, NO_STORE, LegacyCall, LegacyTokens
from melanzana.web.answers import answers

PATH = "/ai/auth"
#: An hour, as the original's token of a name and password.
LIFETIME_SECONDS = 3600


class AiToken(BaseModel):
    """An access token for a name and password."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word
    expires_in: int = Field(description="Seconds until it expires.")


def router(tokens: LegacyTokens) -> APIRouter:
    """`/ai/auth`."""
    routes = APIRouter(tags=["Authentication (older)"])

    @routes.post(
        PATH,
        summary="Get an access token by name and password",
        responses=answers(400, 401, 413, 415, 422, 429, 503),
        openapi_extra=NO_SECURITY,
    )
    async def log_in(
        request: Request,
        response: Response,
        username: Annotated[str, Form(description="A username, or the id of an API client.")],
        password: Annotated[str, Form(description="The password, or the client's secret.")],
    ) -> AiToken:
        address = request.client.host if request.client else ""
        token = await tokens.grant(
            LegacyCall(name=username, secret=password, address=address, path=PATH, lifetime_seconds=LIFETIME_SECONDS)
        )
        response.headers.update(NO_STORE)
        return AiToken(access_token=token.access_token, expires_in=token.expires_in_seconds)

    @routes.delete(PATH, summary="End the access token that is sent", status_code=204, responses=answers(401, 503))
    async def log_out(request: Request) -> None:
        await tokens.end(request)

    return routes
