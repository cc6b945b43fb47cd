"""Tenants and their signing keys, as they are stored."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class KeyState(StrEnum):
    """What a signing key is still used for. A key that may no longer be trusted is deleted."""

    ACTIVE = "active"  #: signs and verifies
    PASSIVE = "passive"  #: verifies tokens it signed before


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A tenant: its own clients, people, keys and issuer."""

    name: str
    enabled: bool
    base_url: str | None  #: where the server last answered for it; None before its first start
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An RSA key pair as it is stored: the private part sealed with the master key."""

    kid: str  #: RFC 7638 thumbprint
    realm: str
    state: KeyState
    sealed_pem: bytes = field(repr=False)
    created_at: datetime
