"""Reads the body of a call of the old interface: a form, as its documents say, or a JSON object, as its Python client sends.

Called by `compat/run_control.py` with the names that a call knows. Every value comes out as text; a name that is not known is no
error but is given back, so that the answer can say that it had no effect.
"""

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from melanzana.errors import MalformedError, RequestError, TooLargeError

FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"
MAXIMUM_BYTES = 64 * 1024
MAXIMUM_FIELDS = 100


class Fields:
    """The fields of one call, as text."""

    def __init__(self, values: dict[str, str], known: Collection[str]) -> None:
        self._values = values
        self.unknown = tuple(name[:256] for name in values if name not in known)  #: names that the call does not have

    def get(self, name: str) -> str | None:
        """The value; None when it is absent or empty."""
        return self._values.get(name) or None

    def required(self, *names: str) -> str:
        """The first of these that is there. Raises MalformedError."""
        for name in names:
            if (value := self.get(name)) is not None:
                return value
        raise MalformedError(f"{' or '.join(names)} is missing", field=names[0])

    def count(self, name: str) -> int | None:
        """The value as a whole number, None when it is absent. Raises RequestError."""
        text = self.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise RequestError(f"{name} is {text[:50]!r}; give a whole number of at most 18 digits", field=name)
        return int(text)

    def flag(self, name: str, default: bool) -> bool:
        """The value as yes or no. Raises RequestError."""
        text = self.get(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false"}:
            raise RequestError(f"{name} is {text[:50]!r}; give true or false", field=name)
        return text.lower() == "true"


async def read_fields(request: Request, known: Collection[str]) -> Fields:
    """Raises MalformedError, TooLargeError."""
    body = await request.body()
    if len(body) > MAXIMUM_BYTES:
        raise TooLargeError(f"the body is larger than {MAXIMUM_BYTES} bytes", maximum=MAXIMUM_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        values = _from_json(body) if kind == JSON_TYPE else _from_form(body)
    except (ValueError, RecursionError):
        raise MalformedError(f"the body is no form and no flat JSON object; send it as {FORM_TYPE} or {JSON_TYPE}") from None
    return Fields(values, known)


def _from_form(body: bytes) -> dict[str, str]:
    pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAXIMUM_FIELDS)
    return _unique([(name.strip(), value) for name, value in pairs])


def _from_json(body: bytes) -> dict[str, str]:
    pairs = json.loads(body or b"{}", object_pairs_hook=list)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs) or len(pairs) > MAXIMUM_FIELDS:
        raise ValueError("not a flat object")
    return _unique([(name, _text(value)) for name, value in pairs])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("not a scalar")


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice")
    for name, value in pairs:
        if "\x00" in name + value:
            raise ValueError("a control character")
        (name + value).encode()  # refuses lone surrogates
    return values
