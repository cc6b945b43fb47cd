"""Reads a request to the token endpoint from its bytes, strictly.

RFC 6749 section 3.2: parameters come in the body only, an empty one counts as absent, an unknown one is ignored, none may stand
twice. A form is what every client sends; a JSON object of strings is read as well, since the original product's page shows one.
Section 2.3.1: credentials come by Basic authentication, with id and secret form-encoded, or in the body; both at once are let pass
when they are equal. The checks are split in two because Keycloak looks at `grant_type` before it looks at who is asking.
"""

import json
import re
from base64 import b64decode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_to_bytes

from melanzana.clients.records import Credentials
from melanzana.errors import OAuthError, TooLargeError

MAXIMUM_BYTES = 64 * 1024
MAXIMUM_PARAMETERS = 100
FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"
#: Parameters that must never stand in an address, where logs and histories keep them.
BODY_ONLY = frozenset(
    {
        *("grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope"),
        *("code", "code_verifier", "redirect_uri", "refresh_token", "token", "username", "password"),
    }
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, in the order in which they came."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of that name; None when it is absent or empty."""
        return next((value for key, value in self.pairs if key == name), None) or None

    @property
    def duplicated(self) -> bool:
        return len({name for name, _ in self.pairs}) != len(self.pairs)


def media_type(content_type: str | None) -> str | None:
    """`FORM_TYPE` or `JSON_TYPE`; None when the body is of another type or charset."""
    name, *parameters = [part.strip().lower() for part in (content_type or "").split(";")]
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    known = name in {FORM_TYPE, JSON_TYPE} and all(charset in {"utf-8", "utf8"} for charset in charsets)
    return name if known else None


def read_parameters(body: bytes, kind: str) -> Parameters:
    """Errors: TooLargeError; OAuthError `invalid_request` for a body that cannot be read."""
    if len(body) > MAXIMUM_BYTES:
        raise TooLargeError(f"the body is larger than {MAXIMUM_BYTES} bytes", maximum=MAXIMUM_BYTES)
    try:
        pairs = _read_form(body) if kind == FORM_TYPE else _read_json(body)
    except (ValueError, RecursionError):
        raise _invalid("The body cannot be read") from None
    if len(pairs) > MAXIMUM_PARAMETERS:
        raise _invalid("Too many parameters")
    if any(_CONTROL.search(text) for pair in pairs for text in pair):
        raise _invalid("Control characters are not allowed in parameters")
    return Parameters(tuple(pairs))


def check_grant_type(parameters: Parameters, supported: Collection[str]) -> str:
    """The grant type asked for. Errors: OAuthError when it is none of these."""
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise _invalid("Missing form parameter: grant_type")
    if grant_type not in supported:
        raise OAuthError("unsupported_grant_type", "Unsupported grant_type")
    return grant_type


def check_not_duplicated(parameters: Parameters) -> None:
    """Errors: OAuthError when a parameter stands twice."""
    if parameters.duplicated:
        raise _invalid("duplicated parameter")


def read_credentials(authorization: Sequence[str], parameters: Parameters, realm: str) -> Credentials:
    """Who the caller says it is. `authorization`: every header of that name.

    Errors: OAuthError when header and body disagree, or the header cannot be read and the body names nobody.
    """
    if len(authorization) > 1:
        raise _invalid("More than one Authorization header")
    in_body = Credentials(
        client_id=parameters.get("client_id"),
        client_secret=parameters.get("client_secret"),
        assertion=parameters.get("client_assertion"),
        assertion_type=parameters.get("client_assertion_type"),
        by_header=bool(authorization),
    )
    scheme, _, encoded = authorization[0].partition(" ") if authorization else ("", "", "")
    if scheme.lower() != "basic":
        return in_body
    in_header = _read_basic(encoded.strip(" "))
    if in_header is None and in_body.client_id is None:
        description = "Invalid client or Invalid client credentials"
        raise OAuthError("invalid_client", description, status=401, challenge=f'Basic realm="{realm}"')
    return in_body if in_header is None else _merge(in_header, in_body)


def _merge(in_header: tuple[str, str], in_body: Credentials) -> Credentials:
    client_id, client_secret = in_header
    if in_body.client_id not in {None, client_id} or (client_secret and in_body.client_secret not in {None, client_secret}):
        raise _invalid("The Authorization header and the body name different credentials")
    return replace(in_body, client_id=client_id, client_secret=client_secret or in_body.client_secret)


def _read_basic(encoded: str) -> tuple[str, str] | None:
    """Id and secret, decoded. Our ids have colons and our secrets never, so the last colon divides, encoded or not."""
    try:
        client_id, colon, secret = b64decode(encoded, validate=True).decode("utf-8").rpartition(":")
        decoded = (_unquote(client_id.encode()), _unquote(secret.encode()))
    except ValueError:
        return None
    return decoded if colon and decoded[0] else None


def _read_form(body: bytes) -> list[tuple[str, str]]:
    parts = [part for part in body.split(b"&", MAXIMUM_PARAMETERS + 1) if part]
    return [(_unquote(name), _unquote(value)) for name, _, value in (part.partition(b"=") for part in parts)]


def _unquote(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")


def _read_json(body: bytes) -> list[tuple[str, str]]:
    value = json.loads(body.decode("utf-8"), object_pairs_hook=_Members)
    if not isinstance(value, _Members) or not all(isinstance(member, str) for _, member in value):
        raise ValueError("not an object of strings")
    for name, member in value:
        (name + member).encode("utf-8")  # refuses lone surrogates
    return list(value)


class _Members(list[tuple[str, Any]]):
    """A JSON object that still knows its names that stand twice."""


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)
