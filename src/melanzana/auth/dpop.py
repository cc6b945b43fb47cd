"""Proofs of possession (RFC 9449): a token that only the holder of a private key can use.

The token endpoint reads a proof to bind a token to its key (`cnf.jkt`); every request with such a token brings another proof, made
for that method, that address and that token. `service.py` and `believing.py` read proofs here and remember used ones in
`revocations.py`.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.auth.strict import LEEWAY_SECONDS, Key, Opened, RefusedError, demand, open_token

#: What a proof may be signed with, best first.
ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256", "RS256")
#: How old a proof may be, in seconds.
LIFETIME_SECONDS = 60
_LONGEST_ID = 256
_RSA_BITS = range(2_048, 4_097)
_KINDS: dict[str, tuple[type[Key], dict[str, str]]] = {
    "ES256": (ECKey, {"kty": "EC", "crv": "P-256"}),
    "EdDSA": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "Ed25519": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "PS256": (RSAKey, {"kty": "RSA"}),
    "RS256": (RSAKey, {"kty": "RSA"}),
}
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "key_ops"})
_HEADER_NAMES = frozenset({"typ", "alg", "jwk", "kid"})
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a proof must have been made for."""

    method: str
    url: str  #: from the configured public address, never from the Host header
    now_seconds: float
    access_token: str | None = None  #: None at the token endpoint, where there is none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof that was made for this use; whether it was used before is not known here."""

    thumbprint: str  #: RFC 7638, of the key that signed it
    id: str
    good_until_seconds: float


def read_proof(headers: Sequence[str], use: Use) -> Proof | None:
    """The proof of the DPoP headers; None when there is none.

    Errors: RefusedError, whatever is wrong.
    """
    if not headers:
        return None
    demand(len(headers) == 1, "two DPoP headers")
    proof = open_token(headers[0])
    key = _key(proof.header)
    proof.verify(key, proof.header["alg"])
    demand(proof.text("htm") == use.method, "htm")
    demand(_same_address(proof.text("htu"), use.url), "htu")
    issued = proof.whole("iat")
    demand(use.now_seconds - LIFETIME_SECONDS <= issued <= use.now_seconds + LEEWAY_SECONDS, "iat")
    if use.access_token is not None:
        demand(proof.text("ath") == _hash(use.access_token), "ath")
    return Proof(thumbprint=key.thumbprint(), id=_id(proof), good_until_seconds=issued + LIFETIME_SECONDS + 1)


def challenge(error: str | None = None, description: str = "") -> str:
    """A WWW-Authenticate value of section 7.1."""
    reason = "" if error is None else f'error="{error}", error_description="{description}", '
    return f'DPoP {reason}algs="{" ".join(ALGORITHMS)}"'


def _key(header: dict[str, Any]) -> Key:
    """The public key that the header carries; everything that could lead elsewhere is refused."""
    demand(header.keys() <= _HEADER_NAMES and header.get("typ") == "dpop+jwt", "header")
    algorithm, jwk = header.get("alg"), header.get("jwk")
    demand(isinstance(algorithm, str) and algorithm in _KINDS and isinstance(jwk, dict), "alg")
    assert isinstance(algorithm, str) and isinstance(jwk, dict)
    kind, members = _KINDS[algorithm]
    demand(jwk.keys() <= _PUBLIC_MEMBERS and members.items() <= jwk.items(), "jwk")
    try:
        key = kind.import_key({name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise RefusedError("jwk") from error
    demand(not isinstance(key, RSAKey) or key.public_key.key_size in _RSA_BITS, "jwk size")
    return key


def _id(proof: Opened) -> str:
    identity = proof.text("jti")
    demand(0 < len(identity) <= _LONGEST_ID, "jti")
    return identity


def _hash(access_token: str) -> str:
    return urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def _same_address(claimed: str, expected: str) -> bool:
    try:
        return _normal(claimed) == _normal(expected)
    except ValueError:
        return False


def _normal(url: str) -> tuple[str, str | None, int | None, str]:
    """Scheme, host, port and path in one spelling (RFC 3986 section 6.2.2); query and fragment do not count."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials in the address")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme), _ESCAPE.sub(_unescape, parts.path or "/")


def _unescape(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0].upper()
