"""The SQL of systems under test. Only `suts/service.py` opens it.

What a run asks for and what a system under test answers to are rows of words (`handles`), so that the queue can ask in the very
statement that claims whether one is free. The primary key of `sut_locks` is the last line of defence: one row, one holder.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import Integer as Whole

from melanzana.errors import ConflictError, NotFoundError
from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId
from melanzana.suts.records import Lock, Owner, Sut, SutConnection

suts = Table(
    "suts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("criteria", JsonText, nullable=False),
    Column("environments", JsonText, nullable=False),
    Column("connections", JsonText, nullable=False),
    Column("sealed_secrets", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    UniqueConstraint("realm", "name"),
)

sut_handles = Table(
    "sut_handles",
    metadata,
    Column("sut_id", Text, ForeignKey("suts.id"), primary_key=True),
    Column("handle", Text, primary_key=True),
    Index(None, "handle"),
)

#: Agents that may use it; none: every agent.
sut_environments = Table(
    "sut_environments",
    metadata,
    Column("sut_id", Text, ForeignKey("suts.id"), primary_key=True),
    Column("agent_id", RowId, primary_key=True, autoincrement=False),
)

sut_locks = Table(
    "sut_locks",
    metadata,
    Column("sut_id", Text, ForeignKey("suts.id"), primary_key=True),
    Column("run_id", RowId, nullable=False, unique=True),
    Column("execution_id", Text, nullable=False),
    Column("attempt", Whole, nullable=False),
    Column("agent_id", RowId, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

#: What each run that needs a system under test asks for.
sut_wishes = Table(
    "sut_wishes",
    metadata,
    Column("run_id", RowId, primary_key=True, autoincrement=False),
    Column("handle", Text, primary_key=True),
)

_LOCK = tuple(Lock.__dataclass_fields__)
_VIEW = select(suts, *(sut_locks.c[name].label(f"lock_{name}") for name in _LOCK)).outerjoin(
    sut_locks, sut_locks.c.sut_id == suts.c.id
)


# --- records ----------------------------------------------------------------------------------------------------------------------


def add(tx: Connection, sut: Sut, sealed: bytes | None) -> None:
    """Raises ConflictError when the name is taken."""
    _require_free(tx, sut)
    tx.execute(
        insert(suts).values(
            id=sut.id, realm=sut.realm, created_at=sut.created_at, last_used_at=None, **_columns(sut), sealed_secrets=sealed
        )
    )
    _write_words(tx, sut)


def change(tx: Connection, sut: Sut, sealed: bytes | None) -> None:
    """Write everything but the lock. Raises ConflictError when the new name is taken."""
    _require_free(tx, sut)
    tx.execute(update(suts).where(suts.c.id == sut.id).values(**_columns(sut), sealed_secrets=sealed))
    _write_words(tx, sut)


def remove(tx: Connection, sut_id: str) -> None:
    for table in (sut_handles, sut_environments):
        tx.execute(delete(table).where(table.c.sut_id == sut_id))
    tx.execute(delete(suts).where(suts.c.id == sut_id))


def find(tx: Connection, realm: str, sut_id: str) -> Sut:
    """Raises NotFoundError."""
    row = tx.execute(_VIEW.where(suts.c.realm == realm, suts.c.id == sut_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no system under test {sut_id}", field="sut_id")
    return _sut(row)


def all_of(tx: Connection, realm: str) -> tuple[Sut, ...]:
    """By name."""
    return tuple(_sut(row) for row in tx.execute(_VIEW.where(suts.c.realm == realm).order_by(suts.c.name)).mappings())


def sealed_secrets(tx: Connection, sut_id: str) -> bytes | None:
    return tx.execute(select(suts.c.sealed_secrets).where(suts.c.id == sut_id)).scalar()


def held_row(tx: Connection, realm: str, sut_id: str) -> None:
    """Let nobody else take or change it until this transaction ends (SQLite has one writer anyhow). Raises NotFoundError."""
    question = select(suts.c.id).where(suts.c.realm == realm, suts.c.id == sut_id).with_for_update()
    if tx.execute(question).first() is None:
        raise NotFoundError(f"there is no system under test {sut_id}", field="sut_id")


# --- wishes -----------------------------------------------------------------------------------------------------------------------


def write_wish(tx: Connection, run_id: int, handles: Sequence[str]) -> None:
    tx.execute(insert(sut_wishes), [{"run_id": run_id, "handle": handle} for handle in handles])


def wish_of(tx: Connection, run_id: int) -> tuple[str, ...]:
    question = select(sut_wishes.c.handle).where(sut_wishes.c.run_id == run_id).order_by(sut_wishes.c.handle)
    return tuple(tx.execute(question).scalars())


def remove_wish(tx: Connection, run_id: int) -> None:
    tx.execute(delete(sut_wishes).where(sut_wishes.c.run_id == run_id))


def waiting_for(sut_id: str, run_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that a run asks for a system under test, and this one is such a one."""
    return _asks(run_id) & ~_unmet(literal(sut_id), run_id)


def can_have(tx: Connection, realm: str, agent_id: int, run_id: ColumnElement[int]) -> tuple[ColumnElement[bool], bool]:
    """The condition that a run needs no system under test, or that one it asks for is free for this agent; whether nothing is.

    Asked of every queued run, so that what is free is looked up once, beforehand: mostly nothing is while many wait.
    """
    free = [row["id"] for row in _FREE.all(tx, {"of_realm": realm, "for_agent": agent_id})]
    if not free:
        return _needs_none(run_id), True
    return ~_asks(run_id) | exists().where(suts.c.id.in_(free), ~_unmet(suts.c.id, run_id)).correlate_except(suts), False


# --- locks ------------------------------------------------------------------------------------------------------------------------


def choose(tx: Connection, owner: Owner) -> Sut | None:
    """The free one that the run asks for and that was used longest ago, its row held until the transaction ends."""
    question = (
        select(suts.c.id)
        .where(*_free(owner.realm, owner.agent_id), ~_unmet(suts.c.id, literal(owner.run_id)))
        .order_by(suts.c.last_used_at.is_not(None), suts.c.last_used_at, suts.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    sut_id = tx.execute(question).scalar()
    if sut_id is None:
        return None
    # Its row is held now, so what a second look says stays true; the first may have seen a lock too few.
    return None if lock_of(tx, sut_id) is not None else find(tx, owner.realm, sut_id)


def lock(tx: Connection, row: Lock) -> None:
    tx.execute(insert(sut_locks).values({name: getattr(row, name) for name in _LOCK}))
    tx.execute(update(suts).where(suts.c.id == row.sut_id).values(last_used_at=row.taken_at))


def lock_of(tx: Connection, sut_id: str) -> Lock | None:
    row = tx.execute(select(sut_locks).where(sut_locks.c.sut_id == sut_id)).mappings().first()
    return None if row is None else Lock(**row)


def prolong(tx: Connection, run_id: int, until: datetime) -> None:
    tx.execute(update(sut_locks).where(sut_locks.c.run_id == run_id).values(expires_at=until))


def prolong_all(tx: Connection, until: datetime) -> None:
    tx.execute(update(sut_locks).values(expires_at=until))


def unlock(tx: Connection, sut_id: str, run_id: int) -> bool:
    """End the lock, if it is this run's; whether it was."""
    return tx.execute(delete(sut_locks).where(sut_locks.c.sut_id == sut_id, sut_locks.c.run_id == run_id)).rowcount == 1


# --- small things -----------------------------------------------------------------------------------------------------------------


@cache
def _needs_none(run_id: ColumnElement[int]) -> ColumnElement[bool]:
    return ~_asks(run_id)


def _free(realm: Any, agent_id: Any) -> tuple[ColumnElement[bool], ...]:
    chosen = sut_environments.c.sut_id == suts.c.id
    return (
        suts.c.realm == realm,
        suts.c.enabled.is_(True),
        ~exists().where(sut_locks.c.sut_id == suts.c.id),
        or_(~exists().where(chosen), exists().where(chosen, sut_environments.c.agent_id == agent_id)),
    )


def _unmet(sut_id: ColumnElement[str], run_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the run asks for a word which this one does not answer to."""
    answers = exists().where(sut_handles.c.sut_id == sut_id, sut_handles.c.handle == sut_wishes.c.handle)
    unanswered = ~answers.correlate_except(sut_handles)  # named outright: by itself a column reaches one SELECT out, not two
    return exists().where(sut_wishes.c.run_id == run_id, unanswered).correlate_except(sut_wishes)


def _asks(run_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(sut_wishes.c.run_id == run_id).correlate_except(sut_wishes)


def _require_free(tx: Connection, sut: Sut) -> None:
    taken = tx.execute(select(suts.c.id).where(suts.c.realm == sut.realm, suts.c.name == sut.name)).scalar()
    if taken not in {None, sut.id}:
        message = f"there is already a system under test {sut.name!r}; choose another name"
        raise ConflictError(message, field="name", state="exists")


def _columns(sut: Sut) -> dict[str, Any]:
    return {
        "name": sut.name,
        "description": sut.description,
        "enabled": sut.enabled,
        "criteria": list(sut.criteria),
        "environments": list(sut.environments),
        "connections": [
            {"id": one.id, "type": one.type, "fields": dict(one.fields), "secrets": sorted(one.secrets)} for one in sut.connections
        ],
    }


def _write_words(tx: Connection, sut: Sut) -> None:
    for table in (sut_handles, sut_environments):
        tx.execute(delete(table).where(table.c.sut_id == sut.id))
    handles = [f"id:{sut.id}", *(f"tag:{tag}" for tag in sut.criteria)]
    tx.execute(insert(sut_handles), [{"sut_id": sut.id, "handle": handle} for handle in handles])
    if sut.environments:
        tx.execute(insert(sut_environments), [{"sut_id": sut.id, "agent_id": agent_id} for agent_id in sut.environments])


def _sut(row: RowMapping) -> Sut:
    names = ("id", "realm", "name", "description", "enabled", "created_at", "last_used_at")
    held: Mapping[str, Any] = {name: row[f"lock_{name}"] for name in _LOCK}
    return Sut(
        **{name: row[name] for name in names},
        criteria=tuple(row["criteria"]),
        environments=tuple(row["environments"]),
        connections=tuple(
            SutConnection(id=one["id"], type=one["type"], fields=one["fields"], secrets=dict.fromkeys(one["secrets"]))
            for one in row["connections"]
        ),
        lock=None if held["sut_id"] is None else Lock(**held),
    )


#: Asked at every poll of an agent.
_FREE = Prepared(select(suts.c.id).where(*_free(bindparam("of_realm"), bindparam("for_agent", type_=RowId))))
