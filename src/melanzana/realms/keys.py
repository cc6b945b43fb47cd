"""The signing keys, unsealed once and kept as objects.

Parsing a private key costs a hundred times a signature, so each is parsed when it is loaded, and the published set is made once a
ring. The key id is the RFC 7638 thumbprint. `service.py` replaces a realm's part of the ring when the realm's revision moved.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.realms.master_key import MasterKey
from melanzana.realms.records import KeyState, SigningKey

ALGORITHM = "RS256"
_BITS = 2048
_Jwk = RSAKey | ECKey | OKPKey
_Private = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
_MAKERS: dict[str, Callable[[], _Private]] = {
    "RS256": lambda: generate_rsa(public_exponent=65537, key_size=_BITS),
    "ES256": lambda: generate_ec(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}
#: The order in the published set: a client that takes the first key takes the one that signs.
_ORDER = (KeyState.ACTIVE, KeyState.NEXT, KeyState.PASSIVE)
_PUBLIC_MEMBERS = ("n", "e", "crv", "x", "y")


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key ready for use."""

    kid: str
    realm: str
    state: KeyState
    algorithm: str  #: `alg` of the tokens it signs; no other is verified with it
    key: _Jwk


class RealmKeys:
    """The trusted keys of one realm at one revision."""

    def __init__(self, keys: Iterable[LiveKey]) -> None:
        self.all = sorted((key for key in keys if key.state in _ORDER), key=lambda key: _ORDER.index(key.state))
        self.by_kid = {key.kid: key for key in self.all}
        self.signing = next((key for key in self.all if key.state is KeyState.ACTIVE), None)

    @cached_property
    def published(self) -> dict[str, Any]:
        return {"keys": [_public(key) for key in self.all]}


class KeyRing:
    """Every key of every realm that is trusted at all."""

    def __init__(self, keys: Iterable[LiveKey] = ()) -> None:
        every = list(keys)
        names = {key.realm for key in every}
        self._realms: Mapping[str, RealmKeys] = {name: RealmKeys(key for key in every if key.realm == name) for name in names}

    def verifying(self, realm: str, kid: str) -> LiveKey | None:
        """The realm's key of that id; another realm's key is no key."""
        keys = self._realms.get(realm)
        return None if keys is None else keys.by_kid.get(kid)

    def signing(self, realm: str) -> LiveKey | None:
        keys = self._realms.get(realm)
        return None if keys is None else keys.signing

    def of(self, realm: str) -> list[LiveKey]:
        """Active, then next, then passive."""
        keys = self._realms.get(realm)
        return [] if keys is None else keys.all

    def published(self, realm: str) -> dict[str, Any]:
        """The realm's JWK set (RFC 7517): public members only."""
        keys = self._realms.get(realm)
        return {"keys": []} if keys is None else keys.published

    def with_realm(self, realm: str, keys: Iterable[LiveKey]) -> "KeyRing":
        """The same ring with this realm's keys replaced."""
        ring = KeyRing()
        ring._realms = {**self._realms, realm: RealmKeys(keys)}
        return ring


def unseal(stored: SigningKey, master: MasterKey) -> LiveKey:
    """Errors: SettingsError when the master key is another one."""
    pem = master.open(stored.sealed_pem, stored.kid)
    return LiveKey(stored.kid, stored.realm, stored.state, stored.algorithm, _TYPES[stored.algorithm].import_key(pem))


def new_signing_key(
    realm: str, master: MasterKey, created_at: datetime, algorithm: str = ALGORITHM, state: KeyState = KeyState.ACTIVE
) -> SigningKey:
    """A fresh key, sealed. RSA takes some tenths of a second: call it off the event loop."""
    kid = "-"
    while kid.startswith("-"):  # a command line would take it for an option
        pem = _MAKERS[algorithm]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        kid = _TYPES[algorithm].import_key(pem).thumbprint()
    sealed = master.seal(pem, kid)
    return SigningKey(kid=kid, realm=realm, state=state, algorithm=algorithm, sealed_pem=sealed, created_at=created_at)


def entity_tag(document: dict[str, Any]) -> str:
    """ETag of a JSON document."""
    return '"' + sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32] + '"'


def _public(key: LiveKey) -> dict[str, Any]:
    members = key.key.as_dict(private=False)
    shown = {name: members[name] for name in _PUBLIC_MEMBERS if name in members}
    return {"kid": key.kid, "kty": members["kty"], "alg": key.algorithm, "use": "sig", **shown}
