"""Tenants and their signing keys, as they are stored."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

#: What the header of an access token may say in `typ`: as the original product's, or as RFC 9068 wants it.
TOKEN_TYPES = ("JWT", "at+jwt")
#: What a realm may sign with (RFC 7518, RFC 8037); the first is what a new realm gets.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
#: How long an access token may live, in seconds.
SHORTEST_TOKEN_SECONDS, LONGEST_TOKEN_SECONDS = 30, 3_600


class KeyState(StrEnum):
    """What a signing key is used for, in the order of its life."""

    NEXT = "next"  #: published, so that verifiers know it before it signs
    ACTIVE = "active"  #: signs and verifies; one in a realm
    PASSIVE = "passive"  #: verifies tokens it signed before
    DISABLED = "disabled"  #: no longer trusted: every token it signed is refused; its private part is erased


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A tenant: its own clients, people, keys and issuer."""

    name: str
    enabled: bool
    base_url: str | None  #: where the server last answered for it; None before its first start
    created_at: datetime
    token_type: str = TOKEN_TYPES[0]
    algorithm: str = ALGORITHMS[0]  #: of its next key; the active one keeps its own until the rotation
    not_before: int = 0  #: epoch seconds; tokens issued earlier are refused; 0 = never pushed
    token_seconds: int = 300  #: lifetime of an access token
    revision: int = 1  #: raised by every change of the realm or its keys


@dataclass(frozen=True, slots=True, kw_only=True)
class RealmChange:
    """What to change in a realm; None leaves a setting as it is."""

    enabled: bool | None = None
    token_type: str | None = None
    algorithm: str | None = None
    not_before: int | None = None
    token_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key pair as it is stored: the private part sealed with the master key."""

    kid: str  #: RFC 7638 thumbprint
    realm: str
    state: KeyState
    sealed_pem: bytes = field(repr=False)  #: empty when disabled
    created_at: datetime
    algorithm: str = ALGORITHMS[0]
    changed_at: datetime | None = None  #: since when it has its state; None since it was made
