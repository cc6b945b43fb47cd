"""The SQL of what may be removed: which runs are older, or more, than is to be kept, and removing a log bit by bit.

Only what has ended is ever found here. `retention.py` opens it. Each question gives a bounded number of rows, each change touches a
bounded number, so a server that works meanwhile waits for none of them long.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, update

from melanzana.executions import attached, rows
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.tables import execution_attachments, execution_events, executions

#: Lines of the server's own in the log of a run whose log, or whose attachments, were removed.
LOG_REMOVED, ATTACHMENTS_REMOVED = "LogRemoved", "AttachmentsRemoved"
#: Lines of an agent that stay when a log is removed: who walked, and how it ended.
_STAY = ("RunStarted", "RunFinished")
_ENDED = executions.c.state.in_(sorted(TERMINAL))
Where = tuple[ColumnElement[bool], ...]


def realms(tx: Connection) -> tuple[str, ...]:
    """Those that have runs."""
    return tuple(tx.execute(select(executions.c.realm).group_by(executions.c.realm)).scalars())


def ended_before(realm: str, before: datetime) -> Where:
    """Runs that ended before this instant."""
    return executions.c.realm == realm, executions.c.ended_at < before, _ENDED


def beyond(tx: Connection, realm: str, count: int) -> Iterable[Where]:
    """For each model with more than `count` runs: its runs that are older than the newest so many."""
    models = select(executions.c.model_id).where(executions.c.realm == realm).group_by(executions.c.model_id)
    for model_id in tx.execute(models.having(func.count() > count)).scalars().all():
        own = executions.c.realm == realm, executions.c.model_id == model_id
        newest = select(executions.c.run_id).where(*own).order_by(executions.c.run_id.desc())
        oldest = tx.execute(newest.limit(1).offset(count - 1)).scalar_one()
        yield *own, executions.c.run_id < oldest, _ENDED


def with_log(where: Where) -> Where:
    """Those of them that still have their log."""
    return *where, executions.c.log_removed_at.is_(None)


def with_attachments(where: Where) -> Where:
    """Those of them that still keep attachments."""
    return *where, exists().where(execution_attachments.c.run_id == executions.c.run_id)


def found(tx: Connection, where: Where, most: int) -> tuple[int, ...]:
    """Run ids, those that ended first at the beginning."""
    question = select(executions.c.run_id).where(*where).order_by(executions.c.ended_at).limit(most)
    return tuple(tx.execute(question).scalars())


def counted(tx: Connection, where: Where) -> int:
    return tx.execute(select(func.count()).select_from(executions).where(*where)).scalar_one()


def is_long(tx: Connection, run_id: int, lines: int) -> bool:
    """Whether a log has more lines than are removed together."""
    question = select(execution_events.c.seq).where(execution_events.c.run_id == run_id).limit(1).offset(lines)
    return tx.execute(question).first() is not None


def announce(tx: Connection, run_id: int, kind: str, body: Mapping[str, Any], at: datetime) -> None:
    """Write this line of the server's own into a log, unless it stands there."""
    known = select(execution_events.c.seq).where(execution_events.c.run_id == run_id, execution_events.c.type == kind)
    there = select(executions.c.run_id).where(executions.c.run_id == run_id, _ENDED)
    if tx.execute(known).first() is None and tx.execute(there).first() is not None:
        rows.write_line(tx, run_id, at, kind, body)


def remove_lines(tx: Connection, run_id: int, most: int) -> int:
    """Remove the first lines of a log that need not stay; how many there were."""
    lines = execution_events.c
    goes = lines.agent_seq.is_not(None) & lines.type.not_in(_STAY) | (lines.type == "LogWritten")
    last = select(lines.seq).where(lines.run_id == run_id, goes).order_by(lines.seq).limit(most).subquery()
    upto = tx.execute(select(func.max(last.c.seq))).scalar()
    if upto is None:
        return 0
    return tx.execute(delete(execution_events).where(lines.run_id == run_id, goes, lines.seq <= upto)).rowcount


def note_log_removed(tx: Connection, run_id: int, at: datetime) -> None:
    """All of it is gone, and with it what it named."""
    tx.execute(update(executions).where(executions.c.run_id == run_id, _ENDED).values(log_removed_at=at))
    attached.let_go(tx, (run_id,))
