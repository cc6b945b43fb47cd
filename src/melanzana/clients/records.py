"""What is kept of a client, what an admin decides about it, and what its owner gets once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import PrincipalKind

#: A JWK set (RFC 7517 section 5) of public keys.
KeySet = Mapping[str, Any]


class ClientStatus(StrEnum):
    """Whether a client is let in."""

    ACTIVE = "active"
    EXPIRED = "expired"  #: its date is past; a later one lets it in again
    REVOKED = "revoked"  #: for good


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What an admin decides about a client and may change."""

    name: str
    description: str = ""
    scopes: frozenset[str] | None = None  #: None: everything that its kind may do
    expires_at: datetime | None = None  #: None: never
    allowed_addresses: tuple[str, ...] = ()  #: networks such as 192.0.2.0/24; empty: from anywhere
    public_keys: KeySet | None = None  #: what its signed assertions are verified with; None: it signs none


class ClientFields(TypedDict, total=False):
    """Some of the settings, for a change."""

    name: str
    description: str
    scopes: frozenset[str] | None
    expires_at: datetime | None
    allowed_addresses: tuple[str, ...]
    public_keys: KeySet | None


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
    secret_digest: bytes = field(repr=False)  #: empty: it has no secret and proves itself with a key
    previous_digest: bytes | None = field(repr=False)  #: of the secret before, while both are good
    previous_until: datetime | None
    pepper_version: int
    public_keys: KeySet | None = field(repr=False)
    generation: int  #: raised when its tokens are to end; a token is good only while its generation is the client's
    scopes: frozenset[str] | None
    allowed_addresses: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None  #: last token granted, to the minute
    last_used_address: str | None
    revoked_at: datetime | None

    @property
    def permitted(self) -> frozenset[str]:
        """What its tokens may do at most, now."""
        everything = frozenset(SCOPES_OF[self.kind])
        return everything if self.scopes is None else everything & self.scopes

    @property
    def settings(self) -> ClientSettings:
        """What a change starts from."""
        return ClientSettings(
            name=self.name,
            description=self.description,
            scopes=self.scopes,
            expires_at=self.expires_at,
            allowed_addresses=self.allowed_addresses,
            public_keys=self.public_keys,
        )

    def status(self, now: datetime) -> ClientStatus:
        """Revoked stays revoked, whatever the date."""
        if self.revoked_at is not None:
            return ClientStatus.REVOKED
        expired = self.expires_at is not None and self.expires_at <= now
        return ClientStatus.EXPIRED if expired else ClientStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedClient:
    """What the owner of a new client or secret gets, once."""

    client_id: str
    client_secret: str = field(repr=False)  #: empty for a client that proves itself with a key only
    token_url: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a caller of the token endpoint presented to say who it is; None where it presented nothing."""

    client_id: str | None
    client_secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)  #: `client_assertion` (RFC 7523)
    assertion_type: str | None = None  #: `client_assertion_type`
    by_header: bool = False  #: the request carried an Authorization header, so a refusal must carry WWW-Authenticate
