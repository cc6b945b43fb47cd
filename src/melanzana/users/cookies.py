"""The one cookie of a browser session.

Its name says what the browser promises: `__Host-` means sent over https, set by this host alone and for every path. On a plain
http address, which only a loopback address should be, browsers refuse that prefix, so the name goes without it.
"""

from fastapi import Request
from starlette.responses import Response

_NAME = "melanzana"
_LONGEST = 200


def set_session_cookie(response: Response, token: str, base_url: str) -> None:
    """Give the browser the token of its session; it forgets it when it is closed, and the server has the real limits."""
    response.set_cookie(_name(base_url), token, path="/", secure=_is_secure(base_url), httponly=True, samesite="lax")


def clear_session_cookie(response: Response, base_url: str) -> None:
    response.delete_cookie(_name(base_url), path="/", secure=_is_secure(base_url), httponly=True, samesite="lax")


def session_token(request: Request, base_url: str) -> str | None:
    """What the browser sent; anybody may send anything."""
    token = request.cookies.get(_name(base_url))
    return token if token and len(token) <= _LONGEST else None


def _name(base_url: str) -> str:
    return f"__Host-{_NAME}" if _is_secure(base_url) else _NAME


def _is_secure(base_url: str) -> bool:
    return base_url.startswith("https://")
