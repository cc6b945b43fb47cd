"""Access tokens: what is in one, and what must hold before one is believed.

A token is a JWS in compact form with Keycloak's claims and the `generation` of its client. Reading is strict: one algorithm, one
form of header, one encoding of the same bytes, every claim of its type. Whether the client still exists is the service's question;
this file needs no database. Anything wrong is one InvalidTokenError; which check failed goes to the log, not to the caller.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from joserfc import jws
from joserfc.errors import JoseError

from melanzana.auth.records import Grant
from melanzana.clients.records import Client
from melanzana.errors import InvalidTokenError
from melanzana.realms.keys import ALGORITHM, KeyRing, LiveKey

#: How far the clocks of two machines may differ, in seconds.
LEEWAY_SECONDS = 30
MAXIMUM_LENGTH = 8_192  #: characters; ours have about 1,300
AUDIENCE = "melanzana"
#: The audience that Keycloak's tokens carry by default.
_COMPATIBLE_AUDIENCE = "account"
#: Context prefix of Keycloak's token ids: transient session, regular token, client credentials.
_ID_PREFIX = "trrtcc:"
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HEADER_NAMES = {"alg", "typ", "kid"}
_LATEST = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What one token is to say."""

    client: Client
    issuer: str
    scope: str
    address: str  #: where the request came from
    issued_at_seconds: int
    lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a believed token says."""

    realm: str
    client_id: str
    generation: int
    scope: frozenset[str]
    token_id: str


def issue(request: TokenRequest, key: LiveKey) -> Grant:
    """Sign an access token; the session of a grant is new and its own."""
    session = str(uuid4())
    header = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid}
    payload = json.dumps(_claims(request, session), separators=(",", ":"))
    return Grant(
        access_token=jws.serialize_compact(header, payload, key.key, algorithms=[key.algorithm]),
        expires_in_seconds=request.lifetime_seconds,
        session_state=session,
        scope=request.scope,
    )


def _claims(request: TokenRequest, session: str) -> dict[str, Any]:
    client = request.client
    return {
        "exp": request.issued_at_seconds + request.lifetime_seconds,
        "iat": request.issued_at_seconds,
        "jti": f"{_ID_PREFIX}{uuid4()}",
        "iss": request.issuer,
        "aud": [AUDIENCE, _COMPATIBLE_AUDIENCE, client.client_id],
        "sub": client.subject,
        "typ": "Bearer",
        "azp": client.client_id,
        "session_state": session,
        "acr": "1",
        "scope": request.scope,
        "sid": session,
        "clientHost": request.address,
        "email_verified": False,
        "preferred_username": f"service-account-{client.client_id.lower()}",
        "clientAddress": request.address,
        "client_id": client.client_id,
        "generation": client.generation,
    }


def read(token: str, ring: KeyRing, issuers: dict[str, str], now_seconds: float) -> Claims:
    """Believe a token or refuse it. `issuers`: realm by issuer.

    Errors: InvalidTokenError, whatever is wrong.
    """
    header, payload = _open(token)
    claims = _parse(payload)
    realm = issuers.get(_text(claims, "iss"))
    _demand(realm is not None, "issuer")
    assert realm is not None
    _verify(token, header, ring, realm)
    _check_times(claims, now_seconds)
    audience = claims.get("aud")
    _demand(isinstance(audience, list) and AUDIENCE in audience, "audience")
    _demand(claims.get("typ") == "Bearer", "typ claim")
    return Claims(
        realm=realm,
        client_id=_text(claims, "client_id"),
        generation=_whole(claims, "generation"),
        scope=frozenset(_text(claims, "scope").split(" ")),
        token_id=_text(claims, "jti"),
    )


def _open(token: str) -> tuple[dict[str, Any], bytes]:
    """Header and payload of a token of the right form; nothing is believed yet."""
    _demand(len(token) <= MAXIMUM_LENGTH, "length")
    form = _FORM.fullmatch(token)
    _demand(form is not None, "form")
    assert form is not None
    header, payload, _signature = (_decode(part) for part in form.groups())
    return _parse(header), payload


def _verify(token: str, header: dict[str, Any], ring: KeyRing, realm: str) -> None:
    """Exactly our header: so no `crit`, no `b64`, and no key or address of a key from outside is ever looked at."""
    _demand(header.keys() == _HEADER_NAMES and header["alg"] == ALGORITHM and header["typ"] == "JWT", "header")
    key = ring.verifying(realm, _text(header, "kid"))
    _demand(key is not None, "key id")
    assert key is not None
    try:
        jws.deserialize_compact(token, key.key, algorithms=[key.algorithm])
    except (JoseError, ValueError, TypeError) as error:
        raise _refusal("signature") from error


def _check_times(claims: dict[str, Any], now_seconds: float) -> None:
    _demand(_whole(claims, "exp") + LEEWAY_SECONDS > now_seconds, "expired")
    _demand(_whole(claims, "iat") - LEEWAY_SECONDS <= now_seconds, "issued in the future")
    if "nbf" in claims:
        _demand(_whole(claims, "nbf") - LEEWAY_SECONDS <= now_seconds, "not valid yet")


def _decode(part: str) -> bytes:
    """Base64url in its one canonical form: otherwise several strings would be the same token."""
    try:
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise _refusal("base64") from error
    _demand(urlsafe_b64encode(content).rstrip(b"=").decode() == part, "base64")
    return content


def _parse(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refusal("json") from error
    _demand(isinstance(value, dict), "json")
    assert isinstance(value, dict)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    _demand(isinstance(value, str) and value.isascii(), name)
    assert isinstance(value, str)
    return value


def _whole(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    _demand(type(value) is int and 0 <= value <= _LATEST, name)
    assert isinstance(value, int)
    return value


def _demand(holds: bool, check: str) -> None:
    if not holds:
        raise _refusal(check)


def _refusal(check: str) -> InvalidTokenError:
    error = InvalidTokenError("the access token is not valid; get a new one from the token endpoint")
    error.add_note(f"failed check: {check}")
    return error
