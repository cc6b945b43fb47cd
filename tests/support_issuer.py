"""An identity provider of other people's making, as far as httpx can tell: answers in this process, counts what is asked."""

import hmac
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import RSAKey

from support_auth import encode, signed

ISSUER = "https://login.example.net/tenant"
AUDIENCE = "melanzana-api"


@cache
def issuer_key(kid: str) -> RSAKey:
    """Made once for all tests."""
    return RSAKey.generate_key(2048, {"kid": kid}, private=True)


@dataclass
class Issuer:
    """Its key may be changed, and it may be switched off."""

    key: RSAKey = field(default_factory=lambda: issuer_key("first"))
    up: bool = True
    asked: Counter[str] = field(default_factory=Counter)
    metadata: dict[str, Any] = field(default_factory=dict)
    padding: int = 0  #: extra bytes of each answer

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    @property
    def private(self) -> RSAPrivateKey:
        key = self.key.private_key
        assert isinstance(key, RSAPrivateKey)
        return key

    def claims(self, now_seconds: float, **changes: Any) -> dict[str, Any]:
        """A good access token's claims; a change to None leaves one out."""
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "somebody",
            "azp": "a-program",
            "exp": int(now_seconds) + 300,
            "iat": int(now_seconds),
            "preferred_username": "grace",
            "realm_access": {"roles": ["testers"]},
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, now_seconds: float, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Signed with RS256 by the issuer's key, with whatever header and claims."""
        good = {"alg": "RS256", "kid": "first", "typ": "JWT"}
        return signed(self.private, {**good, **(header or {})}, self.claims(now_seconds, **changes))

    def hmac_token(self, now_seconds: float, secret: bytes) -> str:
        """Signed with HS256."""
        parts = [encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "first"}, self.claims(now_seconds))]
        return ".".join([*parts, encode(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])

    def _answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked[url] += 1
        if not self.up:
            raise httpx.ConnectError("switched off")
        if url == f"{ISSUER}/.well-known/openid-configuration":
            found = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", "x": "x" * self.padding}
            return httpx.Response(200, json={**found, **self.metadata})
        if url == f"{ISSUER}/keys":
            public = {**self.key.as_dict(private=False), "use": "sig"}
            others = [{"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {"kty": "nonsense"}]
            return httpx.Response(200, json={"keys": [public, *others]})
        return httpx.Response(404)
