"""Each change an execution can go through, as one transaction: the guarded UPDATE and its line in the log, together or not at all.

`service.py` calls these inside `Database.write`; `lifecycle.py` says which are possible. `at` is the server's instant.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from melanzana.errors import ConflictError, NotFoundError, StaleAttemptError
from melanzana.executions import lifecycle, rows
from melanzana.executions.batch import Batch, new_part
from melanzana.executions.lifecycle import TERMINAL, Change
from melanzana.executions.records import ClaimingAgent, Holding, LifecycleState, Reason
from melanzana.generation.step import Verdict
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import Report
from melanzana.suts.records import AssignedSut

_ENDED_ALREADY = "the execution has already ended as {}"


def leased(tx: Connection, seen: Holding, agent: ClaimingAgent, at: datetime, sut: AssignedSut | None = None) -> None:
    """Note who took the execution, and the system under test that was locked for it."""
    body = {"agent_id": agent.agent_id, "agent": agent.name}
    if sut is not None:
        rows.note(tx, seen.run_id, sut_id=sut.id)
        body |= {"sut_id": sut.id, "sut": sut.name}
    rows.write_line(tx, seen.run_id, at, "ExecutionLeased", body)


def abort(tx: Connection, realm: str, ref: str | int, by: str, at: datetime) -> Holding:
    """Ask for the end: a queued execution has ended with that, a held one waits for its agent. Doing it again changes nothing.

    Raises NotFoundError, and ConflictError when the execution ended before in another way.
    """
    seen = _existing(tx, realm, ref)
    if seen.state in {LifecycleState.ABORTING, LifecycleState.ABORTED}:
        return seen
    target = lifecycle.after(seen.state, Change.ABORT)
    if target is None:
        raise ConflictError(_ENDED_ALREADY.format(seen.state), state=seen.state)
    rows.write_line(tx, seen.run_id, at, "AbortRequested", {"by": by})
    if target is LifecycleState.ABORTED:
        return _end(tx, seen, Change.ABORT, at, None, Reason.ABORTED, "aborted before an agent took it")
    return _move(tx, seen, Change.ABORT)


def pause(tx: Connection, realm: str, ref: str | int, by: str, at: datetime) -> Holding:
    """Ask a run that an agent has to stand still at its next step boundary. Doing it again changes nothing.

    Raises NotFoundError, and ConflictError when no agent has it, or it is being aborted.
    """
    seen = _existing(tx, realm, ref)
    if seen.state not in {LifecycleState.LEASED, LifecycleState.RUNNING}:
        raise ConflictError(f"the run is {seen.state}; only a run that is under way can pause", state=seen.state)
    if not seen.pause_requested:
        rows.note(tx, seen.run_id, pause_requested=True, resume_requested=False)
        rows.write_line(tx, seen.run_id, at, "PauseRequested", {"by": by})
    return seen


def resume(tx: Connection, realm: str, ref: str | int, by: str, at: datetime) -> Holding:
    """Ask a paused run to continue, or take the wish to pause back. Raises NotFoundError, and ConflictError when it is neither."""
    seen = _existing(tx, realm, ref)
    if seen.state not in {LifecycleState.LEASED, LifecycleState.RUNNING} or not (seen.paused or seen.pause_requested):
        raise ConflictError("the run is not paused: pause it, or let onerror=debug pause it at a failing step", state=seen.state)
    if not seen.resume_requested:
        rows.note(tx, seen.run_id, resume_requested=seen.paused, pause_requested=False)
        rows.write_line(tx, seen.run_id, at, "ResumeRequested", {"by": by})
    return seen


def take_in(tx: Connection, seen: Holding, report: Report, at: datetime) -> Holding:
    """Store what is new in an agent's report and let it take effect. Raises RequestError for events that cannot be stored."""
    batch = new_part(seen, report)
    if not batch.rows:
        return seen
    rows.write_batch(tx, seen, batch, at)
    if batch.begins and seen.state is LifecycleState.LEASED:
        seen = _move(tx, seen, Change.BEGIN, started_at=at)
    if batch.end is not None:
        return _finish(tx, seen, batch.end, at)
    return _noted(seen, batch)


def answer_late(tx: Connection, agent: ClaimingAgent, report: Report) -> Holding:
    """The execution of an attempt that may no longer be renewed, when the report is only a repetition of its end.

    Raises StaleAttemptError: the attempt was lost, given to somebody else or ended without this report.
    """
    seen = rows.holding(tx, agent.realm, report.execution_id)
    if seen is None:
        raise NotFoundError(f"there is no execution {report.execution_id}", field="execution_id")
    same = (seen.attempt, seen.agent_id, seen.session) == (report.attempt, agent.agent_id, agent.session)
    heard = report.first_seq + len(report.events) <= seen.next_seq
    if same and heard and seen.state in TERMINAL and seen.reason != Reason.AGENT_LOST:
        return seen
    raise StaleAttemptError(
        f"attempt {report.attempt} is over: the execution is {seen.state} with attempt {seen.attempt}",
        state=seen.state,
        attempt=seen.attempt,
    )


def requeue(tx: Connection, seen: Holding, at: datetime, queued_at: datetime) -> Holding:
    """Give the execution of a lost agent back to the queue; `queued_at` counts for the queue's expiry."""
    body = {"agent_id": seen.agent_id, "attempt": seen.attempt, "reason": Reason.AGENT_LOST}
    rows.write_line(tx, seen.run_id, at, "ExecutionRequeued", body)
    return _move(tx, seen, Change.REQUEUE, agent_id=None, session=None, sut_id=None, started_at=None, queued_at=queued_at)


def lose(tx: Connection, seen: Holding, at: datetime) -> Holding:
    """End the execution of a lost agent: as aborted when that was asked for, else as an error."""
    verdict = None if seen.state is LifecycleState.ABORTING else Verdict.ERROR
    message = f"agent {seen.agent_id} fell silent during attempt {seen.attempt}; what it did since its last report is not known"
    return _end(tx, seen, Change.LOSE, at, verdict, Reason.AGENT_LOST, message)


def expire(tx: Connection, seen: Holding, at: datetime, waited_seconds: float) -> Holding:
    """End an execution that no agent took in time."""
    message = f"no agent with the needed capabilities took it within {waited_seconds / 3600:g} hours"
    return _end(tx, seen, Change.EXPIRE, at, Verdict.ERROR, Reason.QUEUE_EXPIRED, message)


def _move(tx: Connection, seen: Holding, change: Change, **values: Any) -> Holding:
    target = lifecycle.after(seen.state, change)
    assert target is not None, f"{change} is not possible in {seen.state}"
    return rows.move(tx, seen, target, **values)


def _finish(tx: Connection, seen: Holding, end: RunFinished, at: datetime) -> Holding:
    verdict = Verdict(end.verdict)
    if seen.state is LifecycleState.ABORTING:
        return _end(tx, seen, lifecycle.end_for(verdict), at, None, Reason.ABORTED, end.message)
    return _end(tx, seen, lifecycle.end_for(verdict), at, verdict, end.reason, end.message)


def _end(  # noqa: PLR0917 - the columns of an end
    tx: Connection, seen: Holding, change: Change, at: datetime, verdict: Verdict | None, reason: str, message: str
) -> Holding:
    text = message.replace("\0", "�")
    moved = _move(tx, seen, change, verdict=verdict, reason=reason, message=text, ended_at=at)
    body = {"state": moved.state, "verdict": verdict, "reason": reason, "message": text}
    rows.write_line(tx, seen.run_id, at, "ExecutionEnded", body)
    return moved


def _noted(seen: Holding, batch: Batch) -> Holding:
    """The execution as it is after a batch that did not end it."""
    values = {name: getattr(seen, name) for name in Holding.__dataclass_fields__}
    values |= {"next_seq": batch.next_seq, "log_seq": seen.log_seq + len(batch.rows)}
    if batch.pauses is not None:
        values |= {"paused": batch.pauses, "resume_requested": False}
    return Holding(**values)


def _existing(tx: Connection, realm: str, ref: str | int) -> Holding:
    seen = rows.locked(tx, realm, ref)
    if seen is None:
        raise NotFoundError(f"there is no execution {ref}", field="execution_id")
    return seen
