"""Public keys that a client registers, in the one form that is kept: a JWK set whose every key names its one algorithm.

`service.py` reads what REST and the command line hand in; `assertions.py` picks the key that an assertion must be signed with.
Private members are refused, not dropped: whoever sends one has shown it to the network.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.clients.records import KeySet
from melanzana.errors import RequestError

MOST_KEYS = 5
_LONGEST_TEXT, _LONGEST_KID = 32_768, 255
_SMALLEST_RSA, _LARGEST_RSA = 2_048, 8_192
_FIELD = "public_keys"
#: What each kind of key may sign with; the first is meant when the key does not say.
_ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA", "Ed25519")}
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def read_public_keys(text: str) -> KeySet:
    """A JWK, a JWK set or a PEM public key, as the set that is kept.

    Errors: RequestError that says what is wrong with which key.
    """
    if len(text) > _LONGEST_TEXT:
        raise _wrong(f"the text is longer than {_LONGEST_TEXT} characters")
    if text.lstrip().startswith("-----BEGIN"):
        return checked_keys(_from_pem(text))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("the text is neither JSON (a JWK or a JWK set) nor a PEM public key") from None
    if not isinstance(document, dict):
        raise _wrong("a JWK or a JWK set is a JSON object")
    return checked_keys(document)


def checked_keys(document: Mapping[str, Any]) -> KeySet:
    """The set that is kept, from a JWK or a JWK set. Errors: RequestError."""
    keys = document.get("keys", [document])
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise _wrong(f"a JWK set has 1 to {MOST_KEYS} keys")
    kept = [_kept(number, key) for number, key in enumerate(keys, start=1)]
    if len({key["kid"] for key in kept}) != len(kept):
        raise _wrong("two keys have the same kid")
    return {"keys": kept}


def imported(jwk: Mapping[str, Any]) -> RSAKey | ECKey | OKPKey:
    """A kept key, ready to verify with."""
    members = {name: jwk[name] for name in ("kty", *_MEMBERS[jwk["kty"]])}
    return _TYPES[jwk["kty"]].import_key(members)


def key_ids(keys: KeySet | None) -> list[str]:
    """The `kid` of each key, for people and the audit trail."""
    return [] if keys is None else [str(key["kid"]) for key in keys["keys"]]


def _kept(number: int, jwk: Any) -> dict[str, Any]:
    kind = jwk.get("kty") if isinstance(jwk, dict) else None
    if kind == "oct" or (isinstance(jwk, dict) and not _SECRET_MEMBERS.isdisjoint(jwk)):
        raise _wrong(f"key {number} is secret: send the public key only, and make a new pair, since this one was shown")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise _wrong(f"key {number} has no kty that is known here; there are RSA, EC (P-256) and OKP (Ed25519)")
    if jwk.get("use", "sig") != "sig":
        raise _wrong(f"key {number} is not for signatures (use is not sig)")
    algorithm = jwk.get("alg", _ALGORITHMS[kind][0])
    if algorithm not in _ALGORITHMS[kind]:
        raise _wrong(f"key {number}: alg of an {kind} key is {' or '.join(_ALGORITHMS[kind])}")
    if kind in _CURVES and jwk.get("crv") != _CURVES[kind]:
        raise _wrong(f"key {number}: the curve of an {kind} key is {_CURVES[kind]}")
    return {"kid": _key_id(number, jwk, kind), "kty": kind, "alg": algorithm, "use": "sig"} | _members(jwk, kind)


def _members(jwk: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: jwk[name] for name in _MEMBERS[kind]}


def _key_id(number: int, jwk: Mapping[str, Any], kind: str) -> str:
    """The key's own id, or its thumbprint (RFC 7638); reads the key on the way."""
    try:
        bits = _modulus_bits(jwk) if kind == "RSA" else None
        if bits is not None and not _SMALLEST_RSA <= bits <= _LARGEST_RSA:
            raise _wrong(f"key {number} has {bits} bits; an RSA key has {_SMALLEST_RSA} to {_LARGEST_RSA}")
        key = _TYPES[kind].import_key({"kty": kind, **_members(jwk, kind)})
        thumbprint = key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise _wrong(f"key {number} cannot be read as an {kind} public key") from None
    kid = jwk.get("kid", thumbprint)
    if not isinstance(kid, str) or not 1 <= len(kid) <= _LONGEST_KID or not kid.isprintable():
        raise _wrong(f"key {number}: kid is a text of 1 to {_LONGEST_KID} printable characters")
    return kid


def _modulus_bits(jwk: Mapping[str, Any]) -> int:
    return int.from_bytes(urlsafe_b64decode(jwk["n"] + "==")).bit_length()


def _from_pem(text: str) -> dict[str, Any]:
    if "PRIVATE KEY" in text:
        raise _wrong("this is a private key: keep it, and send the public key (openssl pkey -in FILE -pubout)")
    try:
        public = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise _wrong("the PEM text holds no public key that can be read; it begins with -----BEGIN PUBLIC KEY-----") from None
    for kind, accepted in (("RSA", RSAPublicKey), ("EC", EllipticCurvePublicKey), ("OKP", Ed25519PublicKey)):
        if isinstance(public, accepted):
            return {**_TYPES[kind].import_key(text.strip()).as_dict(private=False), "kty": kind}
    raise _wrong("the PEM text holds a key of a kind that is not known here; there are RSA, EC (P-256) and Ed25519")


def _wrong(message: str) -> RequestError:
    return RequestError(f"public_keys: {message}", field=_FIELD)
