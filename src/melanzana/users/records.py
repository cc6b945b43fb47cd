"""People, their groups and their browser sessions, as they are stored, and what an operator decides about them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from melanzana.access.permissions import Role
from melanzana.access.records import Actor


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
    password_hash: str | None = field(repr=False)  #: argon2id; None for a person who logs in elsewhere or has not begun
    created_at: datetime
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What a new account begins with; without a password, a one-time link lets the person choose one."""

    username: str
    name: str = ""
    email: str = ""
    role: Role = Role.USER
    password: str | None = field(default=None, repr=False)
    groups: tuple[str, ...] = ()  #: names or ids


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """Fields to set; None leaves one as it is."""

    username: str | None = None
    name: str | None = None
    email: str | None = None
    role: Role | None = None
    enabled: bool | None = None
    password: str | None = field(default=None, repr=False)
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes people or groups, and whether administrators are within their reach."""

    actor: Actor
    over_admins: bool  #: may make, change and remove administrators


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPerson:
    """What an external identity provider says of somebody who has logged in there."""

    issuer: str
    subject: str  #: never anything else recognises the person: names and addresses are theirs to choose
    name: str
    email: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People under a name: a label for lists and mappings, which gives no permission by itself."""

    id: str  #: uuid
    realm: str
    name: str  #: two that differ only in case are one
    description: str
    created_at: datetime
    members: tuple[str, ...] = ()  #: user ids


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """Fields to set; None leaves one as it is."""

    name: str | None = None
    description: str | None = None
    members: tuple[str, ...] | None = None  #: user ids or names, all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that lasts, held by the server; the cookie has only its token."""

    id: str  #: uuid, `sid` of the tokens got through it
    realm: str
    user_id: str
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime  #: to the minute
    expires_at: datetime  #: however busy it is
    idle_seconds: int | None = None  #: ends after this long without use; None: as the setting says


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """How long a session lives that is no browser's: the login of a program on the person's machine."""

    idle: timedelta
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A new session, and the token for its cookie, which is stored nowhere."""

    session: Session
    token: str = field(repr=False)
    csrf_token: str = field(repr=False)  #: what the forms of this session carry; follows from `token`


class LinkPurpose(StrEnum):
    """What a one-time link lets its holder do."""

    SETUP = "setup"  #: make the first administrator
    PASSWORD = "password"  # noqa: S105 - choose a new password


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """A link that was handed out and not used; only a digest of its token is stored."""

    realm: str
    purpose: LinkPurpose
    user_id: str | None  #: whose password it sets
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HashingLimits:
    """What a password costs: OWASP's least for argon2id, and how many may be computed and wait at once."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    workers: int = 2  #: threads; the rest of the machine stays for requests that need no password
    queue: int = 64  #: logins that wait, about a second's work of two threads; one more is told to come again


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """What an operator decides about people."""

    base_url: str  #: public address without trailing slash; cookies and links follow it
    session_idle: timedelta = timedelta(hours=8)
    session_lifetime: timedelta = timedelta(hours=24)
    link_lifetime: timedelta = timedelta(hours=24)  #: of a link that sets a password
    hashing: HashingLimits = HashingLimits()
