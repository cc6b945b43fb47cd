"""People, their groups and their browser sessions, as they are stored."""

from dataclasses import dataclass, field
from datetime import datetime

from melanzana.access.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person's account."""

    id: str  #: uuid, `sub` of the person's tokens
    realm: str
    username: str  #: as written; two that differ only in case are one
    name: str  #: as shown; the username when nothing else was given
    email: str
    role: Role
    enabled: bool
    password_hash: str | None = field(repr=False)  #: argon2id; None for a person who logs in elsewhere
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that lasts, held by the server; the cookie has only its token."""

    id: str  #: uuid, `sid` of the tokens got through it
    realm: str
    user_id: str
    csrf_token: str = field(repr=False)
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime  #: however busy it is


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A new session and the token for its cookie, which is stored nowhere."""

    session: Session
    token: str = field(repr=False)
