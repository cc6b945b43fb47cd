"""What the tokens of a person say: access token, ID token, refresh token.

`login.py` asks for the claims and has `tokens.py` sign them. The names are Keycloak's; the scope names every permission that the
person's role has, or fewer when the client asked for fewer.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from melanzana.access.permissions import SCOPES_OF_ROLE, Role, Scope
from melanzana.auth.tokens import AUDIENCE
from melanzana.users.records import User

#: Context prefixes of Keycloak's token ids: online session, regular token, then the grant.
CODE_PREFIX, REFRESH_PREFIX = "onrtac:", "onrtrt:"
_COMPATIBLE_AUDIENCE = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who the tokens of one grant are for, and through which login."""

    user: User
    client_id: str
    session_id: str
    issuer: str
    scope: str  #: as answered: permission words and the words of OpenID Connect
    authenticated_at: datetime
    issued_at: datetime
    lifetime_seconds: int


def scope_of(role: Role, asked: str) -> str:
    """The scope that a person of this role gets: the permission words asked for, or all of the role when none was named."""
    words = dict.fromkeys(word for word in asked.split(" ") if word)
    permissions = [word for word in words if word in frozenset(Scope)]
    allowed = SCOPES_OF_ROLE[role]
    kept = [word for word in permissions if word in allowed] if permissions else sorted(allowed)
    return " ".join([*(word for word in words if word not in frozenset(Scope)), *kept])


def access_claims(subject: Subject, id_prefix: str) -> dict[str, Any]:
    """The claims of an access token, in Keycloak's order."""
    return {
        **_common(subject, id_prefix),
        "aud": [AUDIENCE, _COMPATIBLE_AUDIENCE],
        "sub": subject.user.id,
        "typ": "Bearer",
        "azp": subject.client_id,
        "session_state": subject.session_id,
        "acr": "1",
        "realm_access": {"roles": [subject.user.role.value]},
        "scope": subject.scope,
        "sid": subject.session_id,
        "client_id": subject.client_id,
        **_person(subject.user),
    }


def id_claims(subject: Subject, nonce: str | None, access_token: str, algorithm: str) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core section 2): for the client alone, worth nothing at the API."""
    return {
        **_common(subject, ""),
        "aud": subject.client_id,
        "sub": subject.user.id,
        "typ": "ID",
        "azp": subject.client_id,
        **({"nonce": nonce} if nonce is not None else {}),
        "at_hash": at_hash(access_token, algorithm),
        "acr": "1",
        "sid": subject.session_id,
        **_person(subject.user),
    }


def at_hash(access_token: str, algorithm: str) -> str:
    """The left half of the access token's hash, by the hash of the signature (Ed25519 hashes with SHA-512)."""
    digest = (sha512 if algorithm in {"EdDSA", "Ed25519"} else sha256)(access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def new_secret() -> str:
    """A code or a refresh token: 256 random bits; only a digest of it is stored."""
    return token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _common(subject: Subject, id_prefix: str) -> dict[str, Any]:
    issued = int(subject.issued_at.timestamp())
    return {
        "exp": issued + subject.lifetime_seconds,
        "iat": issued,
        "auth_time": int(subject.authenticated_at.timestamp()),
        "jti": f"{id_prefix}{uuid4()}",
        "iss": subject.issuer,
    }


def _person(user: User) -> Mapping[str, Any]:
    return {
        "email_verified": False,
        "name": user.name,
        "preferred_username": user.username,
        **({"email": user.email} if user.email else {}),
    }
