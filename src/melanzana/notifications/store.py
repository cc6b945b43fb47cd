"""The SQL of notification profiles, deliveries and mail servers. Only `notifications/service.py` opens it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from melanzana.errors import ConflictError, NotFoundError
from melanzana.notifications.records import Delivery, DeliveryState, Profile, ProfileDraft, ProfileKind
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText

notification_profiles = Table(
    "notification_profiles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("always", Boolean, nullable=False),
    Column("only_problems", Boolean, nullable=False),
    Column("url", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("recipients", JsonText, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("realm", "name"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("profile_id", Text, ForeignKey("notification_profiles.id"), nullable=False),
    Column("facts", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("message", Text, nullable=False),
    Index("ix_deliveries_state_due_at", "state", "due_at"),
    Index("ix_deliveries_realm_created_at", "realm", "created_at"),
)

mail_servers = Table(
    "mail_servers",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

_DRAFT = ("name", "enabled", "always", "only_problems", "url", "method", "content")
_PROFILE = ("id", "realm", "created_at", "created_by")


def all_of(tx: Connection, realm: str) -> tuple[tuple[Profile, bytes], ...]:
    """Every profile of the realm by name, and what is sealed of each."""
    question = select(notification_profiles).where(notification_profiles.c.realm == realm)
    return tuple((_profile(row), row["sealed"]) for row in tx.execute(question.order_by(notification_profiles.c.name)).mappings())


def find(tx: Connection, realm: str, profile_id: str) -> tuple[Profile, bytes]:
    """Raises NotFoundError."""
    which = (notification_profiles.c.realm == realm, notification_profiles.c.id == profile_id.lower())
    row = tx.execute(select(notification_profiles).where(*which)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no notification profile {profile_id}", field="profile_id")
    return _profile(row), row["sealed"]


def add(tx: Connection, profile: Profile, sealed: bytes) -> None:
    """Raises ConflictError when the name is taken."""
    _require_free(tx, profile)
    tx.execute(insert(notification_profiles).values(_columns(profile, sealed)))


def change(tx: Connection, profile: Profile, sealed: bytes) -> None:
    """Raises ConflictError when the name is taken."""
    _require_free(tx, profile)
    tx.execute(update(notification_profiles).where(notification_profiles.c.id == profile.id).values(_columns(profile, sealed)))


def remove(tx: Connection, profile_id: str) -> None:
    """With its deliveries."""
    tx.execute(delete(deliveries).where(deliveries.c.profile_id == profile_id))
    tx.execute(delete(notification_profiles).where(notification_profiles.c.id == profile_id))


def add_delivery(tx: Connection, delivery: Delivery) -> None:
    values = {name: getattr(delivery, name) for name in Delivery.__dataclass_fields__}
    tx.execute(insert(deliveries).values({**values, "facts": dict(delivery.facts), "state": delivery.state.value}))


def due(tx: Connection, now: datetime, most: int) -> tuple[Delivery, ...]:
    """Those whose time has come, the longest waiting first."""
    which = (deliveries.c.state == DeliveryState.WAITING.value, deliveries.c.due_at <= now)
    question = select(deliveries).where(*which).order_by(deliveries.c.due_at).limit(most)
    return tuple(_delivery(row) for row in tx.execute(question).mappings())


def write_delivery(tx: Connection, before: Delivery, **values: Any) -> bool:
    """Store it, unless another server did something with it since; whether it was stored."""
    which = (deliveries.c.id == before.id, deliveries.c.tries == before.tries, deliveries.c.state == before.state.value)
    return tx.execute(update(deliveries).where(*which).values(values)).rowcount == 1


def page(tx: Connection, realm: str, limit: int, offset: int) -> tuple[tuple[Delivery, ...], int]:
    """The newest first, and how many there are."""
    total = tx.execute(select(func.count()).select_from(deliveries).where(deliveries.c.realm == realm)).scalar_one()
    question = select(deliveries).where(deliveries.c.realm == realm).order_by(deliveries.c.created_at.desc(), deliveries.c.id)
    return tuple(_delivery(row) for row in tx.execute(question.limit(limit).offset(offset)).mappings()), total


def mail_server(tx: Connection, realm: str) -> bytes | None:
    return tx.execute(select(mail_servers.c.sealed).where(mail_servers.c.realm == realm)).scalar_one_or_none()


def set_mail_server(tx: Connection, realm: str, sealed: bytes) -> None:
    if tx.execute(update(mail_servers).where(mail_servers.c.realm == realm).values(sealed=sealed)).rowcount == 0:
        tx.execute(insert(mail_servers).values(realm=realm, sealed=sealed))


def _require_free(tx: Connection, profile: Profile) -> None:
    if any(other.draft.name == profile.draft.name and other.id != profile.id for other, _ in all_of(tx, profile.realm)):
        raise ConflictError(f"there is a profile {profile.draft.name!r} already; choose another name", field="name")


def _columns(profile: Profile, sealed: bytes) -> Mapping[str, Any]:
    draft = profile.draft
    return {
        **{name: getattr(profile, name) for name in _PROFILE},
        **{name: getattr(draft, name) for name in _DRAFT},
        "kind": draft.kind.value,
        "recipients": list(draft.recipients),
        "sealed": sealed,
    }


def _profile(row: RowMapping) -> Profile:
    names = {name: row[name] for name in _DRAFT}
    draft = ProfileDraft(**names, kind=ProfileKind(row["kind"]), recipients=tuple(row["recipients"]))
    return Profile(**{name: row[name] for name in _PROFILE}, draft=draft)


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**{**values, "state": DeliveryState(row["state"])})
