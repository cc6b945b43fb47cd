"""The door of shrinking: replay a run, look for its smallest failing walk, keep that as a test case.

A search lives in the server that began it: a thread of its own asks, the event loop starts one execution after another
(`performing.py`). What it came to is in the database after every performance, so another server shows it as well; a search whose
server is gone is told as interrupted, with the smallest walk that was found until then.
"""

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import structlog

from melanzana.access.records import Principal
from melanzana.catalog.service import CatalogService
from melanzana.clock import Clock
from melanzana.errors import ConflictError, GoneError, MelanzanaError, NotFoundError, RequestError, UnavailableError
from melanzana.executions.expiry import LOG_REMOVED
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import Execution
from melanzana.executions.service import ExecutionService
from melanzana.generation.network import Network
from melanzana.generation.recorded import Recorded
from melanzana.generation.shrinking.choices import choices_of, length
from melanzana.generation.shrinking.oracle import EnoughError, Told
from melanzana.generation.shrinking.searching import Failing, Searched, search
from melanzana.generation.shrinking.shrinker import Effort
from melanzana.generation.signature import Signature
from melanzana.graph.formats.document import from_document
from melanzana.protocol.recording import RunFile, failure_of, is_failure, recorded_walk
from melanzana.shrinking import store
from melanzana.shrinking.keeping import with_case
from melanzana.shrinking.performing import Performer, replay_request
from melanzana.shrinking.records import Search, SearchState, Wish
from melanzana.storage.database import Database

_log = structlog.get_logger("melanzana.shrinking")
#: Searches that one server carries out at the same time.
MOST_SEARCHES = 4
#: Most steps of a run that is shrunk or replayed from the server.
MOST_STEPS = 20_000
#: Seconds that searches have to end by themselves when the server stops.
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that has ended, with what it walked."""

    execution: Execution
    walked: Recorded
    signature: Signature | None


class ShrinkService:
    """Replays and searches of every realm."""

    def __init__(self, database: Database, clock: Clock, executions: ExecutionService, catalog: CatalogService) -> None:
        self._database, self._clock, self._executions, self._catalog = database, clock, executions, catalog
        self._threads = ThreadPoolExecutor(max_workers=MOST_SEARCHES, thread_name_prefix="shrinking")
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    # --- replay -------------------------------------------------------------------------------------------------------------------

    async def replay(self, realm: str, ref: int | str, principal: Principal) -> Execution:
        """A new execution that performs the steps of a run again, with the same values.

        Raises NotFoundError, ConflictError when the run goes on, RequestError when it walked nothing.
        """
        run = await self._run(realm, ref)
        return await self._executions.start(replay_request(run.execution, run.walked, ("replay",)), principal)

    # --- searches -----------------------------------------------------------------------------------------------------------------

    async def begin(self, realm: str, ref: int | str, wish: Wish, principal: Principal) -> Search:
        """Look for the smallest walk that fails as a run did.

        Raises NotFoundError, ConflictError when the run goes on, RequestError when it did not fail or performed nothing, and
        UnavailableError when this server has enough to do.
        """
        run = await self._run(realm, ref)
        if run.signature is None:
            raise RequestError(f"run {run.execution.run_id} did not fail: there is nothing to shrink", field="execution_id")
        if not run.execution.perform:
            raise RequestError(f"run {run.execution.run_id} was a dry run: nothing was performed", field="execution_id")
        if len(self._tasks) >= MOST_SEARCHES:
            raise UnavailableError(f"{MOST_SEARCHES} searches are under way; wait until one has ended", retry_after=30)
        fresh = await self._kept(run, principal)
        task = asyncio.create_task(self._carry_out(fresh, run, run.signature, wish, principal))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return fresh

    async def get(self, realm: str, search_id: int) -> Search:
        """As it stands. Raises NotFoundError."""
        found = await self._database.read(lambda tx: store.find(tx, realm, search_id))
        if found is None:
            raise NotFoundError(f"there is no search {search_id}", field="search_id")
        return found.as_of(self._clock.now())

    async def list(self, realm: str, run_id: int | None = None, limit: int = 50) -> tuple[Search, ...]:
        """The newest first, of one run or of all."""
        found = await self._database.read(lambda tx: store.of_run(tx, realm, run_id, limit))
        return tuple(one.as_of(self._clock.now()) for one in found)

    async def abort(self, realm: str, search_id: int) -> Search:
        """Begin no further performance and abort the one under way. Doing it again is no error. Raises NotFoundError."""
        found = await self.get(realm, search_id)
        if found.is_live:
            await self._note(found, abort_requested=True)
        return await self.get(realm, search_id)

    async def keep(self, realm: str, search_id: int, name: str | None, by: str) -> Search:
        """Add the smallest walk to the model's test cases.

        Raises NotFoundError, ConflictError when nothing was found or the model has changed too much.
        """
        found = await self.get(realm, search_id)
        if found.smallest is None:
            raise ConflictError("the search has found no failing walk to keep", state=str(found.state))
        run = await self._run(realm, found.run_id)
        assert run.signature is not None
        entry, version = await self._catalog.current(realm, run.execution.model_id)
        recorded = Recorded.from_json(found.smallest)
        signature = run.signature
        upload, title = await asyncio.to_thread(lambda: with_case(version, recorded, signature, name))
        await self._catalog.save(realm, upload, by, entry.revision)
        await self._note(found, test_case=title)
        return await self.get(realm, search_id)

    async def close(self) -> None:
        """The server stops: what goes on is told as interrupted."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- one search ---------------------------------------------------------------------------------------------------------------

    async def _carry_out(self, fresh: Search, run: _Run, signature: Signature, wish: Wish, principal: Principal) -> None:
        work = _Work(self, fresh, asyncio.get_running_loop())
        performer = Performer(
            executions=self._executions,
            principal=principal,
            original=run.execution,
            signature=signature,
            until=time.monotonic() + wish.seconds,
            is_unwanted=work.is_unwanted,
            begun=work.begun,
            loop=work.loop,
        )
        snapshot = run.execution.snapshot
        failing = Failing(
            model=from_document(snapshot.model), walked=run.walked, signature=signature, parameters=snapshot.parameters
        )
        effort = Effort(most_performances=wish.performances, repeat=wish.repeat, tell=work.tell)
        oracle = _Remembering(performer, work)
        try:
            found = await work.loop.run_in_executor(self._threads, lambda: search(failing, oracle, effort))
            await self._finish(fresh, found, work, time.monotonic() >= performer.until)
        except asyncio.CancelledError:
            await self._end(fresh, SearchState.INTERRUPTED, "the server stopped; begin it again")
            raise
        except (MelanzanaError, EnoughError) as error:
            await self._end(fresh, SearchState.ERROR, str(error))
        except Exception as error:
            _log.exception("search failed", search=fresh.id)
            await self._end(fresh, SearchState.ERROR, f"the search broke down: {type(error).__name__}")

    async def _finish(self, fresh: Search, found: Searched, work: "_Work", late: bool) -> None:
        shrunk = found.shrunk
        values: dict[str, Any] = {"performances": shrunk.performances, "failures": shrunk.failures, "tries": shrunk.tries}
        if shrunk.reproduced:
            values |= {"smallest": found.recorded.to_json(), "actions": length(shrunk.walked)}
        if self.is_closing:
            await self._end(fresh, SearchState.INTERRUPTED, "the server stopped; begin it again", **values)
        elif work.aborted:
            await self._end(fresh, SearchState.ABORTED, "ended by somebody", **values)
        elif shrunk.reproduced:
            spent = "" if shrunk.finished else "the effort was spent: there may be a smaller walk"
            await self._end(fresh, SearchState.FOUND, spent, **values)
        elif late:
            await self._end(fresh, SearchState.ERROR, "no performance came to an end in time: is there an agent for it?", **values)
        else:
            await self._end(
                fresh, SearchState.PASSED, "the failure did not come again; repeat performances if it is flaky", **values
            )

    async def _end(self, fresh: Search, state: SearchState, message: str, **values: Any) -> None:
        now = self._clock.now()
        await self._note(fresh, state=state, message=message, ended_at=now, beat_at=now, **values)

    # --- small things -------------------------------------------------------------------------------------------------------------

    async def _run(self, realm: str, ref: int | str) -> _Run:
        execution = await self._executions.get(realm, ref)
        if execution.state not in TERMINAL:
            raise ConflictError(f"run {execution.run_id} is {execution.state}; wait for its end", state=execution.state)
        stored = await self._executions.events(realm, execution.run_id)
        if any(one.type == LOG_REMOVED for one in stored):
            raise GoneError(f"the log of run {execution.run_id} was removed; run it again with its seed", run_id=execution.run_id)
        events = tuple(event for one in stored if one.attempt == execution.attempt and (event := one.event()) is not None)
        walked = await asyncio.to_thread(lambda: recorded_walk(RunFile(snapshot=execution.snapshot, events=events)))
        if not 0 < len(walked.steps) <= MOST_STEPS:
            raise RequestError(
                f"run {execution.run_id} has {len(walked.steps):,} steps; 1 to {MOST_STEPS:,} can be performed again"
            )
        return _Run(execution, walked, failure_of(events) if is_failure(events) else None)

    async def _kept(self, run: _Run, principal: Principal) -> Search:
        now = self._clock.now()
        count = length(choices_of(Network(from_document(run.execution.snapshot.model)), run.walked))
        fresh = Search(
            id=0,
            realm=principal.realm,
            run_id=run.execution.run_id,
            state=SearchState.RUNNING,
            message="",
            asked_by=principal.name,
            created_at=now,
            beat_at=now,
            actions_before=count,
            actions=count,
        )
        return replace(fresh, id=await self._database.write(lambda tx: store.add(tx, fresh)))

    async def _note(self, of: Search, **values: Any) -> None:
        await self._database.write(lambda tx: store.note(tx, of.id, **values))

    async def note_beat(self, of: Search, **values: Any) -> bool:
        """Write that it goes on; whether somebody wants it to end."""

        def change(tx: Any) -> bool:
            store.note(tx, of.id, beat_at=self._clock.now(), **values)
            seen = store.find(tx, of.realm, of.id)
            return seen is None or seen.abort_requested

        return await self._database.write(change)

    @property
    def is_closing(self) -> bool:
        """Does the server stop?"""
        return self._closing or self._executions.is_closing


class _Work:
    """What goes on between a search's thread and the event loop."""

    def __init__(self, service: ShrinkService, of: Search, loop: asyncio.AbstractEventLoop) -> None:
        self._service, self._of, self.loop = service, of, loop
        self.aborted = False

    async def is_unwanted(self) -> bool:
        """Was it aborted, or does the server stop? A sign of life goes with the question."""
        self.aborted = self.aborted or await self._service.note_beat(self._of)
        return self.aborted or self._service.is_closing

    async def begun(self, run_id: int) -> None:
        await self._service.note_beat(self._of, current_run=run_id)

    def tell(self, performances: int, actions: int) -> None:
        """In the thread, after each performance."""
        self.run(self._service.note_beat(self._of, performances=performances, actions=actions))

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def keep(self, recorded: Recorded) -> None:
        """In the thread: the smallest failing walk until now, should the server be lost."""
        self.run(self._service.note_beat(self._of, smallest=recorded.to_json()))


class _Remembering:
    """An oracle that keeps the smallest failing walk as it goes along."""

    def __init__(self, oracle: Performer, work: _Work) -> None:
        self._oracle, self._work = oracle, work
        self._fewest: int | None = None

    def perform(self, candidate: Recorded) -> Told:
        told = self._oracle.perform(candidate)
        if told.failed and (self._fewest is None or len(candidate.steps) < self._fewest):
            self._fewest = len(candidate.steps)
            self._work.keep(candidate)
        return told
