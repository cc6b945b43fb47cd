"""The door of executions: start, watch, abort and continue for clients; claim and report for agents; the sweep for the server.

Callers: `executions/api.py`, `agents/service.py` (which has checked who the agent is), `reports/service.py`, and the server's sweep
task. An answer is given only after COMMIT. Leases are counted on a steady clock: the wall clock at the start of this process plus
monotonic seconds since, so a wall clock that jumps loses nobody; the first sweep of a process re-arms what an earlier one left.
"""

import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Principal
from melanzana.catalog.service import CatalogService
from melanzana.clock import Clock
from melanzana.errors import ConflictError, MelanzanaError, NotFoundError, SutTakenError
from melanzana.executions import claiming, lifecycle, planning, store, transitions
from melanzana.executions.answering import directive_of, is_news, lease_of
from melanzana.executions.assigning import Assigning
from melanzana.executions.attached import refer
from melanzana.executions.enqueuing import Entry, Queue
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.listing import Totals
from melanzana.executions.planning import KnownModels, Plan, Randomness
from melanzana.executions.records import (
    DRY,
    PERFORMS,
    Attached,
    ClaimingAgent,
    Execution,
    ExecutionFilter,
    ExecutionPage,
    Holding,
    Lapsed,
    LifecycleState,
    StartRequest,
    StoredEvent,
    SweepResult,
)
from melanzana.executions.remembering import EVENTS, RUNS, wants_history, with_history
from melanzana.executions.sources import find_source
from melanzana.executions.steady import SteadyTime
from melanzana.executions.sweeping import SweepPolicy
from melanzana.executions.waking import Signal, Waker
from melanzana.protocol.peer import Directive, Lease, Report
from melanzana.protocol.snapshot import Snapshot
from melanzana.storage.database import Database
from melanzana.suts.service import SutService

_log = structlog.get_logger("melanzana.executions")
#: Executions that agents are woken for when one system under test is free: the first may want something besides.
_WOKEN = 4
#: What changes every run that is held stands before what changes one.
_ALL = "!"
#: Claims pass over what others hold.
_WAITS_FOR_NOBODY = ""
#: Runs inside the transaction of a claim or report and raises when the agent may not speak (any more).
Fence = Callable[[Connection], None]


class ExecutionService:
    """What was asked and what happened."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        figures: LeaseFigures,
        waker: Waker,
        *,
        catalog: CatalogService,
        suts: SutService,
        randomness: Randomness | None = None,
    ) -> None:
        self._database, self._clock, self.figures, self._waker, self._catalog = database, clock, figures, waker, catalog
        self.waker = waker  #: who waits for news
        self._randomness = randomness or random.SystemRandom()
        self._policy, self._models = SweepPolicy(figures), KnownModels()
        self._assigning = Assigning(suts, figures.grace_seconds)
        self._totals = Totals(clock)
        self._queue = Queue(self._assigning, clock, figures.queue_bound)
        suts.tell(self._sut_freed)
        self.time = SteadyTime(clock, database)

    # --- for clients --------------------------------------------------------------------------------------------------------------

    async def start(self, request: StartRequest, principal: Principal, idempotency_key: str | None = None) -> Execution:
        """Freeze a plan and queue it. The same request under the same key gives the same execution.

        Raises NotFoundError, RequestError, InvalidModelError, PathExpressionError, KeyReusedError (the key came with another
        request) and UnavailableError (too many are queued).
        """
        planning.check_request(request)
        key = planning.key_of(principal, idempotency_key)
        mark = "" if key is None else planning.fingerprint(request)
        if key is not None:
            earlier = await self._database.read(lambda tx: store.earlier_of(tx, key, mark))
            if earlier is not None:
                return earlier
        plan = await self._plan(request, principal.realm)
        name = str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))
        fresh = planning.new_execution(request, plan, principal, name, self._clock.now())
        fresh = await self._with_sut(fresh, request)
        needs = frozenset({PERFORMS if fresh.perform else DRY, *fresh.labels})
        entry = Entry(execution=fresh, needs=needs, key=key, mark=mark)
        execution = await self._database.write_each(self._enqueue, entry)
        self._waker.queued(execution.realm, needs, execution.requested_agent_id)
        return execution

    async def get(self, realm: str, ref: str | int) -> Execution:
        """By uuid or run id. Raises NotFoundError."""

        def question(tx: Connection) -> Execution | None:
            found = store.find(tx, realm, ref)
            return None if found is None else self._assigning.explained(tx, realm, (found,))[0]

        found = await self._database.read(question)
        if found is None:
            raise NotFoundError(f"there is no execution {ref}", field="execution_id")
        return found

    async def look(self, realm: str, ref: str | int, after: int, limit: int) -> tuple[LifecycleState, tuple[StoredEvent, ...]]:
        """Where it stands, and lines of its log after line `after`. Raises NotFoundError."""

        def question(tx: Connection) -> tuple[LifecycleState, tuple[StoredEvent, ...]]:
            seen = store.required(tx, realm, ref)
            return seen.state, store.events(tx, seen.run_id, after, limit)

        return await self._database.read(question)

    async def neighbours(self, realm: str, run_id: int, model_id: str | None = None) -> tuple[int | None, int | None]:
        """The run before this one and the run behind it, of that model if one is given."""
        return await self._database.read(lambda tx: store.neighbours(tx, realm, run_id, model_id))

    def listen(self, run_id: int) -> AbstractContextManager[Signal]:
        """Hear of new lines in this log while the block runs, as far as they come through this server."""
        return self._waker.listen(("log", run_id))

    @property
    def is_closing(self) -> bool:
        """Does the server stop? Then nothing is to be held any more."""
        return self._waker.closed

    async def list(self, realm: str, wanted: ExecutionFilter | None = None) -> ExecutionPage:
        """One page, newest first; how many there are in all may be some seconds old in a list of more than 10,000."""
        asked = wanted or ExecutionFilter()

        def question(tx: Connection) -> ExecutionPage:
            items = store.page(tx, realm, asked)
            return ExecutionPage(items=self._assigning.explained(tx, realm, items), total=self._totals.of(tx, realm, asked))

        return await self._database.read(question)

    async def events(self, realm: str, ref: str | int, after: int = 0, limit: int | None = None) -> tuple[StoredEvent, ...]:
        """Lines of the log after line `after`, in order. Raises NotFoundError."""

        def question(tx: Connection) -> tuple[StoredEvent, ...]:
            return store.events(tx, store.required(tx, realm, ref).run_id, after, limit)

        return await self._database.read(question)

    async def abort(self, realm: str, ref: str | int, by: str = "") -> LifecycleState:
        """Ask for the end; the state after that. Doing it again is no error.

        Raises NotFoundError, and ConflictError when it ended as passed, failed or error before.
        """
        return await self._push(realm, ref, lambda tx: transitions.abort(tx, realm, ref, by, self._clock.now()))

    async def pause(self, realm: str, ref: str | int, by: str = "") -> LifecycleState:
        """Let a run stand still before its next step. Raises NotFoundError, and ConflictError when it is not under way."""
        return await self._push(realm, ref, lambda tx: transitions.pause(tx, realm, ref, by, self._clock.now()))

    async def resume(self, realm: str, ref: str | int, by: str = "") -> LifecycleState:
        """Let a paused run continue, or take the wish to pause back. Raises NotFoundError, and ConflictError when it is neither."""
        return await self._push(realm, ref, lambda tx: transitions.resume(tx, realm, ref, by, self._clock.now()))

    async def delete(self, realm: str, ref: str | int) -> None:
        """Remove an execution that has ended, with its log. Raises NotFoundError, ConflictError."""

        def change(tx: Connection) -> None:
            seen = store.locked(tx, realm, ref)
            if seen.state not in TERMINAL:
                raise ConflictError(f"the execution is {seen.state}; abort it first", state=seen.state)
            self._assigning.forget(tx, seen.run_id)
            store.remove(tx, seen.run_id)

        await self._database.write(change)

    async def busy_agents(self, realm: str) -> frozenset[int]:
        """Ids of agents that hold an execution."""
        return await self._database.read(lambda tx: store.busy_agents(tx, realm))

    # --- for agents ---------------------------------------------------------------------------------------------------------------

    async def claim(self, agent: ClaimingAgent, wait_seconds: float = 0.0, fence: Fence | None = None) -> Lease | None:
        """The oldest execution that `agent` can take, as a new attempt; None when none came within `wait_seconds`."""
        deadline = self._clock.monotonic() + min(wait_seconds, self.figures.poll_seconds)
        with self._waker.listen(("queue", agent.realm), agent) as signal:
            while True:
                lease = await self._claim(agent, fence)
                left = deadline - self._clock.monotonic()
                if lease is not None or left <= 0 or self._waker.closed:
                    return lease
                await signal.wait(min(left, self.figures.recheck_seconds))

    async def report(self, agent: ClaimingAgent, report: Report, fence: Fence | None = None) -> Directive:
        """Renew the lease, store what is new, answer what the agent must know; an empty report waits for news.

        Raises StaleAttemptError when the attempt is not the agent's any more, NotFoundError, RequestError for events that cannot
        be stored, and what `fence` raises.
        """
        with self._waker.listen(("execution", report.execution_id)) as signal:
            seen, freed = await self._database.write_row(lambda tx: self._take_in(tx, agent, report, fence), report.execution_id)
            if freed is not None:
                await self._sut_freed(seen.realm, freed)
            if report.events:
                self._waker.wake_all(("log", seen.run_id))
            directive = self._directive(seen)
            if report.events or report.wait_seconds <= 0 or is_news(directive, paused=seen.paused) or self._waker.closed:
                return directive
            await signal.wait(min(report.wait_seconds, self.figures.lease_seconds / 2))
        return self._directive(await self._database.read(lambda tx: _look(tx, agent, report, fence)))

    async def keep(self, agent: ClaimingAgent, execution_id: str, attempt: int, file: Attached, fence: Fence | None = None) -> None:
        """Note, before its content is kept, that an attempt which is still the agent's refers to a file.

        Raises StaleAttemptError, NotFoundError, UnavailableError while the same content is being removed, and what `fence` raises.
        """
        question, now = Report(execution_id=execution_id, attempt=attempt), self._clock.now()
        await self._database.write(lambda tx: refer(tx, _look(tx, agent, question, fence).run_id, file, now))

    # --- for the server -----------------------------------------------------------------------------------------------------------

    async def release_expired(self) -> SweepResult:
        """Find leases whose agents fell silent and let each end or start over; end what waited too long in the queue.

        To be called every `sweep_seconds`; a call that comes much later takes it that the server had stood still.
        """
        await self.time.correct()
        now = self._clock.monotonic()
        if self._policy.must_rearm(now):
            until = self._lease_end()
            await self._database.write_row(lambda tx: self._assigning.rearm(tx, until), _ALL)
            rearmed = await self._database.write_row(lambda tx: store.rearm(tx, until), _ALL)
            return SweepResult(rearmed=rearmed)
        before = self.time.now() - timedelta(seconds=self.figures.grace_seconds)
        lapsed, live = await self._database.read(lambda tx: (store.lapsed(tx, before), store.live_leases(tx)))
        if lapsed and self._policy.must_hold(now, len(lapsed), live):
            if self._policy.is_first_hold(now):
                _log.error("most leases lapsed at once: not believed yet", lapsed=len(lapsed), live=live)
            return SweepResult(held=len(lapsed))
        moved = [seen for lease in lapsed if (seen := await self._release(lease, before)) is not None]
        expired = await self._expire()
        return SweepResult.of(moved, expired)

    # --- starting -----------------------------------------------------------------------------------------------------------------

    async def _plan(self, request: StartRequest, realm: str) -> Plan:
        original = None if request.rerun_of is None else await self._rerun(realm, request.rerun_of)
        source = await find_source(self._catalog, realm, request, original)
        seed = self._randomness.randint(planning.SEED_LOW, planning.SEED_HIGH)
        if self._models.have(source) and not planning.says_goal(request, source):
            plan = planning.make_plan(request, source, self._models.of(source), seed)
        else:  # reading a large model or weighing a goal takes a while: it is done where questions are, off the event loop
            plan = await self._database.read(lambda _tx: planning.make_plan(request, source, self._models.of(source), seed))
        if not wants_history(plan.snapshot):
            return plan
        return await self._database.read(lambda tx: with_history(plan, _last_logs(tx, realm, plan.snapshot.model_id)))

    async def _rerun(self, realm: str, run_id: int) -> Snapshot:
        found = await self._database.read(lambda tx: store.find(tx, realm, run_id))
        if found is None:
            raise NotFoundError(f"there is no run {run_id} to repeat", field="rerun_id")
        return found.snapshot

    def _enqueue(self, tx: Connection, entries: Sequence[Entry]) -> Sequence[Execution | MelanzanaError]:
        return self._queue.enter(tx, entries, self.time.now())

    # --- leasing ------------------------------------------------------------------------------------------------------------------

    async def _claim(self, agent: ClaimingAgent, fence: Fence | None) -> Lease | None:
        def question(tx: Connection) -> bool:
            _check(tx, fence)
            return claiming.has_work(tx, agent, *self._assigning.condition(tx, agent))

        while await self._database.read(question):
            with suppress(SutTakenError):
                return await self._database.write_row(lambda tx: self._lease(tx, agent, fence), _WAITS_FOR_NOBODY)
        return None

    def _lease(self, tx: Connection, agent: ClaimingAgent, fence: Fence | None) -> Lease | None:
        _check(tx, fence)
        until = self._lease_end()
        seen = claiming.claim(tx, agent, until, *self._assigning.condition(tx, agent))
        if seen is None:
            return None
        sut = self._assigning.take(tx, seen, agent, until)
        transitions.leased(tx, seen, agent, self._clock.now(), sut)
        execution = store.find(tx, agent.realm, seen.run_id)
        assert execution is not None
        return lease_of(execution, seen.next_seq, self.figures.lease_seconds, sut)

    def _take_in(self, tx: Connection, agent: ClaimingAgent, report: Report, fence: Fence | None) -> tuple[Holding, str | None]:
        """The execution after the report, and the system under test that is free with its end."""
        _check(tx, fence)
        until = self._lease_end()
        seen = store.renew(tx, agent, report.execution_id, report.attempt, until)
        if seen is None:
            return transitions.answer_late(tx, agent, report), None
        self._assigning.renew(tx, seen, until)
        after = transitions.take_in(tx, seen, report, self._clock.now())
        return after, self._assigning.let_go(tx, seen, after)

    def _directive(self, seen: Holding) -> Directive:
        return directive_of(seen, self.figures.lease_seconds)

    # --- the sweep ----------------------------------------------------------------------------------------------------------------

    async def _release(self, lease: Lapsed, before: datetime) -> Holding | None:
        def change(tx: Connection) -> tuple[Holding | None, frozenset[str], str | None]:
            seen = store.still_lapsed(tx, lease, before)
            if seen is None:
                return None, frozenset(), None
            after = self._let_go(tx, seen, lease.performed)
            return after, store.needs_of(tx, seen.run_id), self._assigning.let_go(tx, seen, after)

        moved, needs, freed = await self._database.write_row(change, lease.execution_id)
        if moved is not None:
            self._waker.changed(moved.execution_id)
            if moved.state is LifecycleState.QUEUED:
                self._waker.queued(moved.realm, needs, moved.requested_agent_id)
            if freed is not None:
                await self._sut_freed(moved.realm, freed)
        return moved

    def _let_go(self, tx: Connection, seen: Holding, performed: bool) -> Holding:
        may_retry = lifecycle.after(seen.state, lifecycle.Change.REQUEUE) is not None and seen.attempt < self.figures.max_attempts
        if may_retry and store.may_repeat(tx, seen.run_id, touched=performed):
            return transitions.requeue(tx, seen, self._clock.now(), self.time.now())
        return transitions.lose(tx, seen, self._clock.now())

    async def _expire(self) -> tuple[int, ...]:
        before = self.time.now() - timedelta(seconds=self.figures.queue_expiry_seconds)

        def change(tx: Connection) -> tuple[int, ...]:
            late = store.overdue_locked(tx, before)
            waited = self.figures.queue_expiry_seconds
            return tuple(transitions.expire(tx, seen, self._clock.now(), waited).run_id for seen in late)

        if not await self._database.read(lambda tx: store.overdue(tx, before)):
            return ()
        return await self._database.write(change)

    # --- small things -------------------------------------------------------------------------------------------------------------

    async def _push(self, realm: str, ref: str | int, change: Callable[[Connection], Holding]) -> LifecycleState:
        """Make a change that the agent must hear of at once."""
        if isinstance(ref, int):
            ref = (await self._database.read(lambda tx: store.required(tx, realm, ref))).execution_id
        seen = await self._database.write_row(change, ref)
        self._waker.changed(seen.execution_id)
        return seen.state

    async def _with_sut(self, fresh: Execution, request: StartRequest) -> Execution:
        """A run that repeats another needs what that one needed, unless it says otherwise."""
        if not fresh.perform or request.sut is not None or request.rerun_of is None:
            return fresh
        return replace(fresh, wanted_sut=(await self.get(fresh.realm, request.rerun_of)).wanted_sut)

    async def _sut_freed(self, realm: str, sut_id: str) -> None:
        """Wake an agent for each of the first that could use it."""
        which = self._assigning.waits_for(sut_id)
        for needs, agent_id in await self._database.read(lambda tx: store.waiting(tx, realm, which, _WOKEN)):
            self._waker.queued(realm, needs, agent_id)

    def _lease_end(self) -> datetime:
        return self.time.now() + timedelta(seconds=self.figures.lease_seconds)


def _check(tx: Connection, fence: Fence | None) -> None:
    if fence is not None:
        fence(tx)


def _look(tx: Connection, agent: ClaimingAgent, report: Report, fence: Fence | None) -> Holding:
    """The execution as it is now, to its agent. Raises StaleAttemptError when it is not its agent any more."""
    _check(tx, fence)
    seen = store.held_by(tx, agent, report.execution_id, report.attempt)
    return transitions.answer_late(tx, agent, report) if seen is None else seen


def _last_logs(tx: Connection, realm: str, model_id: str) -> list[tuple[StoredEvent, ...]]:
    return [store.events(tx, run_id, 0, EVENTS) for run_id in store.last_runs(tx, realm, model_id, RUNS)]
