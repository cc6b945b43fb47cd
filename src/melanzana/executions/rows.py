"""The SQL of one execution at hand: see it, move it, write to its log. Opened by `store.py` and `transitions.py`.

Every statement that writes a state is guarded by the state and attempt it was decided on.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, insert, literal_column, select, update

from melanzana.errors import UnavailableError
from melanzana.executions.batch import Batch
from melanzana.executions.records import HELD, Holding, LifecycleState
from melanzana.executions.tables import execution_events, executions
from melanzana.storage.prepared import Prepared
from melanzana.storage.types import Instant

#: The columns of a `Holding`.
HOLDING = [
    executions.c.id.label("execution_id"),
    *(executions.c[name] for name in Holding.__dataclass_fields__ if name != "execution_id"),
]


#: Made once: putting a statement together costs more than carrying it out.
ADD_LINE = Prepared(insert(execution_events), [column.name for column in execution_events.c])
#: A line whose body is JSON text already.
_ADD_TOLD = Prepared(
    insert(execution_events).values(
        **{column.name: bindparam(column.name) for column in execution_events.c if column.name not in {"at", "body"}},
        at=bindparam("at", type_=Instant),
        body=bindparam("body", type_=Text),
    )
)
_NUMBER_LINE = Prepared(
    update(executions)
    .where(executions.c.run_id == bindparam("of_run"))
    .values(log_seq=executions.c.log_seq + 1)
    .returning(executions.c.log_seq, executions.c.attempt)
)
_OF_REALM = select(*HOLDING).where(executions.c.realm == bindparam("of_realm"))
_BY_RUN = Prepared(_OF_REALM.where(executions.c.run_id == bindparam("ref")))
_BY_ID = Prepared(_OF_REALM.where(executions.c.id == bindparam("ref")))
_LOCKED_BY_RUN = Prepared(_OF_REALM.where(executions.c.run_id == bindparam("ref")).with_for_update())
_LOCKED_BY_ID = Prepared(_OF_REALM.where(executions.c.id == bindparam("ref")).with_for_update())
#: An agent has it. The words stand in the statement itself, so that it is one text.
IS_LIVE = executions.c.state.in_([literal_column(f"'{state}'", Text) for state in sorted(HELD)])


def is_execution(ref: str | int) -> ColumnElement[bool]:
    """The condition that a row is the one with this uuid or run id."""
    return executions.c.run_id == ref if isinstance(ref, int) else executions.c.id == ref


def holding_of(row: Mapping[Any, Any]) -> Holding:
    return Holding(**{**row, "state": LifecycleState(row["state"])})


def holding(tx: Connection, realm: str, ref: str | int) -> Holding | None:
    row = (_BY_RUN if isinstance(ref, int) else _BY_ID).first(tx, {"of_realm": realm, "ref": ref})
    return None if row is None else holding_of(row)


def locked(tx: Connection, realm: str, ref: str | int) -> Holding | None:
    """As `holding`; nobody else changes it until the transaction ends."""
    row = (_LOCKED_BY_RUN if isinstance(ref, int) else _LOCKED_BY_ID).first(tx, {"of_realm": realm, "ref": ref})
    return None if row is None else holding_of(row)


def move(tx: Connection, seen: Holding, target: LifecycleState, **values: Any) -> Holding:
    """Bring the execution from the state in which it was `seen` to `target`: one guarded UPDATE.

    The caller has `target` from `lifecycle.after`. Raises UnavailableError when somebody else was faster (possible only with
    several servers): the caller's whole transaction is then void and may be tried again.
    """
    if target not in HELD:
        values |= {"lease_expires_at": None, "paused": False, "resume_requested": False, "pause_requested": False}
    values |= {"state": target}
    seen_as = {"of_run": seen.run_id, "of_state": seen.state, "of_attempt": seen.attempt}
    moved = _moving(tuple(values)).first(tx, seen_as | values)
    if moved is None:
        raise UnavailableError("the execution changed in the same moment; send the request again")
    return holding_of(moved)


def note(tx: Connection, run_id: int, **values: Any) -> None:
    """Write columns that are no state."""
    _noting(tuple(values)).run(tx, {"of_run": run_id, **values})


def write_line(tx: Connection, run_id: int, at: datetime, kind: str, body: Mapping[str, Any]) -> None:
    """Add a line of the server's own to the log."""
    numbered = _NUMBER_LINE.first(tx, {"of_run": run_id})
    assert numbered is not None
    line = {"run_id": run_id, "seq": numbered["log_seq"], "attempt": numbered["attempt"], "agent_seq": None, "at": at}
    ADD_LINE.run(tx, line | {"type": kind, "body": body})


def write_batch(tx: Connection, seen: Holding, batch: Batch, at: datetime) -> None:
    """Add an agent's new events to the log and note what they say; `(run_id, attempt, agent_seq)` is unique."""
    values: dict[str, Any] = {"next_seq": batch.next_seq, "log_seq": seen.log_seq + len(batch.rows)}
    if batch.performs:
        values["performed"] = True
    if batch.pauses is not None:
        values |= {"paused": batch.pauses, "resume_requested": False}
    note(tx, seen.run_id, **values)
    head = {"run_id": seen.run_id, "attempt": seen.attempt, "at": at}
    _ADD_TOLD.many(
        tx,
        [
            {**head, "seq": seen.log_seq + number, "agent_seq": batch.first_seq + number - 1, "type": kind, "body": body}
            for number, (kind, body) in enumerate(batch.rows, 1)
        ],
    )


@cache
def _moving(columns: tuple[str, ...]) -> Prepared:
    """The guarded UPDATE that writes these columns."""
    seen = (
        executions.c.run_id == bindparam("of_run"),
        executions.c.state == bindparam("of_state"),
        executions.c.attempt == bindparam("of_attempt"),
    )
    return Prepared(update(executions).where(*seen).returning(*HOLDING), columns)


@cache
def _noting(columns: tuple[str, ...]) -> Prepared:
    return Prepared(update(executions).where(executions.c.run_id == bindparam("of_run")), columns)
