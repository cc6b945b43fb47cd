"""Bugs that somebody could write, planted one at a time, to see whether the simulation finds them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import bindparam, select, update

from melanzana.executions import lifecycle, rows, store, sweeping, transitions
from melanzana.executions.lifecycle import Change
from melanzana.executions.records import LifecycleState
from melanzana.executions.rows import HOLDING
from melanzana.executions.tables import executions
from melanzana.runner import attempt


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value` while the block runs."""
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


@contextmanager
def no_fencing() -> Iterator[None]:
    """A report counts whoever sends it, for whichever attempt."""

    unasked = [bindparam(name).is_not(None) for name in ("of_realm", "of_attempt", "of_agent", "of_session")]
    anybody = (executions.c.id == bindparam("of_id"), executions.c.state.in_(["leased", "running", "aborting"]), *unasked)
    renew = update(executions).where(*anybody).values(lease_expires_at=bindparam("until")).returning(*HOLDING)
    with replaced(store, "_RENEW", renew), replaced(store, "_HELD", select(*HOLDING).where(*anybody)):
        yield


@contextmanager
def verdict_beats_abort() -> Iterator[None]:
    """`RunFinished` ends an aborting execution with its own verdict."""
    ends = {Change.PASS: LifecycleState.PASSED, Change.FAIL: LifecycleState.FAILED, Change.ERR: LifecycleState.ERROR}
    after: Callable[..., LifecycleState | None] = lifecycle.after

    def careless(state: LifecycleState, change: Change) -> LifecycleState | None:
        return ends[change] if change in ends and state is LifecycleState.ABORTING else after(state, change)

    with replaced(lifecycle, "after", careless):
        yield


@contextmanager
def keys_forgotten() -> Iterator[None]:
    """A start that is sent again starts again."""
    with replaced(store, "find_key", lambda *_: None), replaced(store, "remember_key", lambda *_: None):
        yield


@contextmanager
def events_before_numbers() -> Iterator[None]:
    """New events are stored, but their number is not counted on: the next report brings them again."""
    write_batch = rows.write_batch

    def forgetful(tx: Any, seen: Any, batch: Any, at: Any) -> None:
        write_batch(tx, seen, batch, at)
        rows.note(tx, seen.run_id, next_seq=seen.next_seq)

    with replaced(rows, "write_batch", forgetful):
        yield


@contextmanager
def agent_ignores_its_deadline() -> Iterator[None]:
    """An agent cut off from the server goes on performing long after its lease."""
    with replaced(attempt, "SAFE_PART", 6.0):
        yield


@contextmanager
def silence_is_never_noticed() -> Iterator[None]:
    """Leases are given a new period at every sweep."""
    with replaced(sweeping.SweepPolicy, "must_rearm", lambda *_: True):
        yield


@contextmanager
def lost_work_is_repeated() -> Iterator[None]:
    """A lost agent's execution is requeued even while it is aborting."""
    after: Callable[..., LifecycleState | None] = lifecycle.after

    def eager(state: LifecycleState, change: Change) -> LifecycleState | None:
        return LifecycleState.QUEUED if change is Change.REQUEUE else after(state, change)

    with replaced(lifecycle, "after", eager):
        yield


PLANTS = {
    plant.__name__: plant
    for plant in (
        no_fencing,
        verdict_beats_abort,
        keys_forgotten,
        events_before_numbers,
        agent_ignores_its_deadline,
        silence_is_never_noticed,
        lost_work_is_repeated,
    )
}
assert transitions.lifecycle is lifecycle
