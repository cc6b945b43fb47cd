"""What a JSON body must be before a route reads it: said to be JSON, and readable in one way only.

A dependency of every route (`app.py`). Python's reader takes the last of two equal names, and `NaN` for a number; programs in front
of the server may take the first, and refuse. So a body that is no strict JSON (RFC 8259, I-JSON of RFC 7493) is refused whole.
Reports of agents have a reader of their own and are many; models are read by `graph/formats`.
"""

import json
from math import isfinite
from typing import Any, NoReturn

from fastapi import Request
from fastapi.routing import APIRoute

from melanzana.errors import JsonBodyError, MediaTypeError

_OWN_READER = ("/agent_service/",)


async def check_json(request: Request) -> None:
    """Raises MediaTypeError and JsonBodyError."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.body_field is None or _is_form(route):
        return
    body = await request.body()
    if not body:
        return
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError("send the body as JSON, with the header Content-Type: application/json")
    check_body(request.scope["path"], body)


def check_body(path: str, body: bytes) -> None:
    """Raises JsonBodyError for what two readers could understand in two ways."""
    if path.startswith(_OWN_READER):
        return
    try:
        text = body.decode("utf-8")
        if text.startswith("\ufeff"):
            _refuse("begins with a byte order mark")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no character
    except UnicodeError:
        _refuse("holds bytes or escapes that are no characters")
    except RecursionError:
        _refuse("is nested too deeply")
    except ValueError as error:
        _refuse(f"is not valid: {error}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        _refuse(f"has the name {next(name for name in names if names.count(name) > 1)[:80]!r} twice")
    return found


def _constant(text: str) -> NoReturn:
    _refuse(f"holds {text}, which is no number in JSON")


def _float(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse(f"holds {text[:80]}, which no number can hold")


def _refuse(reason: str) -> NoReturn:
    raise JsonBodyError(f"The JSON body {reason}.")


def _is_form(route: APIRoute) -> bool:
    info = getattr(route.body_field, "field_info", None)
    return getattr(info, "media_type", "application/json") != "application/json"
