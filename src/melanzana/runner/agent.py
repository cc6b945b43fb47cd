"""The agent: registers, asks for work, carries each lease through, until it is stopped or another process takes its place.

`cli/agent.py` builds one over HTTP; the simulator builds the same one over the server's own `Peer`. Each slot asks for a lease
(held by the server) and gives it to an `Attempt`; whatever happens to the attempt, the slot asks again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from melanzana.clock import Clock
from melanzana.errors import AgentDrainedError, MelanzanaError, UnavailableError
from melanzana.protocol.peer import Hello, Lease, Peer, Session
from melanzana.runner.attempt import Attempt, Means
from melanzana.runner.records import AgentSettings
from melanzana.runner.retrying import Pauses
from melanzana.runner.workers import WorkerFactory

_log = structlog.get_logger("melanzana.agent")
#: An empty answer to `lease` that comes sooner than this is not followed by the next question at once.
_LEAST_POLL_SECONDS = 0.5
#: While the server does not answer, the log says so this often, in seconds.
_TELL_SECONDS = 60.0
#: How long saying goodbye may take, in seconds.
_LEAVE_SECONDS = 2.0
_T = TypeVar("_T")


class Agent:
    """One agent process: `slots` runs at a time."""

    def __init__(self, peer: Peer, clock: Clock, workers: WorkerFactory, settings: AgentSettings | None = None) -> None:
        self._peer, self._clock = peer, clock
        self._settings = settings or AgentSettings()
        self._means = Means(peer=peer, clock=clock, workers=workers, settings=self._settings)
        self._stopping = asyncio.Event()
        self._told_at: float | None = None  #: when the log last said that the server does not answer
        self._attempts: dict[tuple[str, int], Attempt] = {}

    @property
    def busy(self) -> int:
        """How many runs are under way."""
        return len(self._attempts)

    async def run(self) -> None:
        """Work until `stop`; returns when every run has ended. Cancelled, it kills its workers and reports nothing more.

        Raises SessionReplacedError when another process registered as this agent, and AuthError when its credentials are no longer
        good: in both cases its workers are dead by then.
        """
        try:
            async with asyncio.TaskGroup() as group:
                drain = group.create_task(self._drain())
                session = await self._register()
                if session is not None:
                    leaving = group.create_task(self._say_when_leaving(session))
                    await self._serve_all(session)
                    leaving.cancel()
                    await self._leave(session, gone=True)
                drain.cancel()
        except ExceptionGroup as errors:
            raise _first(errors) from None

    def stop(self) -> None:
        """Take no more work; give current runs `drain_seconds`, then abort them. Called again: abort them now."""
        if self._stopping.is_set():
            self._abort_all()
        self._stopping.set()

    async def _register(self) -> Session | None:
        """The session, or None when the agent was stopped before it had one."""
        hello = Hello(
            capabilities=self._settings.capabilities,
            host=self._settings.host,
            version=self._settings.version,
            instance=self._settings.instance,
        )
        pauses = self._pauses()
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(self._settings.call_seconds):
                    session = await self._peer.register(hello)
            except (UnavailableError, TimeoutError) as error:
                self._tell_silence(error)
                await self._unless_stopping(pauses.next())
            else:
                _log.info(f"{session.agent_name} is registered and waits for work", session=session.session)
                return session
        return None

    def _tell_silence(self, error: Exception) -> None:
        """Once a minute, so that a night without a server leaves a log that can be read."""
        now = self._clock.monotonic()
        if self._told_at is None or now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            _log.warning(f"{error or 'the server is too slow to answer'}; trying again")

    async def _serve_all(self, session: Session) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.slots):
                group.create_task(self._serve(session))

    async def _serve(self, session: Session) -> None:
        pauses = self._pauses()
        while not self._stopping.is_set():
            try:
                lease = await self._next_lease(session, pauses)
            except AgentDrainedError as error:
                _log.info("drained", why=error.message)
                return
            if lease is not None:
                await self._carry(session, lease)

    async def _carry(self, session: Session, lease: Lease) -> None:
        key = (lease.execution_id, lease.attempt)
        if key in self._attempts:
            return  # the answer to an older question came twice
        attempt = Attempt(self._means, session, lease)
        self._attempts[key] = attempt
        try:
            await attempt.run()
        finally:
            del self._attempts[key]

    async def _next_lease(self, session: Session, pauses: Pauses) -> Lease | None:
        sent = self._clock.monotonic()
        try:
            lease = await self._unless_stopping(self._ask(session))
        except (UnavailableError, TimeoutError) as error:
            self._tell_silence(error)
            await self._unless_stopping(pauses.next())
            return None
        if self._told_at is not None:
            self._told_at = None
            _log.info("the server answers again")
        pauses.reset()
        early = _LEAST_POLL_SECONDS - (self._clock.monotonic() - sent)
        if lease is None and early > 0:
            await self._unless_stopping(asyncio.sleep(early))
        return lease

    async def _ask(self, session: Session) -> Lease | None:
        wait = session.poll_seconds
        async with asyncio.timeout(wait + self._settings.call_seconds):
            return await self._peer.lease(session, wait)

    async def _say_when_leaving(self, session: Session) -> None:
        await self._stopping.wait()
        if self._attempts:
            await self._leave(session, gone=False)

    async def _leave(self, session: Session, *, gone: bool) -> None:
        """So that people see it at once. A server that does not hear of it notices the silence."""
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._peer.leave(session, gone=gone)
        except (MelanzanaError, TimeoutError) as error:
            _log.debug("the server did not hear that this agent leaves", error=str(error))

    async def _drain(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._settings.drain_seconds)
        self._abort_all()

    def _abort_all(self) -> None:
        for attempt in self._attempts.values():
            attempt.stop("the agent was stopped before the run ended")

    async def _unless_stopping(self, waiting: Coroutine[Any, Any, _T]) -> _T | None:
        """What `waiting` gives; None, with `waiting` cancelled, when the agent is stopped first."""
        task = asyncio.create_task(waiting)
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            task.cancel()
            stopped.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)

    def _pauses(self) -> Pauses:
        return Pauses(self._settings.retry_first_seconds, self._settings.retry_most_seconds, self._settings.jitter)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
