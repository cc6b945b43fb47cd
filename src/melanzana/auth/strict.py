"""Opens a JWT of somebody else without believing anything: canonical form only, JSON without tricks.

Access tokens (`tokens.py`) and DPoP proofs (`dpop.py`) are opened here before a library checks their signature. A form that has two
spellings is refused, since then two strings would be one token: padding, non-canonical base64, a name that stands twice.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.errors import InvalidTokenError

#: How far the clocks of two machines may differ, in seconds.
LEEWAY_SECONDS = 30
MAXIMUM_LENGTH = 8_192  #: characters; ours have about 1,300
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LATEST = 2**53
Key = RSAKey | ECKey | OKPKey


class RefusedError(Exception):
    """A check failed; the text names it for the log, never for the caller."""


class _Registry(jws.JWSRegistry):
    """joserfc's algorithms, with room for a public key in the header; `EdDSA` is no mistake where the realm chose it."""

    max_header_length = 2_048

    def get_alg(self, name: str) -> JWSAlgModel:
        if self.allowed is None or name not in self.allowed:
            raise RefusedError("algorithm")
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class Opened:
    """A token taken apart. Nothing of it is believed until `verify` was called."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]

    def text(self, name: str) -> str:
        """The claim, if it is a text of ASCII characters. Errors: RefusedError."""
        value = self.claims.get(name)
        demand(isinstance(value, str) and value.isascii(), name)
        assert isinstance(value, str)
        return value

    def whole(self, name: str) -> int:
        """The claim, if it is a whole number that is no flag and not absurd. Errors: RefusedError."""
        value = self.claims.get(name)
        demand(type(value) is int and 0 <= value <= _LATEST, name)
        assert isinstance(value, int)
        return value

    def verify(self, key: Key, algorithm: str) -> None:
        """The signature is this key's. Errors: RefusedError."""
        try:
            jws.deserialize_compact(self.token, key, registry=_registry(algorithm))
        except (JoseError, ValueError, TypeError) as error:
            raise RefusedError("signature") from error


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    """A compact JWS over these claims, signed with the header's `alg`."""
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(dict(header), payload, key, registry=_registry(header["alg"]))


def open_token(token: str) -> Opened:
    """Errors: RefusedError."""
    demand(len(token) <= MAXIMUM_LENGTH, "length")
    form = _FORM.fullmatch(token)
    demand(form is not None, "form")
    assert form is not None
    header, payload, _signature = (_decode(part) for part in form.groups())
    return Opened(token, parse(header), parse(payload))


def demand(holds: bool, check: str) -> None:
    """Errors: RefusedError when it does not hold."""
    if not holds:
        raise RefusedError(check)


def parse(content: bytes) -> dict[str, Any]:
    """A JSON object in which no name stands twice and every number is a number. Errors: RefusedError."""
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError("json") from error
    demand(isinstance(value, dict), "json")
    assert isinstance(value, dict)
    return value


def refusal(error: RefusedError) -> InvalidTokenError:
    """What the caller is told, whichever check failed."""
    refused = InvalidTokenError("the access token is not valid; get a new one from the token endpoint")
    refused.add_note(f"failed check: {error}")
    return refused


@cache
def _registry(algorithm: str) -> _Registry:
    return _Registry(algorithms=[algorithm])


def _decode(part: str) -> bytes:
    """Base64url in its one canonical form."""
    try:
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise RefusedError("base64") from error
    demand(urlsafe_b64encode(content).rstrip(b"=").decode() == part, "base64")
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
