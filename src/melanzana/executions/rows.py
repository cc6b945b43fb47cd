"""The SQL of one execution at hand: see it, move it, write to its log. Opened by `store.py` and `transitions.py`.

Every statement that writes a state is guarded by the state and attempt it was decided on.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Update, bindparam, insert, select, update

from melanzana.errors import UnavailableError
from melanzana.executions.batch import Batch
from melanzana.executions.records import HELD, Holding, LifecycleState
from melanzana.executions.tables import execution_events, executions

#: The columns of a `Holding`.
HOLDING = [
    executions.c.id.label("execution_id"),
    *(executions.c[name] for name in Holding.__dataclass_fields__ if name != "execution_id"),
]


#: Made once: putting a statement together costs more than carrying it out.
_ADD_LINE = insert(execution_events)
_NOTE = update(executions).where(executions.c.run_id == bindparam("of_run"))
_NUMBER_LINE = (
    update(executions)
    .where(executions.c.run_id == bindparam("of_run"))
    .values(log_seq=executions.c.log_seq + 1)
    .returning(executions.c.log_seq, executions.c.attempt)
)


def is_execution(ref: str | int) -> ColumnElement[bool]:
    """The condition that a row is the one with this uuid or run id."""
    return executions.c.run_id == ref if isinstance(ref, int) else executions.c.id == ref


def holding_of(row: RowMapping) -> Holding:
    return Holding(**{**row, "state": LifecycleState(row["state"])})


def returned(tx: Connection, change: Update) -> Holding | None:
    """Carry out an update of at most one row and return it as it is now."""
    row = tx.execute(change.returning(*HOLDING)).mappings().first()
    return None if row is None else holding_of(row)


def holding(tx: Connection, realm: str, ref: str | int) -> Holding | None:
    row = tx.execute(select(*HOLDING).where(executions.c.realm == realm, is_execution(ref))).mappings().first()
    return None if row is None else holding_of(row)


def move(tx: Connection, seen: Holding, target: LifecycleState, **values: Any) -> Holding:
    """Bring the execution from the state in which it was `seen` to `target`: one guarded UPDATE.

    The caller has `target` from `lifecycle.after`. Raises UnavailableError when somebody else was faster (possible only with
    several servers): the caller's whole transaction is then void and may be tried again.
    """
    if target not in HELD:
        values |= {"lease_expires_at": None, "paused": False, "resume_requested": False, "pause_requested": False}
    moved = returned(
        tx,
        update(executions)
        .where(executions.c.run_id == seen.run_id, executions.c.state == seen.state, executions.c.attempt == seen.attempt)
        .values(state=target, **values),
    )
    if moved is None:
        raise UnavailableError("the execution changed in the same moment; send the request again")
    return moved


def note(tx: Connection, run_id: int, **values: Any) -> None:
    """Write columns that are no state."""
    tx.execute(_NOTE, {"of_run": run_id, **values})


def write_line(tx: Connection, run_id: int, at: datetime, kind: str, body: Mapping[str, Any]) -> None:
    """Add a line of the server's own to the log."""
    row = tx.execute(_NUMBER_LINE, {"of_run": run_id}).one()
    line = {"run_id": run_id, "seq": row.log_seq, "attempt": row.attempt, "agent_seq": None, "at": at, "type": kind}
    tx.execute(_ADD_LINE, line | {"body": dict(body)})


def write_batch(tx: Connection, seen: Holding, batch: Batch, at: datetime) -> None:
    """Add an agent's new events to the log and note what they say; `(run_id, attempt, agent_seq)` is unique."""
    values: dict[str, Any] = {"next_seq": batch.next_seq, "log_seq": seen.log_seq + len(batch.rows)}
    if batch.performs:
        values["performed"] = True
    if batch.pauses is not None:
        values |= {"paused": batch.pauses, "resume_requested": False}
    note(tx, seen.run_id, **values)
    tx.execute(
        _ADD_LINE,
        [
            {
                "run_id": seen.run_id,
                "seq": seen.log_seq + number,
                "attempt": seen.attempt,
                "agent_seq": batch.first_seq + number - 1,
                "at": at,
                "type": kind,
                "body": body,
            }
            for number, (kind, body) in enumerate(batch.rows, 1)
        ],
    )
