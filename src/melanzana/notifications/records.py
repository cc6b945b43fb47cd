"""What a notification profile is, and what is on its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class ProfileKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


class DeliveryState(StrEnum):
    WAITING = "waiting"  #: to be sent at `due_at`
    DELIVERED = "delivered"
    FAILED = "failed"  #: given up


#: Pauses before a delivery is tried again; after the last it is given up. About half a day in all.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 10_800, 28_800))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDraft:
    """The values of a profile that a person chooses. Fields of the other kind stay empty."""

    name: str
    kind: ProfileKind
    enabled: bool = True
    always: bool = False  #: for every task instance of the realm, also of configurations that do not name it
    only_problems: bool = False  #: not for those that passed without a flaky step
    url: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  #: may hold secrets: stored sealed
    content: str = ""  #: template of the body; empty: the standard one
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile as it is kept."""

    id: str  #: uuid
    realm: str
    draft: ProfileDraft
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one profile. The `id` is the same in every try, so that a receiver can tell a repetition."""

    id: str  #: uuid
    realm: str
    profile_id: str
    facts: Mapping[str, Any]  #: what is told, by the names of the template
    state: DeliveryState
    tries: int
    due_at: datetime
    created_at: datetime
    ended_at: datetime | None = None
    message: str = ""  #: of the last try that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The mail server of a realm."""

    host: str
    port: int = 587
    security: str = "starttls"  #: `starttls`, `tls` or `none`
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
