"""An error answer of the server becomes the exception that the server raised, found by its stable `code`; else by its status."""

from collections.abc import Iterator
from typing import Any

import httpx

from melanzana import errors

_BY_STATUS: dict[int, type[errors.MelanzanaError]] = {
    401: errors.InvalidTokenError,
    403: errors.InsufficientScopeError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.TooLargeError,
    429: errors.UnavailableError,
}
_TEXT_CHARACTERS = 300


def error_of(response: httpx.Response) -> errors.MelanzanaError:
    """The exception for an answer that is no success; `detail["status"]` holds the HTTP status."""
    body = _body(response)
    request = response.request
    text = (
        _text(body) or f"{request.method} {request.url.path} was answered {response.status_code} {response.reason_phrase}".rstrip()
    )
    if response.status_code >= 500:
        return errors.UnavailableError(text, status=response.status_code, retry_after=retry_after(response))
    kind = _BY_CODE.get(str(body.get("code"))) or _BY_STATUS.get(response.status_code, errors.RequestError)
    detail = {"status": response.status_code, "retry_after": retry_after(response)}
    return kind(text, **detail, **({"findings": body["findings"]} if isinstance(body.get("findings"), list) else {}))


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait; None when it says nothing or names a date."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


def oauth_error_of(response: httpx.Response) -> errors.MelanzanaError:
    """The exception for an error answer of a token endpoint (RFC 6749 section 5.2)."""
    if response.status_code >= 500 or response.status_code == 429:
        return errors.UnavailableError(
            f"the token endpoint answered {response.status_code}", status=response.status_code, retry_after=retry_after(response)
        )
    body = _body(response)
    error = str(body.get("error") or "invalid_request")
    description = str(body.get("error_description") or f"the token endpoint answered {response.status_code}")
    return errors.OAuthError(error, f"no access token: {description} ({error})", status=response.status_code)


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(body: dict[str, Any]) -> str:
    detail = body.get("detail")
    if isinstance(detail, list):
        return "; ".join(_field(item) for item in detail if isinstance(item, dict))
    return str(detail)[:_TEXT_CHARACTERS] if detail else ""


def _field(item: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{place}: {item.get('msg')}" if place else str(item.get("msg"))


def _kinds(kind: type[errors.MelanzanaError]) -> Iterator[type[errors.MelanzanaError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


#: OAuthError is built from other words and belongs to the token endpoint.
_BY_CODE = {kind.code: kind for kind in _kinds(errors.MelanzanaError) if kind is not errors.OAuthError}
