"""Bugs that somebody could write, planted one at a time, to see whether the simulation finds them. Only tests plant."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from melanzana.agents import store as agent_store
from melanzana.executions import enqueuing, lifecycle, rows, store, sweeping
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.lifecycle import Change
from melanzana.executions.records import LifecycleState
from melanzana.executions.rows import HOLDING
from melanzana.executions.tables import executions
from melanzana.runner import attempt
from melanzana.storage.prepared import Prepared
from melanzana.storage.types import Instant
from simulation import database
from simulation.scenarios import ABORTS, CRASHES, CUT_OFF, DENSE, LATE_REPORTS, SHAKY_STORE, TWINS, Scenario

_UNTIL = {"lease_expires_at": bindparam("until", type_=Instant)}


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
    anybody = (executions.c.id == bindparam("of_id"), rows.IS_LIVE)
    renew = Prepared(update(executions).where(*anybody).values(**_UNTIL).returning(*HOLDING))
    with replaced(store, "_RENEW", renew), replaced(store, "_HELD", Prepared(select(*HOLDING).where(*anybody))):
        yield


@contextmanager
def duplicate_append() -> Iterator[None]:
    """New events are stored, but their number is not counted on: the next report brings them again."""
    write_batch = rows.write_batch

    def forgetful(tx: Any, seen: Any, batch: Any, at: Any) -> None:
        write_batch(tx, seen, batch, at)
        rows.note(tx, seen.run_id, next_seq=seen.next_seq)

    with replaced(rows, "write_batch", forgetful):
        yield


@contextmanager
def finish_over_aborting() -> Iterator[None]:
    """`RunFinished` ends an aborting execution with its own verdict."""
    ends = {Change.PASS: LifecycleState.PASSED, Change.FAIL: LifecycleState.FAILED, Change.ERR: LifecycleState.ERROR}
    after: Callable[..., LifecycleState | None] = lifecycle.after

    def careless(state: LifecycleState, change: Change) -> LifecycleState | None:
        return ends[change] if change in ends and state is LifecycleState.ABORTING else after(state, change)

    with replaced(lifecycle, "after", careless):
        yield


@contextmanager
def no_grace() -> Iterator[None]:
    """Execution and system under test of a silent agent are given away at the end of its lease, while its worker may be dying."""
    lapsed, still_lapsed, grace = store.lapsed, store.still_lapsed, timedelta(seconds=LeaseFigures().grace_seconds)
    with (
        replaced(store, "lapsed", lambda tx, before: lapsed(tx, before + grace)),
        replaced(store, "still_lapsed", lambda tx, lease, before: still_lapsed(tx, lease, before + grace)),
    ):
        yield


@contextmanager
def step_after_abort() -> Iterator[None]:
    """The agent takes note of an abort and lets its worker go on."""
    with replaced(attempt.Attempt, "_interrupt", lambda *_: None):
        yield


@contextmanager
def two_sessions() -> Iterator[None]:
    """Any process with an agent's credentials may speak, also after another one registered."""
    with replaced(agent_store, "require_session", lambda tx, realm, agent_id, _: agent_store.find(tx, realm, agent_id)):
        yield


@contextmanager
def keys_forgotten() -> Iterator[None]:
    """A start that is sent again starts again."""
    with replaced(store, "earlier_of", lambda *_: None), replaced(enqueuing._ADD_KEY, "many", lambda *_: None):
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
def abort_is_repeated() -> Iterator[None]:
    """A lost agent's execution is requeued even while it is aborting."""
    after: Callable[..., LifecycleState | None] = lifecycle.after

    def eager(state: LifecycleState, change: Change) -> LifecycleState | None:
        return LifecycleState.QUEUED if change is Change.REQUEUE else after(state, change)

    with replaced(lifecycle, "after", eager):
        yield


@contextmanager
def touched_when_reported() -> Iterator[None]:
    """An attempt counts as having performed something only when its first step is reported."""
    held = (
        executions.c.id == bindparam("of_id"),
        executions.c.attempt == bindparam("of_attempt"),
        executions.c.session == bindparam("of_session"),
        rows.IS_LIVE,
    )
    with replaced(store, "_RENEW", Prepared(update(executions).where(*held).values(**_UNTIL).returning(*HOLDING))):
        yield


@contextmanager
def answered_before_commit() -> Iterator[None]:
    """The store answers a change, and then its commit fails."""
    undone = database.FaultyDatabase.undone

    async def hasty(self: Any, change: Any) -> Any:
        answers: list[Any] = []
        try:
            await undone(self, lambda tx: answers.append(change(tx)))
        except database.UnavailableError:
            return answers[0]

    with replaced(database.FaultyDatabase, "undone", hasty):
        yield


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug, and the scenario that is aimed at it."""

    plant: Callable[[], AbstractContextManager[None]]
    scenario: Scenario


PLANTS = {
    plant.__name__: Plant(plant, scenario)
    for plant, scenario in (
        (no_fencing, LATE_REPORTS),
        (duplicate_append, DENSE),
        (finish_over_aborting, ABORTS),
        (no_grace, CUT_OFF),
        (step_after_abort, ABORTS),
        (two_sessions, TWINS),
        (keys_forgotten, DENSE),
        (agent_ignores_its_deadline, CUT_OFF),
        (silence_is_never_noticed, DENSE),
        (abort_is_repeated, DENSE),
        (touched_when_reported, CRASHES),
        (answered_before_commit, SHAKY_STORE),
    )
}
