"""Which runs were exported. Only `telemetry/service.py` opens it; revision `0023_telemetry` creates the table."""

from datetime import datetime

from sqlalchemy import Column, Connection, ForeignKey, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from melanzana.executions.tables import executions
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, RowId

exported = Table(
    "exported_runs",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
)


def waiting(tx: Connection, since: datetime, limit: int) -> tuple[tuple[str, int], ...]:
    """Realm and number of runs that ended after `since` and were not exported, the oldest first."""
    question = (
        select(executions.c.realm, executions.c.run_id)
        .outerjoin(exported, exported.c.run_id == executions.c.run_id)
        .where(executions.c.ended_at > since, exported.c.run_id.is_(None))
        .order_by(executions.c.run_id)
        .limit(limit)
    )
    return tuple((row.realm, row.run_id) for row in tx.execute(question))


def take(tx: Connection, run_id: int, at: datetime) -> bool:
    """Note that this server exports it; False when another one does."""
    try:
        with tx.begin_nested():
            tx.execute(insert(exported).values(run_id=run_id, at=at))
    except IntegrityError:
        return False
    return True


def give_back(tx: Connection, run_id: int) -> None:
    """It could not be exported."""
    tx.execute(delete(exported).where(exported.c.run_id == run_id))
