"""The SQL of schedules. Only `configurations/scheduling.py` opens it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, RowMapping, Table, Text, delete, insert, select, update

from melanzana.configurations.records import Filter, StartWish, StepStatus
from melanzana.configurations.schedule_records import Schedule, ScheduleDraft
from melanzana.configurations.timing import Timing
from melanzana.errors import NotFoundError
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText

schedules = Table(
    "schedules",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("configuration_id", Text, nullable=False),
    Column("at", Instant),
    Column("cron", Text),
    Column("time_zone", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("wish", JsonText, nullable=False),
    Column("due_at", Instant),
    Column("last_task", Text),
    Column("last_message", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Index("ix_schedules_realm_name", "realm", "name"),
    Index("ix_schedules_due_at", "due_at"),
)
_SAME = ("id", "realm", "due_at", "last_task", "last_message", "revision", "created_at", "created_by")


def all_of(tx: Connection, realm: str, configuration_id: str | None = None) -> tuple[Schedule, ...]:
    """Those of the realm, or of one of its configurations, by name."""
    question = select(schedules).where(schedules.c.realm == realm)
    if configuration_id is not None:
        question = question.where(schedules.c.configuration_id == configuration_id.lower())
    return tuple(_schedule(row) for row in tx.execute(question.order_by(schedules.c.name, schedules.c.id)).mappings())


def find(tx: Connection, realm: str, schedule_id: str) -> Schedule:
    """Raises NotFoundError."""
    row = tx.execute(select(schedules).where(schedules.c.realm == realm, schedules.c.id == schedule_id.lower())).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no schedule {schedule_id}", field="schedule_id")
    return _schedule(row)


def due(tx: Connection, now: datetime, most: int) -> tuple[Schedule, ...]:
    """The enabled ones whose time has come, the longest overdue first."""
    question = select(schedules).where(schedules.c.enabled, schedules.c.due_at <= now)
    return tuple(_schedule(row) for row in tx.execute(question.order_by(schedules.c.due_at).limit(most)).mappings())


def add(tx: Connection, schedule: Schedule) -> None:
    tx.execute(insert(schedules).values(_columns(schedule)))


def change(tx: Connection, after: Schedule, seen_revision: int) -> bool:
    """Store it, unless it was changed since that revision; whether it was stored."""
    which = (schedules.c.id == after.id, schedules.c.revision == seen_revision)
    return tx.execute(update(schedules).where(*which).values({**_columns(after), "revision": seen_revision + 1})).rowcount == 1


def remove(tx: Connection, schedule_id: str) -> None:
    tx.execute(delete(schedules).where(schedules.c.id == schedule_id))


def remove_of(tx: Connection, configuration_id: str) -> None:
    """Those of a configuration that is forgotten."""
    tx.execute(delete(schedules).where(schedules.c.configuration_id == configuration_id))


def _columns(schedule: Schedule) -> dict[str, Any]:
    draft = schedule.draft
    return {
        **{name: getattr(schedule, name) for name in _SAME},
        "name": draft.name,
        "configuration_id": draft.configuration_id,
        "at": draft.timing.at,
        "cron": draft.timing.cron,
        "time_zone": draft.timing.time_zone,
        "enabled": draft.enabled,
        "wish": _wish_to_json(draft.wish),
    }


def _schedule(row: RowMapping) -> Schedule:
    timing = Timing(at=row["at"], cron=row["cron"], time_zone=row["time_zone"])
    names = ("name", "configuration_id", "enabled")
    draft = ScheduleDraft(**{name: row[name] for name in names}, timing=timing, wish=_wish_from_json(row["wish"]))
    return Schedule(**{name: row[name] for name in _SAME}, draft=draft)


def _wish_to_json(wish: StartWish) -> dict[str, Any]:
    words = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(wish.filter).items()}
    return {**asdict(wish), "filter": words}


def _wish_from_json(value: Mapping[str, Any]) -> StartWish:
    words: dict[str, Any] = {name: frozenset(word) if isinstance(word, list) else word for name, word in value["filter"].items()}
    for name in ("status_include", "status_exclude"):
        words[name] = frozenset(StepStatus(word) for word in words[name])
    return StartWish(**{**value, "filter": Filter(**words)})
