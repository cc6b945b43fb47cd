"""Access tokens: what they say, signing one, and reading one that somebody presents.

`service.py` and the login sign here, `believing.py` reads. Claims and their order are Keycloak's, with `generation` added: the
number of the client's secret with which the token was got. A person's token has none; its `azp` is a public client and its `sid` a
login. Reading is stricter than any library: exactly our header (so no `crit`, no `b64`, and no key or address of a key from outside
is ever looked at), integers that are integers, the audience as a list.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from melanzana.auth.public_clients import public_client
from melanzana.auth.strict import LEEWAY_SECONDS, MAXIMUM_LENGTH, Opened, RefusedError, demand, open_token, refusal
from melanzana.auth.strict import sign as sign_jws
from melanzana.clients.records import Client
from melanzana.realms.keys import KeyRing, LiveKey

__all__ = ["AUDIENCE", "LEEWAY_SECONDS", "MAXIMUM_LENGTH", "Claims", "LiveKey", "Opened", "TokenRequest", "opened", "read", "sign"]

AUDIENCE = "melanzana"
#: The audience that Keycloak's tokens carry by default.
_COMPATIBLE_AUDIENCE = "account"
#: Context prefix of Keycloak's token ids: transient session, regular token, client credentials.
_ID_PREFIX = "trrtcc:"
_HEADER_NAMES = {"alg", "typ", "kid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What one token of a client is to say."""

    client: Client
    issuer: str
    scope: str
    address: str  #: where the request came from
    issued_at_seconds: int
    lifetime_seconds: int
    key_thumbprint: str | None = None  #: of the key that alone may use it (RFC 9449)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a token is read against."""

    realm: str
    issuer: str
    ring: KeyRing
    token_types: frozenset[str]  #: what `typ` of the header may say
    now_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a believed token says."""

    realm: str
    client_id: str  #: who got it
    subject: str
    session_id: str
    generation: int | None  #: None: a person's
    scope: frozenset[str]
    token_id: str
    issued_at: int
    expires_at: int
    key_thumbprint: str | None
    everything: Mapping[str, Any]


def client_claims(request: TokenRequest) -> dict[str, Any]:
    """The claims of a client's access token, in Keycloak's order; the session of a grant is new and its own."""
    client, session = request.client, str(uuid4())
    return {
        "exp": request.issued_at_seconds + request.lifetime_seconds,
        "iat": request.issued_at_seconds,
        "jti": f"{_ID_PREFIX}{uuid4()}",
        "iss": request.issuer,
        "aud": [AUDIENCE, _COMPATIBLE_AUDIENCE, client.client_id],
        "sub": client.subject,
        "typ": "Bearer" if request.key_thumbprint is None else "DPoP",
        "azp": client.client_id,
        "session_state": session,
        "acr": "1",
        **({} if request.key_thumbprint is None else {"cnf": {"jkt": request.key_thumbprint}}),
        "scope": request.scope,
        "sid": session,
        "clientHost": request.address,
        "email_verified": False,
        "preferred_username": f"service-account-{client.client_id.lower()}",
        "clientAddress": request.address,
        "client_id": client.client_id,
        "generation": client.generation,
    }


def sign(claims: Mapping[str, Any], key: LiveKey, token_type: str) -> str:
    """A token of these claims. `token_type`: `typ` of the header, `JWT` or `at+jwt`."""
    return sign_jws({"alg": key.algorithm, "typ": token_type, "kid": key.kid}, claims, key.key)


class _Verified:
    """The tokens whose signature was found good last, each with the key it is of: to check that again would say nothing new.

    Everything else of a token is looked at each time, and a key that is withdrawn is no longer the one of its ring.
    """

    def __init__(self, kept: int = 2_048) -> None:
        self._kept = kept
        self._tokens: OrderedDict[str, tuple[Opened, LiveKey]] = OrderedDict()

    def opened(self, token: str) -> Opened | None:
        found = self._tokens.get(token)
        return None if found is None else found[0]

    def has(self, token: Opened, key: LiveKey) -> bool:
        found = self._tokens.get(token.token)
        return found is not None and found[1] is key

    def keep(self, token: Opened, key: LiveKey) -> None:
        self._tokens[token.token] = (token, key)
        if len(self._tokens) > self._kept:
            self._tokens.popitem(last=False)


_verified = _Verified()


def opened(token: str) -> Opened:
    """The token taken apart; nothing of it is believed yet. Errors: InvalidTokenError."""
    try:
        return _verified.opened(token) or open_token(token)
    except RefusedError as error:
        raise refusal(error) from error


def read(token: Opened, reading: Reading) -> Claims:
    """Believe a token or refuse it. Errors: InvalidTokenError, whatever is wrong."""
    try:
        return _read(token, reading)
    except RefusedError as error:
        raise refusal(error) from error


def _read(token: Opened, reading: Reading) -> Claims:
    demand(token.claims.get("iss") == reading.issuer, "issuer")
    _verify(token, reading)
    _check_times(token, reading.now_seconds)
    audience = token.claims.get("aud")
    demand(isinstance(audience, list) and AUDIENCE in audience, "audience")
    thumbprint = _thumbprint(token)
    demand(token.claims.get("typ") == ("Bearer" if thumbprint is None else "DPoP"), "typ claim")
    client_id = token.text("azp")
    demand(token.claims.get("client_id") == client_id, "client_id")
    person = public_client(client_id) is not None
    demand(not person or "generation" not in token.claims, "generation")
    return Claims(
        realm=reading.realm,
        client_id=client_id,
        subject=token.text("sub"),
        session_id=token.text("sid"),
        generation=None if person else token.whole("generation"),
        scope=frozenset(token.text("scope").split(" ")),
        token_id=token.text("jti"),
        issued_at=token.whole("iat"),
        expires_at=token.whole("exp"),
        key_thumbprint=thumbprint,
        everything=token.claims,
    )


def _verify(token: Opened, reading: Reading) -> None:
    header = token.header
    demand(header.keys() == _HEADER_NAMES and header["typ"] in reading.token_types, "header")
    kid = header["kid"]
    key = reading.ring.verifying(reading.realm, kid) if isinstance(kid, str) else None
    demand(key is not None and header["alg"] == key.algorithm, "key id")
    assert key is not None
    if not _verified.has(token, key):
        token.verify(key.key, key.algorithm)
        _verified.keep(token, key)


def _check_times(token: Opened, now_seconds: float) -> None:
    demand(token.whole("exp") + LEEWAY_SECONDS > now_seconds, "expired")
    demand(token.whole("iat") - LEEWAY_SECONDS <= now_seconds, "issued in the future")
    if "nbf" in token.claims:
        demand(token.whole("nbf") - LEEWAY_SECONDS <= now_seconds, "not valid yet")


def _thumbprint(token: Opened) -> str | None:
    """Of the key that the token is bound to; None when it is bound to none."""
    if "cnf" not in token.claims:
        return None
    binding = token.claims["cnf"]
    demand(isinstance(binding, dict) and binding.keys() == {"jkt"} and isinstance(binding["jkt"], str), "cnf")
    thumbprint: str = binding["jkt"]
    return thumbprint
