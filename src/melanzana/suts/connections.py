"""The types of connection, their fields, and which of these are secret. Pure; called by `service.py`.

A field that a type does not have is not kept, since it might be a secret under another name; the answer names it. `Free` is the
type for everything else: its `settings` are shown, its `secrets` are sealed.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from melanzana.errors import RequestError
from melanzana.suts.records import SutConnection

#: Most characters of a text field, and of all connections of one system under test as JSON: they travel with every lease.
TEXT_LIMIT = 2_048
SIZE_LIMIT = 32_768
Check = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a type of connection; `default` None: left out when it is not given."""

    check: Check
    default: Any = None
    required: bool = False
    secret: bool = False


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_LIMIT or any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value):
        raise RequestError(f"{name} is text of at most {TEXT_LIMIT} characters", field=name)
    return value


def _host(name: str, value: Any) -> str:
    if not _text(name, value) or any(character.isspace() or character in "/@?#" for character in value):
        raise RequestError(f"{name} is a host name or address such as till-1.example.org, without port or path", field=name)
    return str(value)


def _port(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65_535:
        raise RequestError(f"{name} is a port: 1 to 65535", field=name)
    return value


def _ratio(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not (math.isfinite(value) and 0 < value <= 100):
        raise RequestError(f"{name} is a number above 0, 1 for the size as it is", field=name)
    return value


def _url(name: str, value: Any) -> str:
    try:
        parts = urlsplit(_text(name, value))
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(sign.isspace() for sign in value)
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise RequestError(f"{name} is an address such as https://shop.example.org/", field=name)
    if "@" in parts.netloc:
        raise RequestError(f"{name} holds a user name; addresses are shown, so give username and password", field=name)
    return str(value)


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) and len(key) <= 256 for key in value):
        raise RequestError(f"{name} is an object", field=name)
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RequestError(f"{name} holds something that is no JSON", field=name) from None
    return value


_HOST = Field(check=_host, required=True)
_URL = Field(check=_url, required=True)
_WORD = Field(check=_text)
_NAME = Field(check=_text, default="")
_SECRET = Field(check=_text, secret=True)
_MAP = Field(check=_object)
_SECRETS = Field(check=_object, secret=True)


def _at_port(port: int) -> Field:
    return Field(check=_port, default=port)


#: Fields of every type of connection, besides `connection_type` and `uuid`.
SPECS: Mapping[str, Mapping[str, Field]] = {
    "VNC": {
        **{"host": _HOST, "port": _at_port(5900), "username": _NAME, "password": _SECRET},
        "scale_ratio": Field(check=_ratio, default=1),
    },
    "RDP": {"host": _HOST, "port": _at_port(3389), "username": _NAME, "password": _SECRET, "domain": _WORD},
    "WebDriver": {"url": _URL, "browser": _WORD, "capabilities": _MAP, "username": _WORD, "password": _SECRET},
    "HTTP": {"url": _URL, "username": _WORD, "password": _SECRET, "token": _SECRET, "secret_headers": _SECRETS, "headers": _MAP},
    "ADB": {"host": _HOST, "port": _at_port(5037), "serial": _WORD},
    "Free": {"name": Field(check=_text, required=True), "settings": _MAP, "secrets": _SECRETS},
}
_BESIDE = frozenset({"connection_type", "uuid"})


def spec_of(body: Mapping[str, Any], place: str) -> Mapping[str, Field]:
    """The fields of the body's type. Raises RequestError naming the types there are."""
    spec = SPECS.get(str(body.get("connection_type")))
    if spec is None:
        raise RequestError(f"connection_type is one of {', '.join(SPECS)}", field=f"{place}.connection_type")
    return spec


def unknown_fields(body: Mapping[str, Any], place: str) -> list[str]:
    """Dotted names of fields that the body's type does not have."""
    known = _BESIDE | spec_of(body, place).keys() | {"has_secrets", "ignored_fields"}
    return [f"{place}.{name}"[:256] for name in body if name not in known]


def connection(body: Mapping[str, Any], place: str, connection_id: str, kept: Mapping[str, Any]) -> SutConnection:
    """The connection that a client describes; `kept` are its secrets until now. A secret that is null or empty is forgotten.

    Raises RequestError naming the field.
    """
    spec = spec_of(body, place)
    shown: dict[str, Any] = {}
    secrets = {name: value for name, value in kept.items() if name in spec and name not in body}
    for name, known in spec.items():
        value = body.get(name)
        if value is None or (known.secret and value in ("", {})):
            if known.required:
                raise RequestError(f"{place}.{name} is missing", field=f"{place}.{name}")
            if known.default is not None:
                shown[name] = known.default
            continue
        (secrets if known.secret else shown)[name] = known.check(f"{place}.{name}", value)
    return SutConnection(id=connection_id, type=str(body["connection_type"]), fields=shown, secrets=secrets)


def check_size(connections: tuple[SutConnection, ...]) -> None:
    """Raises RequestError when they are too much to travel with every lease."""
    size = sum(len(json.dumps([dict(one.fields), dict(one.secrets)])) for one in connections)
    if size > SIZE_LIMIT:
        raise RequestError(f"connections hold {size} characters; at most {SIZE_LIMIT} fit", field="connections")


def to_json(one: SutConnection, *, secrets: bool) -> dict[str, Any]:
    """The fields of a connection as an agent gets them, or without its secrets as everybody else does."""
    return {"uuid": one.id, "connection_type": one.type, **one.fields, **(one.secrets if secrets else {})}
