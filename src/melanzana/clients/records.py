"""What is kept of a client, and what its owner gets once."""

from dataclasses import dataclass, field
from datetime import datetime

from melanzana.access.records import PrincipalKind


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
