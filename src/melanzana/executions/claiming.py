"""The SQL of a claim: the oldest queued run that an agent can take, handed to it in one statement.

`service.py` asks first whether there is one, since most polls find nothing and a question is cheaper than a change. On PostgreSQL a
claim passes over rows that another server has in hand, so two never wait for each other and never get the same run.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Update, bindparam, exists, literal, select, update

from melanzana.executions.records import ClaimingAgent, Holding, LifecycleState
from melanzana.executions.rows import HOLDING, holding_of
from melanzana.executions.tables import execution_needs, executions
from melanzana.storage.prepared import Prepared
from melanzana.storage.types import Instant, RowId

#: Kinds of agents whose statements are kept: most fleets have a handful.
_KINDS = 256


def has_work(tx: Connection, agent: ClaimingAgent, also: ColumnElement[bool], lasting: bool) -> bool:
    """Whether a claim by `agent` would get something. `lasting`: `also` is one and the same object each time."""
    values = {"of_realm": agent.realm, "of_agent": agent.agent_id}
    if lasting:
        return _asking(agent.capabilities, also).first(tx, values) is not None
    return tx.execute(_claimable(agent.capabilities, also), values).first() is not None


def claim(tx: Connection, agent: ClaimingAgent, expires_at: datetime, also: ColumnElement[bool], lasting: bool) -> Holding | None:
    """Hand the oldest execution that `agent` can take to it, as a new attempt."""
    values = {"of_realm": agent.realm, "of_agent": agent.agent_id, "of_session": agent.session, "until": expires_at}
    row: Mapping[Any, Any] | None
    if lasting:
        row = _taking(agent.capabilities, also).first(tx, values)
    else:
        row = tx.execute(_change(agent.capabilities, also), values).mappings().first()
    return None if row is None else holding_of(row)


@lru_cache(_KINDS)
def _asking(capabilities: frozenset[str], also: ColumnElement[bool]) -> Prepared:
    return Prepared(_claimable(capabilities, also, plain=True))


@lru_cache(_KINDS)
def _taking(capabilities: frozenset[str], also: ColumnElement[bool]) -> Prepared:
    return Prepared(_change(capabilities, also, plain=True))


def _change(capabilities: frozenset[str], also: ColumnElement[bool], *, plain: bool = False) -> Update:
    first = _claimable(capabilities, also, plain=plain).with_for_update(skip_locked=True).scalar_subquery()
    return (
        update(executions)
        .where(executions.c.run_id == first, executions.c.state == LifecycleState.QUEUED)
        .values(
            state=LifecycleState.LEASED,
            attempt=executions.c.attempt + 1,
            agent_id=bindparam("of_agent", type_=RowId),
            session=bindparam("of_session", type_=RowId),
            lease_expires_at=bindparam("until", type_=Instant),
            next_seq=1,
            performed=False,
            paused=False,
            resume_requested=False,
            pause_requested=False,
        )
        .returning(*HOLDING)
    )


def _claimable(capabilities: frozenset[str], also: ColumnElement[bool], *, plain: bool = False) -> Select[tuple[int]]:
    """The oldest queued execution whose every need the agent meets, and of which `also` holds.

    `plain`: each capability is a value of its own, as a text that is made once needs it.
    """
    known: list[Any] = [literal(name) for name in sorted(capabilities)] if plain else sorted(capabilities)
    unmet = exists().where(execution_needs.c.run_id == executions.c.run_id, execution_needs.c.need.not_in(known))
    asked_for = executions.c.requested_agent_id
    return (
        select(executions.c.run_id)
        .where(
            executions.c.realm == bindparam("of_realm"),
            executions.c.state == LifecycleState.QUEUED,
            asked_for.is_(None) | (asked_for == bindparam("of_agent", type_=RowId)),
            ~unmet,
            also,
        )
        .order_by(executions.c.run_id)
        .limit(1)
    )
