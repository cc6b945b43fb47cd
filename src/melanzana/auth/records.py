"""What the authorization server keeps and hands out."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class PrincipalKind(StrEnum):
    """What kind of client acts."""

    API_CLIENT = "api_client"
    AGENT = "agent"


class KeyState(StrEnum):
    """What a signing key is still used for. A key that may no longer be trusted is deleted."""

    ACTIVE = "active"  #: signs and verifies
    PASSIVE = "passive"  #: verifies tokens it signed before


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a request: the client whose access token it carried."""

    realm: str
    kind: PrincipalKind
    client_id: str
    subject: str  #: uuid of the client's service account, `sub` of its tokens
    name: str
    scopes: frozenset[str]
    agent_id: int | None = None  #: the agent whose credentials these are


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A tenant: its own clients, keys and issuer."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client of the token endpoint. Its secret is known to nobody but its owner."""

    client_id: str
    realm: str
    kind: PrincipalKind
    name: str
    description: str
    subject: str
    agent_id: int | None
    secret_digest: bytes = field(repr=False)
    pepper_version: int
    generation: int  #: counts secrets; a token is good only while its generation is the client's
    created_by: str
    created_at: datetime
    last_used_at: datetime | None  #: last token granted, to the minute
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedClient:
    """What the owner of a new client or secret gets, once."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a caller of the token endpoint presented to say who it is; None where it presented nothing."""

    client_id: str | None
    client_secret: str | None = field(repr=False)
    by_header: bool = False  #: the request carried an Authorization header, so a refusal must carry WWW-Authenticate


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An access token and what its owner is told about it."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    session_state: str
    scope: str
