"""One leased attempt, from the first renewal to the end that the server has acknowledged, or to its loss.

`agent.py` makes one for every lease. Four tasks share it: `_take_in` moves events from the worker into the outbox, `_send` reports
them, `_listen` keeps one empty report with the server (heartbeat, renewal and push channel in one), `_watch` holds the deadline.
Whichever sees the end calls `_end`; then the worker is killed, whatever it does, and the attempt is over.

The deadline is 0.95 of the lease, on the monotonic clock, from the moment the last ANSWERED report was sent; the worker is told of
each new one and enforces it by itself, should this process stall. Once the attempt is closing (aborted, lost, stopped), no answer
that comes late starts or continues anything.
"""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from melanzana.clock import Clock
from melanzana.errors import (
    AuthError,
    ConflictError,
    MelanzanaError,
    NotFoundError,
    RequestError,
    SessionReplacedError,
    TooLargeError,
    UnavailableError,
)
from melanzana.generation.step import EndReason, Verdict
from melanzana.protocol.events import (
    AttachmentStored,
    Event,
    LogWritten,
    RunFinished,
    RunPaused,
    RunResumed,
    StepFinished,
    StepStarted,
)
from melanzana.protocol.peer import Directive, Lease, Peer, Report, Session
from melanzana.protocol.snapshot import Snapshot
from melanzana.protocol.tracing import place_of
from melanzana.runner.failures import cut
from melanzana.runner.interruption import ABORTED_STEP
from melanzana.runner.outbox import Outbox
from melanzana.runner.records import AgentSettings
from melanzana.runner.retrying import Pauses
from melanzana.runner.stored_suites import with_suite
from melanzana.runner.time_limits import TimeLimits
from melanzana.runner.workers import Job, Worker, WorkerFactory

_log = structlog.get_logger("melanzana.agent")
#: The part of a lease that the agent uses; the rest covers two clocks that drift apart and the time killing takes.
SAFE_PART = 0.95
#: A held report that is answered early is not sent again sooner than this part of the heartbeat.
EARLY_PART = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every attempt of one agent works with."""

    peer: Peer
    clock: Clock
    workers: WorkerFactory
    settings: AgentSettings


class Attempt:
    """Carries one lease through."""

    def __init__(self, means: Means, session: Session, lease: Lease) -> None:
        self._peer, self._clock, self._workers, self._settings = means.peer, means.clock, means.workers, means.settings
        self._session, self._lease = session, lease
        self._outbox = Outbox(lease.next_seq, self._settings.buffer_events)
        self._deadline = self._clock.monotonic() + SAFE_PART * lease.lease_seconds
        self._worker: Worker | None = None
        self._code: tempfile.TemporaryDirectory[str] | None = None  #: the run's copy of a stored suite
        self._over = asyncio.Event()
        self._failure: MelanzanaError | None = None
        self._closing = False
        self._stop_message, self._stop_reason = "", EndReason.ABORTED
        self._time = TimeLimits(self._settings.step_seconds, self._settings.run_seconds, self._time_is_over)
        self._kill_timer: asyncio.Task[None] | None = None
        self._paused = self._told_to_pause = False
        self._performing = ""
        self._batch_events = self._settings.batch_events
        self._log = _log.bind(execution=lease.execution_id, run=lease.run_id, attempt=lease.attempt)

    async def run(self) -> None:
        """Returns when the attempt is over and its worker is gone.

        Raises SessionReplacedError and AuthError: after these the agent itself has nothing left to say.
        """
        try:
            if await self._confirm():
                await self._carry_out()
        except MelanzanaError as error:
            self._end(error)
        finally:
            self._closing = True
            await self._put_away()
        if self._failure is not None:
            self._log.warning("run dropped", why=self._failure.message)
        else:
            self._log.info("run ended")
        if isinstance(self._failure, SessionReplacedError | AuthError):
            raise self._failure

    def stop(self, message: str) -> None:
        """End the run as an abort would, and report it as an error with this message."""
        if not self._closing:
            self._stop_message = message
        self._begin_abort()

    def _time_is_over(self, message: str) -> None:
        if not self._closing:
            self._stop_reason = EndReason.TIMED_OUT
            self.stop(message)

    # --- the start --------------------------------------------------------------------------------------------------------------

    async def _confirm(self) -> bool:
        """Renew once before anything starts: a lease may have spent most of its time on the way."""
        pauses = self._pauses()
        while (directive := await self._report(())) is None:
            if self._clock.monotonic() >= self._deadline:
                self._end(UnavailableError("the server did not answer while the lease lived"))
                return False
            await pauses.next()
        if directive.ended:
            return False
        if directive.abort_requested:
            self._closing = True
        return True

    async def _start_worker(self) -> Worker | None:
        if self._closing:
            await self._outbox.put(self._aborted())
            return None
        lease, name = self._lease, self._session.agent_name
        trace = place_of(lease.execution_id, lease.snapshot.traceparent).traceparent
        try:
            snapshot = await self._with_suite()
        except MelanzanaError as error:
            await self._outbox.put(_crashed(error.message))
            return None
        alive = max(0.0, self._deadline - self._clock.monotonic())
        job = Job(snapshot=snapshot, agent_name=name, alive_seconds=alive, sut=lease.sut, traceparent=trace)
        try:
            return await self._workers.start(job)
        except MelanzanaError as error:
            await self._outbox.put(_crashed(error.message))
            return None

    async def _with_suite(self) -> Snapshot:
        """The snapshot with its stored suite on this machine, fetched while the lease lives. Raises MelanzanaError."""
        snapshot = self._lease.snapshot
        if snapshot.stored_suite is None or not snapshot.perform:
            return snapshot
        self._code = tempfile.TemporaryDirectory(prefix="melanzana-suite-", ignore_cleanup_errors=True)
        try:
            async with asyncio.timeout(max(0.0, self._deadline - self._clock.monotonic())):
                return await with_suite(
                    snapshot,
                    lambda: self._peer.suite(self._session, self._lease),
                    Path(self._code.name),
                    self._settings.suite_cache,
                )
        except TimeoutError:
            raise UnavailableError(f"the suite {snapshot.suite} did not arrive while the lease lived") from None

    async def _carry_out(self) -> None:
        self._worker = await self._start_worker()
        if self._closing and self._worker is not None:
            self._interrupt(self._worker)
        self._log.info("run begun")
        jobs = [self._send(), self._listen(), self._watch()]
        if self._worker is not None:
            jobs.append(self._take_in(self._worker))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._guarded(job)) for job in jobs]
            await self._over.wait()
            for task in tasks:
                task.cancel()

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except MelanzanaError as error:
            self._end(error)

    # --- the four tasks -----------------------------------------------------------------------------------------------------------

    async def _take_in(self, worker: Worker) -> None:
        finished = False
        while events := await worker.receive():
            for event in events:
                if not finished:
                    await self._outbox.put(await self._prepared(worker, event))
                    finished = isinstance(event, RunFinished)
        if not finished:
            await self._outbox.put(self._aborted() if self._closing else _crashed(worker.epitaph() + self._performing))

    async def _prepared(self, worker: Worker, event: Event) -> Event:
        """The event, once the server may have it: an attachment's content goes first, so that no event names a missing file."""
        self._follow(event)
        if isinstance(event, AttachmentStored):
            try:
                await self._store(await worker.content(event.sha256))
            except (AuthError, ConflictError):
                raise
            except RequestError as error:
                message = f"attachment {event.name!r} was not kept: {error.message}"
                return LogWritten(message=message, severity="WARNING", step=event.step)
        if isinstance(event, RunFinished) and self._stop_message:
            return self._aborted()
        if isinstance(event, StepFinished) and self._stop_message and event.message.startswith(ABORTED_STEP):
            return replace(event, message=cut(self._stop_message + event.message.removeprefix(ABORTED_STEP)))
        return event

    def _follow(self, event: Event) -> None:
        """Note what the worker is at."""
        self._time.follow(event)
        if isinstance(event, RunPaused | RunResumed):
            self._paused = isinstance(event, RunPaused)
        elif isinstance(event, StepStarted):
            self._performing = f'; it was performing step {event.number}, {event.kind} "{event.name}"'
        elif isinstance(event, StepFinished):
            self._performing = ""

    async def _store(self, content: bytes) -> None:
        pauses = self._pauses()
        while True:
            try:
                async with asyncio.timeout(self._session.lease_seconds):
                    await self._peer.store(self._session, self._lease, content)
                return
            except (UnavailableError, TimeoutError):
                await pauses.next()

    async def _send(self) -> None:
        pauses = self._pauses()
        while True:
            await self._outbox.filled()
            first, events = self._outbox.batch(self._batch_events, self._settings.batch_characters)
            try:
                directive = await self._report(events)
            except RequestError as error:
                await self._refused(error, len(events))
                continue
            if directive is None or directive.next_seq == first:
                await pauses.next()
                continue
            pauses.reset()
            self._outbox.acknowledge(directive.next_seq)
            if isinstance(events[-1], RunFinished) and not len(self._outbox):
                self._end(None)

    async def _refused(self, error: RequestError, count: int) -> None:
        """The server will never take this batch: make it smaller, or give the run up and say why."""
        if isinstance(error, ConflictError | NotFoundError):
            raise error
        if isinstance(error, TooLargeError) and count > 1:
            self._batch_events = max(1, count // 2)
            return
        if len(self._outbox) == 1 and count == 1 and self._closing:
            raise error
        self._closing = True
        if self._worker is not None:
            await self._worker.kill()
        self._outbox.replace(_crashed(f"the server refused what the worker reported: {error.message}"))

    async def _listen(self) -> None:
        pauses = self._pauses()
        while True:
            sent = self._clock.monotonic()
            wait = self._session.heartbeat_seconds * (0.9 + 0.2 * self._settings.jitter())
            if await self._report((), wait) is None:
                await pauses.next(at_most=self._session.heartbeat_seconds)
                continue
            pauses.reset()
            early = min(wait, EARLY_PART * self._session.heartbeat_seconds) - (self._clock.monotonic() - sent)
            if early > 0:
                await asyncio.sleep(early)

    async def _watch(self) -> None:
        while (left := self._deadline - self._clock.monotonic()) > 0:  # noqa: ASYNC110 - the deadline moves, mostly away
            await asyncio.sleep(left)
        self._end(UnavailableError("no answer from the server while the lease lived"))

    # --- what all of them do ------------------------------------------------------------------------------------------------------

    async def _report(self, events: tuple[Event, ...], wait_seconds: float = 0.0) -> Directive | None:
        """Send, renew and heed the answer; None when there was no answer."""
        first, _ = self._outbox.batch(1, 0)
        report = Report(
            execution_id=self._lease.execution_id,
            attempt=self._lease.attempt,
            first_seq=first,
            events=events,
            wait_seconds=wait_seconds,
        )
        sent = self._clock.monotonic()
        try:
            async with asyncio.timeout(wait_seconds + self._settings.call_seconds):
                directive = await self._peer.report(self._session, report)
        except (UnavailableError, TimeoutError):
            return None
        self._renew(sent + SAFE_PART * directive.lease_seconds)
        self._heed(directive)
        return directive

    def _renew(self, deadline: float) -> None:
        if deadline <= self._deadline or self._over.is_set():
            return
        self._deadline = deadline
        if self._worker is not None:
            self._worker.extend(max(0.0, deadline - self._clock.monotonic()))

    def _heed(self, directive: Directive) -> None:
        if directive.ended:
            self._end(None)
        elif directive.abort_requested:
            self._begin_abort()
        elif self._worker is not None and not self._closing:
            self._heed_pause(directive, self._worker)

    def _heed_pause(self, directive: Directive, worker: Worker) -> None:
        """Pass on what has changed of the wish to stand still."""
        if directive.pause_requested:
            if not self._told_to_pause:
                worker.pause()
        elif self._told_to_pause or (directive.resume_requested and self._paused):
            self._paused = False
            worker.resume()
        self._told_to_pause = directive.pause_requested

    def _begin_abort(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._worker is not None:
            self._interrupt(self._worker)

    def _interrupt(self, worker: Worker) -> None:
        self._log.info("run is being aborted")
        worker.abort()
        worker.terminate()
        self._kill_timer = asyncio.create_task(self._kill_later(worker))

    async def _kill_later(self, worker: Worker) -> None:
        await asyncio.sleep(self._session.kill_seconds)
        await worker.kill()

    async def _put_away(self) -> None:
        self._time.close()
        if self._worker is not None:
            await self._worker.close()
        if self._code is not None:
            await asyncio.to_thread(self._code.cleanup)
        if self._kill_timer is not None:
            self._kill_timer.cancel()

    def _end(self, failure: MelanzanaError | None) -> None:
        """The first end counts."""
        if not self._over.is_set():
            self._failure = failure
            self._closing = True
            self._over.set()

    def _aborted(self) -> RunFinished:
        message = self._stop_message or "aborted on request"
        return RunFinished(verdict=Verdict.ERROR, reason=self._stop_reason, message=message)

    def _pauses(self) -> Pauses:
        settings = self._settings
        return Pauses(settings.retry_first_seconds, settings.retry_most_seconds, settings.jitter)


def _crashed(message: str) -> RunFinished:
    return RunFinished(verdict=Verdict.ERROR, reason=EndReason.CRASHED, message=message)
