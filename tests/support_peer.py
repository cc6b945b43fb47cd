"""A server made for tests of the agent: keeps the rules of `protocol/peer.py` in memory and misbehaves where a test asks for it."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from melanzana.errors import AgentDrainedError, StaleAttemptError
from melanzana.protocol.events import Event, RunFinished
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session
from melanzana.protocol.snapshot import Snapshot

SNAPSHOT = Snapshot(
    model={}, model_id="00000000-0000-0000-0000-000000000001", model_version=1, model_hash="", path="random(steps(1))", seed=1
)
SESSION = Session(agent_id=1, agent_name="lab", session=1, heartbeat_seconds=5, lease_seconds=20, kill_seconds=5, poll_seconds=25)


def lease(execution_id: str = "e1", attempt: int = 1, snapshot: Snapshot = SNAPSHOT) -> Lease:
    return Lease(execution_id=execution_id, run_id=1, attempt=attempt, snapshot=snapshot, lease_seconds=SESSION.lease_seconds)


class FakePeer:
    """Hands out `leases` in order, stores events by the rules, and tells directives.

    `on_report` is called with every report before it is heeded and may raise or return an awaitable to wait for.
    """

    def __init__(self, *leases: Lease, session: Session = SESSION) -> None:
        self.session = session
        self.leases = list(leases)
        self.hellos: list[Hello] = []
        self.departures: list[bool] = []  #: `gone` of each
        self.reports: list[Report] = []
        self.stored: dict[str, list[Event]] = {}
        self.contents: dict[str, bytes] = {}
        self.suites: dict[str, bytes] = {}
        self.aborting: set[str] = set()
        self.resuming: set[str] = set()
        self.standing: set[str] = set()
        self.lost: set[str] = set()
        self.drained = False
        self.on_report: Callable[[Report], Any] = lambda _report: None
        self.on_store: Callable[[bytes], Any] = lambda _content: None
        self.on_register: Callable[[], Any] = lambda: None
        self.lose_answers = 0
        self.idle = asyncio.Event()
        self._news = asyncio.Event()

    async def register(self, hello: Hello) -> Session:
        self.hellos.append(hello)
        await _maybe(self.on_register())
        return self.session

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        if self.leases:
            return self.leases.pop(0)
        if self.drained:
            raise AgentDrainedError("end with your last run")
        self.idle.set()
        await asyncio.sleep(wait_seconds)
        return None

    async def report(self, session: Session, report: Report) -> Directive:
        self.reports.append(report)
        await _maybe(self.on_report(report))
        if report.execution_id in self.lost:
            raise StaleAttemptError("attempt 1 is not the current one")
        stored = self.stored.setdefault(report.execution_id, [])
        self._store(stored, report)
        if not report.events:
            await self._hold(report)
        if report.events and self.lose_answers:
            self.lose_answers -= 1
            await asyncio.sleep(3600)
        return Directive(
            next_seq=len(stored) + 1,
            lease_seconds=self.session.lease_seconds,
            abort_requested=report.execution_id in self.aborting,
            resume_requested=report.execution_id in self.resuming,
            pause_requested=report.execution_id in self.standing,
            ended=any(isinstance(event, RunFinished) for event in stored),
        )

    async def leave(self, session: Session, *, gone: bool) -> None:
        self.departures.append(gone)

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        await _maybe(self.on_store(content))
        sha256 = hashlib.sha256(content).hexdigest()
        self.contents[sha256] = content
        return sha256

    async def suite(self, session: Session, lease: Lease) -> bytes:
        return self.suites[str((lease.snapshot.stored_suite or {})["sha256"])]

    def abort(self, execution_id: str = "e1") -> None:
        self.aborting.add(execution_id)
        self._news.set()

    def pause(self, execution_id: str = "e1", *, wanted: bool = True) -> None:
        (self.standing.add if wanted else self.standing.discard)(execution_id)
        self._news.set()

    def resume(self, execution_id: str = "e1") -> None:
        self.resuming.add(execution_id)
        self._news.set()

    def finished(self, execution_id: str = "e1") -> RunFinished:
        """The last event stored, which must be the end."""
        last = self.stored[execution_id][-1]
        assert isinstance(last, RunFinished), last
        return last

    @staticmethod
    def _store(stored: list[Event], report: Report) -> None:
        start = len(stored) + 1 - report.first_seq
        if start >= 0:
            stored.extend(report.events[start:])

    async def _hold(self, report: Report) -> None:
        if report.execution_id in self.aborting or not report.wait_seconds:
            return
        try:
            async with asyncio.timeout(report.wait_seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()


async def _maybe(result: Any) -> None:
    if result is not None:
        await result
