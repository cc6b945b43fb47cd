"""The SQL of executions: what is kept, asked and claimed. Only `executions/service.py` opens it.

`claim` is one atomic statement, so two agents (on PostgreSQL: two servers) never get the same execution. Changes of one execution
that is at hand, with their lines in the log, are in `transitions.py` and `rows.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select, true, update

from melanzana.errors import KeyReusedError, NotFoundError
from melanzana.executions import rows
from melanzana.executions.listing import numbers
from melanzana.executions.records import (
    HELD,
    ClaimingAgent,
    Execution,
    ExecutionFilter,
    ExecutionSummary,
    Holding,
    Lapsed,
    LifecycleState,
    OnAgentLost,
    StoredEvent,
)
from melanzana.executions.rows import HOLDING, holding, holding_of
from melanzana.executions.tables import (
    execution_attachments,
    execution_events,
    execution_needs,
    execution_tags,
    executions,
    idempotency_keys,
    snapshots,
)
from melanzana.generation.step import Verdict
from melanzana.protocol.snapshot import Snapshot
from melanzana.storage.prepared import Prepared
from melanzana.storage.types import Instant
from melanzana.suts.records import SutWish

#: The columns of an `ExecutionSummary`.
COLUMNS = [name for name in ExecutionSummary.__dataclass_fields__ if name != "waiting_for"]
_SUMMARY = [executions.c[name] for name in COLUMNS]
_LISTS = ("labels", "tags", "ignored_fields")
#: Made once: a statement that carries its values is looked up anew each time, which costs more than carrying it out.
_IS_HELD = (
    executions.c.id == bindparam("of_id"),
    executions.c.realm == bindparam("of_realm"),
    executions.c.attempt == bindparam("of_attempt"),
    executions.c.agent_id == bindparam("of_agent"),
    executions.c.session == bindparam("of_session"),
    rows.IS_LIVE,
)
_HELD = Prepared(select(*HOLDING).where(*_IS_HELD))
#: From the first report of an attempt that performs code, its worker may be at work: nothing later could be relied on to say so.
_RENEW = Prepared(
    update(executions)
    .where(*_IS_HELD)
    .values(
        lease_expires_at=bindparam("until", type_=Instant),
        performed=or_(executions.c.performed, executions.c.perform),
    )
    .returning(*HOLDING)
)
_IS_LIVE = rows.IS_LIVE
_FOUND = (
    select(*_SUMMARY, snapshots.c.content)
    .join(snapshots, snapshots.c.run_id == executions.c.run_id)
    .where(executions.c.realm == bindparam("of_realm"))
)
_BY_RUN = Prepared(_FOUND.where(executions.c.run_id == bindparam("ref")))
_BY_ID = Prepared(_FOUND.where(executions.c.id == bindparam("ref")))
_KEY = Prepared(
    select(idempotency_keys.c.fingerprint, idempotency_keys.c.run_id).where(
        idempotency_keys.c.realm == bindparam("of_realm"),
        idempotency_keys.c.client_id == bindparam("of_client"),
        idempotency_keys.c.key == bindparam("of_key"),
    )
)
_LOST_POLICY = select(snapshots.c.content).where(snapshots.c.run_id == bindparam("of_run"))
_LIVE = Prepared(select(func.count().label("live")).where(_IS_LIVE))
_LAPSED = Prepared(
    select(executions.c.id.label("execution_id"), executions.c.run_id, executions.c.attempt, executions.c.performed)
    .where(_IS_LIVE, executions.c.lease_expires_at < bindparam("before", type_=Instant))
    .order_by(executions.c.lease_expires_at)
)
_IS_OVERDUE = select(*HOLDING).where(
    executions.c.state == LifecycleState.QUEUED, executions.c.queued_at < bindparam("before", type_=Instant)
)
_OVERDUE, _OVERDUE_LOCKED = Prepared(_IS_OVERDUE), _IS_OVERDUE.with_for_update(skip_locked=True)


def find(tx: Connection, realm: str, ref: str | int) -> Execution | None:
    """The execution with this uuid or run id."""
    row = (_BY_RUN if isinstance(ref, int) else _BY_ID).first(tx, {"of_realm": realm, "ref": ref})
    return None if row is None else Execution(**_summary(row), snapshot=Snapshot.from_json(row["content"]))


def page(tx: Connection, realm: str, wanted: ExecutionFilter) -> tuple[ExecutionSummary, ...]:
    """Newest first."""
    found = numbers(realm, wanted).subquery()
    question = select(*_SUMMARY).where(executions.c.run_id.in_(select(found.c.run_id))).order_by(executions.c.run_id.desc())
    return tuple(ExecutionSummary(**_summary(row)) for row in tx.execute(question).mappings())


def neighbours(tx: Connection, realm: str, run_id: int, model_id: str | None) -> tuple[int | None, int | None]:
    """Numbers of the run before this one and of the one behind it."""
    column = executions.c.run_id
    mine = (executions.c.realm == realm) & (true() if model_id is None else executions.c.model_id == model_id)
    before = tx.execute(select(func.max(column)).where(mine, column < run_id)).scalar_one()
    behind = tx.execute(select(func.min(column)).where(mine, column > run_id)).scalar_one()
    return before, behind


def find_key(tx: Connection, key: tuple[str, str, str]) -> tuple[str, int] | None:
    """The fingerprint of the request and the run id that this key stands for."""
    row = _KEY.first(tx, {"of_realm": key[0], "of_client": key[1], "of_key": key[2]})
    return None if row is None else (row["fingerprint"], row["run_id"])


def earlier_of(tx: Connection, key: tuple[str, str, str], fingerprint: str) -> Execution | None:
    """The execution that was started under this key. Raises KeyReusedError when it was asked for in other words."""
    found = find_key(tx, key)
    if found is None:
        return None
    if found[0] != fingerprint:
        raise KeyReusedError("this Idempotency-Key was used with another request; use a new key", field="Idempotency-Key")
    return find(tx, key[0], found[1])


def waiting(tx: Connection, realm: str, which: ColumnElement[bool], most: int) -> tuple[tuple[frozenset[str], int | None], ...]:
    """The needs and the agent asked for, of the oldest queued executions of which `which` holds."""
    question = (
        select(executions.c.run_id, executions.c.requested_agent_id)
        .where(executions.c.realm == realm, executions.c.state == LifecycleState.QUEUED, which)
        .order_by(executions.c.run_id)
        .limit(most)
    )
    return tuple((needs_of(tx, row.run_id), row.requested_agent_id) for row in tx.execute(question).all())


def required(tx: Connection, realm: str, ref: str | int) -> Holding:
    """Raises NotFoundError."""
    seen = holding(tx, realm, ref)
    if seen is None:
        raise NotFoundError(f"there is no execution {ref}", field="execution_id")
    return seen


def renew(tx: Connection, agent: ClaimingAgent, execution_id: str, attempt: int, expires_at: datetime) -> Holding | None:
    """Prolong the lease of this attempt, if it is the agent's and still held."""
    row = _RENEW.first(tx, _holder(agent, execution_id, attempt) | {"until": expires_at})
    return None if row is None else holding_of(row)


def held_by(tx: Connection, agent: ClaimingAgent, execution_id: str, attempt: int) -> Holding | None:
    """The execution, if this attempt is the agent's and still held."""
    row = _HELD.first(tx, _holder(agent, execution_id, attempt))
    return None if row is None else holding_of(row)


def events(tx: Connection, run_id: int, after: int, limit: int | None) -> tuple[StoredEvent, ...]:
    """Lines of the log after line `after`, in order."""
    question = (
        select(execution_events)
        .where(execution_events.c.run_id == run_id, execution_events.c.seq > after)
        .order_by(execution_events.c.seq)
        .limit(limit)
    )
    return tuple(StoredEvent(**row) for row in tx.execute(question).mappings())


def last_runs(tx: Connection, realm: str, model_id: str, count: int) -> tuple[int, ...]:
    """Ids of the last runs of a model that have ended, the oldest first."""
    question = (
        select(executions.c.run_id)
        .where(executions.c.model_id == model_id, executions.c.realm == realm, executions.c.ended_at.is_not(None))
        .order_by(executions.c.run_id.desc())
        .limit(count)
    )
    return tuple(reversed(tx.execute(question).scalars().all()))


def live_leases(tx: Connection) -> int:
    return int(_LIVE.all(tx, {})[0]["live"])


def lapsed(tx: Connection, before: datetime) -> tuple[Lapsed, ...]:
    """Leases that ended before this instant, oldest first."""
    return tuple(Lapsed(**row) for row in _LAPSED.all(tx, {"before": before}))


def still_lapsed(tx: Connection, lease: Lapsed, before: datetime) -> Holding | None:
    """The execution, locked, unless its agent has reported, or it has ended, since it was seen to lapse."""
    row = tx.execute(
        select(*HOLDING)
        .where(
            executions.c.run_id == lease.run_id,
            executions.c.attempt == lease.attempt,
            executions.c.state.in_(sorted(HELD)),
            executions.c.lease_expires_at < before,
        )
        .with_for_update()
    )
    found = row.mappings().first()
    return None if found is None else holding_of(found)


def may_repeat(tx: Connection, run_id: int, *, touched: bool) -> bool:
    """Whether the plan lets the work of a lost agent be done again; `touched`: code of a step may have been performed."""
    policy = Snapshot.from_json(tx.execute(_LOST_POLICY, {"of_run": run_id}).scalar_one()).on_agent_lost
    return not touched if policy is None else policy == OnAgentLost.REQUEUE


def rearm(tx: Connection, until: datetime) -> int:
    """Let every live lease end at `until`, whatever a clock said before; how many there are."""
    tx.execute(
        select(executions.c.id).where(_IS_LIVE).order_by(executions.c.id).with_for_update()
    ).all()  # in the order of `write_row`
    return tx.execute(update(executions).where(executions.c.state.in_(sorted(HELD))).values(lease_expires_at=until)).rowcount


def overdue(tx: Connection, before: datetime) -> tuple[Holding, ...]:
    """Executions that have been in the queue since before this instant."""
    return tuple(holding_of(row) for row in _OVERDUE.all(tx, {"before": before}))


def overdue_locked(tx: Connection, before: datetime) -> tuple[Holding, ...]:
    """The same, without those that somebody has in hand; nobody else changes them until the transaction ends."""
    return tuple(holding_of(row) for row in tx.execute(_OVERDUE_LOCKED, {"before": before}).mappings())


def locked(tx: Connection, realm: str, ref: str | int) -> Holding:
    """As `required`; nobody else changes it until the transaction ends."""
    seen = rows.locked(tx, realm, ref)
    if seen is None:
        raise NotFoundError(f"there is no execution {ref}", field="execution_id")
    return seen


def busy_agents(tx: Connection, realm: str) -> frozenset[int]:
    """Ids of agents that hold an execution."""
    question = select(executions.c.agent_id).where(executions.c.realm == realm, executions.c.state.in_(sorted(HELD)))
    return frozenset(row.agent_id for row in tx.execute(question) if row.agent_id is not None)


def needs_of(tx: Connection, run_id: int) -> frozenset[str]:
    return frozenset(tx.execute(select(execution_needs.c.need).where(execution_needs.c.run_id == run_id)).scalars())


def remove(tx: Connection, run_id: int) -> None:
    """Take the execution with its log out of the database."""
    beside = (idempotency_keys, execution_attachments, execution_events, execution_tags, execution_needs, snapshots)
    for table in (*beside, executions):
        tx.execute(delete(table).where(table.c.run_id == run_id))


def _holder(agent: ClaimingAgent, execution_id: str, attempt: int) -> dict[str, Any]:
    """What `_HELD` and `_RENEW` ask for."""
    return {
        "of_id": execution_id,
        "of_realm": agent.realm,
        "of_attempt": attempt,
        "of_agent": agent.agent_id,
        "of_session": agent.session,
    }


def _wish(document: Mapping[str, Any] | None) -> SutWish | None:
    return None if document is None else SutWish(sut_id=document["sut_id"], criteria=tuple(document["criteria"]))


def _summary(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    values = {name: row[name] for name in COLUMNS}
    values |= {name: tuple(values[name]) for name in _LISTS}
    values["state"] = LifecycleState(row["state"])
    values["wanted_sut"] = _wish(row["wanted_sut"])
    values["verdict"] = None if row["verdict"] is None else Verdict(row["verdict"])
    return values
