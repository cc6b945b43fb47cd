"""What must always be true of the database, checked after every commit, and what must be true in the end."""

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from melanzana.executions.records import LifecycleState
from melanzana.protocol.events import Event, event_to_json
from support_history import Found

if TYPE_CHECKING:
    from simulation.driving import Driving

_TERMINAL = {"passed", "failed", "error", "aborted"}
_HELD = {"leased", "running", "aborting"}
#: Made once: asked after every commit.
_ALL = text("SELECT run_id, id, state, attempt, log_seq, agent_id, session, sut_id, wanted_sut FROM executions ORDER BY run_id")
_LOG = text("SELECT seq, attempt, agent_seq, type FROM execution_events WHERE run_id = :run ORDER BY seq")
_SESSION = text("SELECT session FROM agents WHERE id = :id")
_LOCK = text("SELECT sut_id, attempt FROM sut_locks WHERE run_id = :run")
_BODIES = text("SELECT attempt, type, body FROM execution_events WHERE run_id = :run AND agent_seq IS NOT NULL ORDER BY seq")
_STRAY_LOCKS = text(
    "SELECT sut_locks.run_id FROM sut_locks JOIN executions ON executions.run_id = sut_locks.run_id"
    " WHERE executions.state NOT IN ('leased', 'running', 'aborting')"
)

State = tuple[str, int, int]  #: state, attempt, length of the log


class Violation(Exception):
    """A promise was broken."""


class Watcher:
    """Knows what was seen and what was promised to clients; raises Violation."""

    def __init__(self, driving: "Driving", *, agents_are_well: bool) -> None:
        self._driving, self._agents_are_well = driving, agents_are_well
        self._seen: dict[int, State] = {}
        self.arrived: set[tuple[str, int]] = set()  #: execution id and attempt of leases that reached their agent
        self._excused: set[tuple[int, int]] = set()  #: run and attempt of work that an agent may have had to stop
        self.abort_accepted: set[str] = set()  #: execution ids whose abort was acknowledged
        self.changes: list[tuple[str, State]] = []  #: every change that was seen, by execution id

    def excuse_what_is_held(self) -> None:
        """The server was away so long that agents had to stop what they were at."""
        self._excused |= {(run_id, seen[1]) for run_id, seen in self._seen.items() if seen[0] in _HELD}

    def look(self, tx: Connection) -> None:
        changed = False
        for row in tx.execute(_ALL):
            now = (row.state, row.attempt, row.log_seq)
            before = self._seen.get(row.run_id)
            if before == now:
                continue
            changed = True
            self._seen[row.run_id] = now
            self.changes.append((row.id, now))
            self._compare(row.id, before or ("queued", 0, 0), now)
            self._read_log(tx, row.run_id, row.attempt)
            self._look_at_holder(tx, row, before)
        if changed and (stray := tx.execute(_STRAY_LOCKS).first()) is not None:
            raise Violation(f"run {stray.run_id} keeps a system under test that it does not need any more")

    def _compare(self, execution_id: str, before: State, now: State) -> None:
        if before[0] in _TERMINAL and now[:2] != before[:2]:
            raise Violation(f"{execution_id} left the terminal state {before[0]} for {now[0]}")
        if now[1] < before[1] or now[2] < before[2]:
            raise Violation(f"{execution_id} went back from {before} to {now}")
        if before[0] == "aborting" and now[0] not in {"aborting", "aborted"}:
            raise Violation(f"{execution_id} was aborting and became {now[0]}")
        if execution_id in self.abort_accepted and now[0] not in {"aborting", "aborted"}:
            raise Violation(f"{execution_id} was aborted and is {now[0]}")

    def _look_at_holder(self, tx: Connection, row: Any, before: State | None) -> None:
        """A new attempt belongs to its agent's newest session, and has the system under test that it needs."""
        if row.state in _HELD and (before is None or before[1] < row.attempt):
            newest = tx.execute(_SESSION, {"id": row.agent_id}).scalar()
            if newest != row.session:
                raise Violation(f"{row.id} was handed to session {row.session} of agent {row.agent_id}, which is at {newest}")
        if row.state in _HELD and row.sut_id is not None:
            lock = tx.execute(_LOCK, {"run": row.run_id}).first()
            if lock is None or tuple(lock) != (row.sut_id, row.attempt):
                raise Violation(f"{row.id} is {row.state} on {row.sut_id}, and the lock says {lock}")
        if row.state in _HELD and row.sut_id is None and row.wanted_sut not in {None, "null"}:
            raise Violation(f"{row.id} is {row.state} without the system under test it needs")

    def _read_log(self, tx: Connection, run_id: int, attempt: int) -> None:
        lines = tx.execute(_LOG, {"run": run_id}).all()
        if [line.seq for line in lines] != list(range(1, len(lines) + 1)):
            raise Violation(f"run {run_id}: the log has gaps or repetitions")
        attempts = [line.attempt for line in lines]
        if attempts != sorted(attempts) or (attempts and attempts[-1] > attempt):
            raise Violation(f"run {run_id}: an older attempt speaks after a newer one: {attempts}")
        for number in set(attempts):
            own = [line.agent_seq for line in lines if line.attempt == number and line.agent_seq is not None]
            if own != list(range(1, len(own) + 1)):
                raise Violation(f"run {run_id}, attempt {number}: events {own}")
            if sum(line.type == "ExecutionLeased" and line.attempt == number for line in lines) > 1:
                raise Violation(f"run {run_id}, attempt {number} was handed out twice")

    def look_at_the_end(self, tx: Connection) -> None:
        """Everything has ended, truthfully; nobody was called lost who was well."""
        for row in tx.execute(text("SELECT * FROM executions")):
            if row.state not in _TERMINAL:
                raise Violation(f"{row.id} never ended: {row.state}, attempt {row.attempt}")
            if row.id in self.abort_accepted and row.state != LifecycleState.ABORTED:
                raise Violation(f"{row.id} was aborted and ended as {row.state}")
            self._is_truthful(tx, row)
            self._was_lost_rightly(tx, row)

    def found(self, tx: Connection) -> list[Found]:
        """What is there, for the checker of histories."""
        return [
            Found(
                execution=row.id,
                state=row.state,
                attempt=row.attempt,
                log=tuple((line.attempt, line.agent_seq) for line in tx.execute(_LOG, {"run": row.run_id})),
            )
            for row in tx.execute(_ALL).all()
        ]

    def _is_truthful(self, tx: Connection, row: Any) -> None:
        """What is stored of an attempt is what one worker told, from its first word on; if it passed or failed, all of it."""
        told = [[_line(event) for event in worker.told] for worker in self._driving.of_execution(row.seed)]
        stored: dict[int, list[tuple[str, str]]] = {}
        for line in tx.execute(_BODIES, {"run": row.run_id}):
            stored.setdefault(line.attempt, []).append((line.type, line.body))
        for attempt, lines in stored.items():
            whole = row.state in {"passed", "failed"} and attempt == row.attempt
            said = lines if whole or lines[-1][0] != "RunFinished" else lines[:-1]  # an agent may add how a worker ended
            if said and not any(said == (one if whole else one[: len(said)]) for one in told):
                raise Violation(f"{row.id} {row.state}, attempt {attempt}: its log is not what any worker told: {lines} / {told}")

    def _was_lost_rightly(self, tx: Connection, row: Any) -> None:
        if not self._agents_are_well:
            return
        lost = {line.attempt for line in tx.execute(_LOG, {"run": row.run_id}) if line.type == "ExecutionRequeued"}
        if row.reason == "agent_lost":
            lost.add(row.attempt)
        lost = {attempt for attempt in lost if (row.id, attempt) in self.arrived}
        wrongly = sorted(attempt for attempt in lost if (row.run_id, attempt) not in self._excused)
        if wrongly:
            raise Violation(f"{row.id}: the agents of attempts {wrongly} were well and were called lost")


def _line(event: Event) -> tuple[str, str]:
    document = event_to_json(event)
    kind = document.pop("type")
    return kind, json.dumps(document, ensure_ascii=False, separators=(",", ":"))
