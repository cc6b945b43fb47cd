"""All SQL of the audit trail. Rows are only ever added; triggers refuse to change or delete one."""

from datetime import datetime

from sqlalchemy import BigInteger as Big
from sqlalchemy import Column, Connection, Table, Text, func, select

from melanzana.access.records import Actor
from melanzana.audit.chain import chained, first_hash
from melanzana.audit.records import Action, AuditEntry, AuditRecord, Outcome
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText

audit = Table(
    "audit",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("number", Big, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)


def append(tx: Connection, entry: AuditEntry, at: datetime) -> AuditRecord:
    """Add the entry at the end of its realm's chain."""
    last = tx.execute(
        select(audit.c.number, audit.c.hash).where(audit.c.realm == entry.realm).order_by(audit.c.number.desc()).limit(1)
    ).one_or_none()
    number, previous = (1, first_hash()) if last is None else (last.number + 1, last.hash)
    record = chained(entry, number=number, at=at, previous_hash=previous)
    tx.execute(audit.insert().values(_row(record)))
    return record


def records(tx: Connection, realm: str, before: int | None, limit: int) -> list[AuditRecord]:
    """The newest first, those with a smaller number than `before`."""
    question = select(audit).where(audit.c.realm == realm).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        question = question.where(audit.c.number < before)
    return [_record(row._mapping) for row in tx.execute(question)]


def count(tx: Connection, realm: str) -> int:
    return int(tx.execute(select(func.count()).select_from(audit).where(audit.c.realm == realm)).scalar_one())


def _row(record: AuditRecord) -> dict[str, object]:
    entry = record.entry
    return {
        "realm": entry.realm,
        "number": record.number,
        "at": record.at,
        "action": entry.action.value,
        "outcome": entry.outcome.value,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "address": entry.actor.address,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous_hash": record.previous_hash,
        "hash": record.hash,
    }


def _record(row: object) -> AuditRecord:
    value = dict(row)  # type: ignore[call-overload]
    actor = Actor(kind=value["actor_kind"], id=value["actor_id"], name=value["actor_name"], address=value["address"])
    entry = AuditEntry(
        realm=value["realm"],
        action=Action(value["action"]),
        actor=actor,
        subject=value["subject"],
        outcome=Outcome(value["outcome"]),
        detail=value["detail"],
    )
    return AuditRecord(
        number=value["number"], at=value["at"], entry=entry, previous_hash=value["previous_hash"], hash=value["hash"]
    )
