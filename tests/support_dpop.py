"""Proofs of possession as a client makes them, and as somebody who should not."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from support_auth import StillClock

ABSENT = object()
_ALGORITHMS = ["ES256", "Ed25519", "PS256", "RS256", "HS256"]


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256")


@dataclass
class Holder:
    """Somebody with a key of their own."""

    clock: StillClock
    key: ECKey | OKPKey | RSAKey = field(default_factory=_new_key)
    algorithm: str = "ES256"

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(self, method: str, url: str, token: str | None = None, **changes: Any) -> str:
        """A proof for this request; `changes` replace claims, or with ABSENT leave them out."""
        claims: dict[str, Any] = {"jti": str(uuid4()), "htm": method, "htu": url, "iat": int(self.clock.now().timestamp())}
        if token is not None:
            claims["ath"] = encoded(sha256(token.encode()).digest())
        return self.signed({}, changed(claims, changes))

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A proof with these changes of the header, really signed by our key."""
        whole = changed({"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.key.as_dict(private=False)}, header)
        registry = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        registry.max_header_length = 8_192
        return jws.serialize_compact(whole, json.dumps(claims), self.key, registry=registry)


def changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**values, **changes}.items() if value is not ABSENT}


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
