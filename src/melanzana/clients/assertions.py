"""A client's proof by signature instead of a secret: private_key_jwt (RFC 7523 section 3, OpenID Connect Core section 9).

The client signs a short-lived JWT about itself with a key whose public half it registered. Pure: `service.py` looks up the client,
calls `verify`, and then claims the assertion's id, which may be used once. The key and its one algorithm come from the
registration; nothing in the assertion (`alg`, `jwk`, `jku`, `x5c`) can choose another. One audience only: an assertion that is good
here must not be good elsewhere as well.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from joserfc.jws import JWSRegistry

from melanzana.clients.public_keys import imported
from melanzana.clients.records import KeySet

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
#: From now to `exp`, at most.
LONGEST_SECONDS = 300
#: How far the client's clock may be ahead, for `iat` and `nbf`; `exp` is taken as it is.
LEEWAY_SECONDS = 30
_LONGEST, _LONGEST_ID = 8_192, 255
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class RefusedAssertionError(Exception):
    """Why an assertion is not believed: for log and audit, never for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A believed assertion: its id must not come again before it expires."""

    jti: str
    expires_at_seconds: float


@dataclass(frozen=True, slots=True)
class _Parts:
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def claimed_client(assertion: str) -> str | None:
    """Whose assertion it says it is, unverified; None when it cannot be read."""
    try:
        subject = _parts(assertion).claims.get("sub")
    except RefusedAssertionError:
        return None
    return subject if isinstance(subject, str) else None


def verify(assertion: str, client_id: str, keys: KeySet | None, audiences: Collection[str], now_seconds: float) -> Assertion:
    """Believe an assertion or refuse it. `keys`: what the client registered. Errors: RefusedAssertionError."""
    parts = _parts(assertion)
    _check_signature(parts, keys)
    claims = parts.claims
    _demand(claims.get("iss") == client_id and claims.get("sub") == client_id, "iss or sub is not the client")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    _demand(len(named) == 1 and isinstance(named[0], str) and named[0] in audiences, "aud is not this server alone")
    expires_at = _check_times(claims, now_seconds)
    jti = claims.get("jti")
    _demand(isinstance(jti, str) and 1 <= len(jti) <= _LONGEST_ID, "jti is missing or too long")
    return Assertion(jti=str(jti), expires_at_seconds=expires_at)


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    expires_at = _instant(claims, "exp")
    _demand(expires_at is not None, "exp is missing")
    assert expires_at is not None
    _demand(expires_at > now, "it has expired")
    _demand(expires_at <= now + LONGEST_SECONDS, f"exp is more than {LONGEST_SECONDS} seconds away")
    for name in ("iat", "nbf"):
        begins_at = _instant(claims, name)
        _demand(begins_at is None or begins_at <= now + LEEWAY_SECONDS, f"{name} lies in the future")
    return expires_at


def _check_signature(parts: _Parts, keys: KeySet | None) -> None:
    _demand(keys is not None, "the client has registered no key")
    assert keys is not None
    _demand("crit" not in parts.header and "b64" not in parts.header, "the header has an extension")
    algorithm, kid = parts.header.get("alg"), parts.header.get("kid")
    fitting = [key for key in keys["keys"] if key["alg"] == algorithm and kid in {None, key["kid"]}]
    _demand(bool(fitting), "no registered key has this kid and alg")
    model = JWSRegistry.algorithms[fitting[0]["alg"]]
    good = any(model.verify(parts.signed, parts.signature, imported(key)) for key in fitting)
    _demand(good, "the signature is not of a registered key")


def _parts(assertion: str) -> _Parts:
    """The assertion taken apart; nothing in it is believed yet."""
    found = _FORM.fullmatch(assertion) if len(assertion) <= _LONGEST else None
    _demand(found is not None, "it is no JWS in compact form")
    assert found is not None
    header, payload, signature = (_decode(part) for part in found.groups())
    signed = assertion.rpartition(".")[0].encode()
    return _Parts(_object(header), _object(payload), signed, signature)


def _decode(part: str) -> bytes:
    """Base64url in its one canonical form."""
    try:
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        content = b""
    _demand(urlsafe_b64encode(content).rstrip(b"=").decode() == part, "it is not base64url")
    return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        value = None
    _demand(isinstance(value, dict), "header or payload is no JSON object")
    assert isinstance(value, dict)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53 and isfinite(value)
    _demand(good, f"{name} is no number of seconds")
    return float(value)


def _demand(holds: bool, reason: str) -> None:
    if not holds:
        raise RefusedAssertionError(reason)
