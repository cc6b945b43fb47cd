"""What must always be true, checked after every change of the database, and what must be true in the end."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from melanzana.executions.records import LifecycleState
from melanzana.protocol.events import Event, event_to_json
from melanzana.storage.database import Database, InlineDatabase

T = TypeVar("T")
_TERMINAL = {"passed", "failed", "error", "aborted"}


class Violation(Exception):
    """A promise was broken."""


class WatchedDatabase(Database):
    """An inline database that shows every committed change to a watcher."""

    def __init__(self, inner: InlineDatabase, watcher: "Watcher") -> None:
        self._inner, self._watcher = inner, watcher
        self.changes = 0

    async def read(self, question: Callable[[Connection], T]) -> T:
        return await self._inner.read(question)

    async def write(self, change: Callable[[Connection], T]) -> T:
        result = await self._inner.write(change)
        self.changes += 1
        await self._inner.read(self._watcher.look)
        return result

    async def close(self) -> None:
        await self._inner.close()


class Watcher:
    """Knows what was seen and what was promised to clients; raises Violation."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, int, int]] = {}  #: state, attempt and length of the log, by run id
        self.accepted: dict[str, str] = {}  #: execution ids by Idempotency-Key, as acknowledged
        self.abort_accepted: set[str] = set()  #: execution ids whose abort was acknowledged
        self.history: list[tuple[str, tuple[str, int, int]]] = []  #: every change that was seen, by execution id
        self.workers: dict[int, list[Any]] = {}  #: scripted workers by seed of their execution, in the order they started

    def acknowledge(self, key: str, execution_id: str) -> None:
        """A start was answered."""
        if self.accepted.setdefault(key, execution_id) != execution_id:
            raise Violation(f"key {key} gave two executions: {self.accepted[key]} and {execution_id}")

    def begin(self, seed: int, worker: Any) -> None:
        """A worker begins: no other one may be alive for the same execution."""
        others = self.workers.setdefault(seed, [])
        if any(other.alive for other in others):
            raise Violation(f"the execution with seed {seed} is performed by two workers at once")
        others.append(worker)

    def look(self, tx: Connection) -> None:
        for row in tx.execute(text("SELECT run_id, id, state, attempt, log_seq FROM executions ORDER BY run_id")):
            now = (row.state, row.attempt, row.log_seq)
            before = self._seen.get(row.run_id)
            if before == now:
                continue
            self._seen[row.run_id] = now
            self.history.append((row.id, now))
            self._compare(row.id, before or ("queued", 0, 0), now)
            self._read_log(tx, row.run_id, row.attempt)

    def _compare(self, execution_id: str, before: tuple[str, int, int], now: tuple[str, int, int]) -> None:
        if before[0] in _TERMINAL and now[:2] != before[:2]:
            raise Violation(f"{execution_id} left the terminal state {before[0]} for {now[0]}")
        if now[1] < before[1] or now[2] < before[2]:
            raise Violation(f"{execution_id} went back from {before} to {now}")
        if before[0] == "aborting" and now[0] not in {"aborting", "aborted"}:
            raise Violation(f"{execution_id} was aborting and became {now[0]}")
        if execution_id in self.abort_accepted and now[0] not in {"aborting", "aborted"}:
            raise Violation(f"{execution_id} was aborted and is {now[0]}")

    def _read_log(self, tx: Connection, run_id: int, attempt: int) -> None:
        lines = tx.execute(
            text("SELECT seq, attempt, agent_seq, type FROM execution_events WHERE run_id = :run ORDER BY seq"), {"run": run_id}
        ).all()
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
        """Everything that was accepted has ended, once, truthfully."""
        rows = {row.id: row for row in tx.execute(text("SELECT * FROM executions"))}
        lost = [key for key, execution_id in self.accepted.items() if execution_id not in rows]
        if lost:
            raise Violation(f"accepted starts are gone: {lost}")
        if len(rows) > len(self.accepted):
            raise Violation(f"{len(rows)} executions for {len(self.accepted)} accepted keys")
        for row in rows.values():
            if row.state not in _TERMINAL:
                raise Violation(f"{row.id} never ended: {row.state}, attempt {row.attempt}")
            if row.id in self.abort_accepted and row.state != LifecycleState.ABORTED:
                raise Violation(f"{row.id} was aborted and ended as {row.state}")
            self._is_truthful(tx, row)

    def _is_truthful(self, tx: Connection, row: Any) -> None:
        """A run that passed or failed is, event by event, what its worker did."""
        if row.state not in {"passed", "failed"}:
            return
        stored = tx.execute(
            text(
                "SELECT type, body FROM execution_events WHERE run_id = :run AND attempt = :attempt AND agent_seq IS NOT NULL"
                " ORDER BY seq"
            ),
            {"run": row.run_id, "attempt": row.attempt},
        ).all()
        told = [[_line(event) for event in worker.told] for worker in self.workers.get(row.seed, [])]
        if [(line.type, line.body) for line in stored] not in told:
            raise Violation(f"{row.id} {row.state}, but its log is not what any worker told: {stored} / {told}")


def _line(event: Event) -> tuple[str, str]:
    document = event_to_json(event)
    kind = document.pop("type")
    return kind, json.dumps(document, ensure_ascii=False, separators=(",", ":"))
