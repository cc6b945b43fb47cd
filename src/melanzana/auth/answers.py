"""How the OAuth endpoints answer: RFC 6749 section 5.2 bodies, as Keycloak words them, never to be cached.

`api.py` shapes its own refusals here, and `server/problems.py` sends every error under `/auth/realms` through `shape`.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from melanzana.errors import InvalidTokenError, MelanzanaError, NotFoundError, OAuthError, TooLargeError, UnavailableError

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
RETRY_AFTER_SECONDS = 2
#: Characters that RFC 6749 does not allow in an `error_description`.
_NOT_ALLOWED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


class OAuthProblem(BaseModel):
    """Why no token was given."""

    error: str = Field(description="Word of RFC 6749 section 5.2, or `HTTP` and the status in words.")
    error_description: str | None = Field(None, description="What is wrong, for people.")


def oauth_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` argument of a route that may give these statuses."""
    return {status: {"description": HTTPStatus(status).phrase, "model": OAuthProblem} for status in statuses}


def shape(error: MelanzanaError) -> JSONResponse:
    """The answer that an error of a room becomes under `/auth/realms`."""
    if isinstance(error, OAuthError):
        return _oauth(error)
    if isinstance(error, NotFoundError):
        return _answer(404, error.message)
    if isinstance(error, TooLargeError):
        return http_error(413)
    if isinstance(error, InvalidTokenError):
        return _answer(401, "invalid_token", error.message, {"WWW-Authenticate": challenge(error)})
    if isinstance(error, UnavailableError):
        retry_after = str(error.detail.get("retry_after", RETRY_AFTER_SECONDS))
        return _answer(503, "temporarily_unavailable", error.message, {"Retry-After": retry_after})
    return _answer(500, "unknown_error")


def challenge(error: InvalidTokenError) -> str:
    """The WWW-Authenticate header of a 401 (RFC 6750 section 3.1: no error code when no token was sent; RFC 9449 section 7.1)."""
    if special := error.detail.get("challenge"):
        return str(special)
    return "Bearer" if error.detail.get("missing") else 'Bearer error="invalid_token"'


def http_error(status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error of HTTP itself (404, 405, 413, 415), in the same shape."""
    phrase = {413: "Request Entity Too Large"}.get(status, HTTPStatus(status).phrase)
    return _answer(status, f"HTTP {status} {phrase}", None, headers)


def _oauth(error: OAuthError) -> JSONResponse:
    headers = {}
    if challenge := error.detail.get("challenge"):
        headers["WWW-Authenticate"] = challenge
    if (retry_after := error.detail.get("retry_after")) is not None:
        headers["Retry-After"] = str(retry_after)
    return _answer(error.status, error.error, error.message, headers)


def _answer(status: int, error: str, description: str | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"error": error}
    if description is not None:
        body["error_description"] = _NOT_ALLOWED.sub(" ", description)
    return JSONResponse(body, status, headers={**NO_STORE, **(headers or {})})
