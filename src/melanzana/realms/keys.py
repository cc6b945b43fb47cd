"""The signing keys, unsealed once and kept as objects.

Parsing a private key costs a hundred times a signature, so each is parsed when it is loaded. The key id is the RFC 7638 thumbprint.
A realm signs with its active key; passive keys verify what they signed before and stay in the published set.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from melanzana.realms.master_key import MasterKey
from melanzana.realms.records import KeyState, SigningKey

ALGORITHM = "RS256"
_BITS = 2048


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key ready for use."""

    kid: str
    realm: str
    state: KeyState
    rsa: RSAKey


class KeyRing:
    """Every key of every realm."""

    def __init__(self, keys: Iterable[LiveKey] = ()) -> None:
        self._by_kid = {key.kid: key for key in keys}

    def verifying(self, realm: str, kid: str) -> LiveKey | None:
        """The realm's key of that id; another realm's key is no key."""
        key = self._by_kid.get(kid)
        return key if key is not None and key.realm == realm else None

    def signing(self, realm: str) -> LiveKey | None:
        return next((key for key in self.of(realm) if key.state is KeyState.ACTIVE), None)

    def of(self, realm: str) -> list[LiveKey]:
        return [key for key in self._by_kid.values() if key.realm == realm]

    def published(self, realm: str) -> dict[str, Any]:
        """The realm's JWK set (RFC 7517): public members only."""
        return {"keys": [_public(key) for key in self.of(realm)]}


def unseal(stored: SigningKey, master: MasterKey) -> LiveKey:
    """Errors: SettingsError when the master key is another one."""
    pem = master.open(stored.sealed_pem, stored.kid)
    return LiveKey(stored.kid, stored.realm, stored.state, RSAKey.import_key(pem))


def new_signing_key(realm: str, master: MasterKey, created_at: datetime) -> SigningKey:
    """A fresh RSA-2048 key, sealed. Takes some tenths of a second: call it off the event loop."""
    private = generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    kid = RSAKey.import_key(pem).thumbprint()
    return SigningKey(kid=kid, realm=realm, state=KeyState.ACTIVE, sealed_pem=master.seal(pem, kid), created_at=created_at)


def entity_tag(document: dict[str, Any]) -> str:
    """ETag of a JSON document."""
    return '"' + sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32] + '"'


def _public(key: LiveKey) -> dict[str, Any]:
    members = key.rsa.as_dict(private=False)
    return {"kid": key.kid, "kty": "RSA", "alg": ALGORITHM, "use": "sig", "n": members["n"], "e": members["e"]}
