"""All SQL of the audit trail. Rows are only ever added; triggers refuse to change or remove one.

Writers of one realm are in a row: on SQLite there is one writer at a time, whatever the process; on PostgreSQL the realm's row in
`audit_heads` is locked until the transaction ends. So no two records can follow the same one.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger as Big
from sqlalchemy import Column, ColumnElement, Connection, Row, Table, Text, bindparam, or_, select, update

from melanzana.access.records import Actor
from melanzana.audit.chain import FIRST_HASH, Link, record_hash
from melanzana.audit.records import AuditEntry, AuditFilter, AuditRecord, Head
from melanzana.storage.schema import metadata

audit = Table(
    "audit",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("number", Big, primary_key=True),
    Column("at", Big, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

heads = Table(
    "audit_heads",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("number", Big, nullable=False),
    Column("hash", Text, nullable=False),
)

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_NAMES = tuple(column.name for column in audit.columns)
_INSERT = audit.insert()
_HEAD = select(heads.c.number, heads.c.hash).where(heads.c.realm == bindparam("name"))
_LOCKED_HEAD = _HEAD.with_for_update()
_MOVE_HEAD = update(heads).where(heads.c.realm == bindparam("name")).values(number=bindparam("last"), hash=bindparam("its_hash"))


def append(tx: Connection, entries: Iterable[AuditEntry], at: datetime) -> None:
    """Add the entries, in their order, at the ends of their realms' chains."""
    by_realm = sorted(entries, key=_realm_of)  # in one order everywhere, so that two transactions never wait for each other
    for realm, group in groupby(by_realm, key=_realm_of):
        end, rows = _lock_head(tx, realm), []
        number, previous = end.number, end.hash
        for entry in group:
            number += 1
            fields = _fields(entry, number, (at - _EPOCH) // _MICROSECOND)
            rows.append(dict(zip(_NAMES, (*fields, previous, previous := record_hash(previous, fields)), strict=True)))
        tx.execute(_INSERT, rows)
        tx.execute(_MOVE_HEAD, {"name": realm, "last": number, "its_hash": previous})


def head(tx: Connection, realm: str) -> Head:
    """The end of the realm's chain."""
    row = tx.execute(_HEAD, {"name": realm}).one_or_none()
    return Head(number=0, hash=FIRST_HASH) if row is None else Head(number=row.number, hash=row.hash)


def records(tx: Connection, realm: str, where: AuditFilter, before: int | None, limit: int) -> list[AuditRecord]:
    """The newest first, those with a smaller number than `before`."""
    question = select(audit).where(audit.c.realm == realm, *_conditions(where)).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        question = question.where(audit.c.number < before)
    return [_record(row) for row in tx.execute(question)]


def links(tx: Connection, realm: str, after: int, until: int, limit: int) -> list[Link]:
    """The records of numbers over `after` up to `until`, the oldest first, as they are stored."""
    within = (audit.c.realm == realm, audit.c.number > after, audit.c.number <= until)
    rows = tx.execute(select(audit).where(*within).order_by(audit.c.number).limit(limit))
    return [Link(row.number, tuple(row)[:-2], row.previous_hash, row.hash) for row in rows]


def beyond(tx: Connection, realm: str, number: int) -> bool:
    """Is there a record after that number?"""
    question = select(audit.c.number).where(audit.c.realm == realm, audit.c.number > number).limit(1)
    return tx.execute(question).first() is not None


def _realm_of(entry: AuditEntry) -> str:
    return entry.realm


def _lock_head(tx: Connection, realm: str) -> Head:
    row = tx.execute(_LOCKED_HEAD, {"name": realm}).one_or_none()
    if row is None:
        tx.execute(heads.insert().values(realm=realm, number=0, hash=FIRST_HASH))
        return Head(number=0, hash=FIRST_HASH)
    return Head(number=row.number, hash=row.hash)


def _fields(entry: AuditEntry, number: int, at: int) -> tuple[object, ...]:
    """The stored values of a record, from `realm` to `detail`."""
    actor = entry.actor
    detail = json.dumps(dict(sorted(entry.detail.items())), ensure_ascii=False, separators=(",", ":"))
    who = (actor.kind, actor.id, actor.name, actor.address)
    return (entry.realm, number, at, str(entry.action), str(entry.outcome), *who, entry.subject, detail)


def _conditions(where: AuditFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.action:
        conditions.append(or_(audit.c.action == where.action, audit.c.action.startswith(f"{where.action}.", autoescape=True)))
    if where.actor:
        conditions.append(or_(audit.c.actor_id == where.actor, audit.c.actor_name == where.actor))
    if where.subject:
        conditions.append(audit.c.subject == where.subject)
    if where.outcome:
        conditions.append(audit.c.outcome == where.outcome)
    if where.text:
        searched = (audit.c.actor_id, audit.c.actor_name, audit.c.address, audit.c.subject, audit.c.detail)
        conditions.append(or_(*[column.icontains(where.text, autoescape=True) for column in searched]))
    if where.since is not None:
        conditions.append(audit.c.at >= (where.since - _EPOCH) // _MICROSECOND)
    if where.until is not None:
        conditions.append(audit.c.at < (where.until - _EPOCH) // _MICROSECOND)
    return conditions


def _record(row: Row[Any]) -> AuditRecord:
    actor = Actor(kind=row.actor_kind, id=row.actor_id, name=row.actor_name, address=row.address)
    detail = _detail(row.detail)
    entry = AuditEntry(realm=row.realm, action=row.action, actor=actor, subject=row.subject, outcome=row.outcome, detail=detail)
    at = _EPOCH + row.at * _MICROSECOND
    return AuditRecord(number=row.number, at=at, entry=entry, previous_hash=row.previous_hash, hash=row.hash)


def _detail(text: str) -> dict[str, str]:
    """What was written; of a row that was tampered with, its text, so that the trail can still be read."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"unreadable": text}
