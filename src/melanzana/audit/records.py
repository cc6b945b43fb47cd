"""One entry of the audit trail, how to ask for some, and what a verification found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from melanzana.access.records import Actor


class Outcome(StrEnum):
    """How it ended."""

    SUCCESS = "success"
    FAILURE = "failure"


class Action(StrEnum):
    """What was done, in words `thing.verb`."""

    TOKEN_GRANT = "token.grant"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    CLIENT_CREATE = "client.create"
    CLIENT_CHANGE = "client.change"
    CLIENT_REGENERATE = "client.regenerate"
    CLIENT_REVOKE = "client.revoke"
    CLIENT_DOWNLOAD = "client.download"
    LOGIN = "login"
    LOGOUT = "logout"
    SESSION_REVOKE = "session.revoke"
    USER_CREATE = "user.create"
    USER_CHANGE = "user.change"
    USER_DELETE = "user.delete"
    PASSWORD_CHANGE = "password.change"  # noqa: S105
    GROUP_CHANGE = "group.change"
    KEY_ROTATE = "key.rotate"
    KEY_CHANGE = "key.change"
    REALM_CREATE = "realm.create"
    REALM_CHANGE = "realm.change"
    SUT_CREATE = "sut.create"
    SUT_CHANGE = "sut.change"
    SUT_DELETE = "sut.delete"
    SUT_UNLOCK = "sut.unlock"
    NOTIFICATION_CREATE = "notification.create"
    NOTIFICATION_CHANGE = "notification.change"
    NOTIFICATION_DELETE = "notification.delete"
    MAIL_SERVER_CHANGE = "mail_server.change"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What a room asks to have recorded. It never holds a secret, a token, a code or a password."""

    realm: str
    action: str  #: an `Action`; read back, perhaps a word that a newer version wrote
    actor: Actor
    subject: str = ""  #: id of what it was done to: a client id, a user id, a key id
    outcome: str = Outcome.SUCCESS  #: an `Outcome`
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An entry as it stands in the trail of its realm."""

    number: int  #: from 1, without a gap, in its realm
    at: datetime
    entry: AuditEntry
    previous_hash: str  #: hex; of the record before, 64 zeros for the first
    hash: str  #: hex SHA-256 over this record's own fields and `previous_hash`


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which records to give; None and empty let everything through."""

    action: str = ""  #: `client.create`, or `client` for every action on clients
    actor: str = ""  #: id or name, whole
    subject: str = ""  #: whole
    outcome: str = ""
    text: str = ""  #: found anywhere in actor, address, subject or detail, in any case
    since: datetime | None = None
    until: datetime | None = None  #: that instant itself no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a realm's chain. Kept outside, it later shows whether anything up to it was touched."""

    number: int  #: 0 when the trail is empty
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look at every record of a realm found."""

    records: int  #: that are there
    ok: bool
    first_broken: int | None  #: number of the first record that is missing or not what was written
    head_hash: str  #: of the last record as it is stored
