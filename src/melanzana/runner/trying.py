"""Performs recorded walks again, here and now: what `melanzana replay` and `melanzana shrink` ask the system under test with.

Each performance is a run like any other, in a worker process of its own: code is loaded and fixtures are made anew, Error and
Cleanup states are entered. What the system under test itself keeps from one run to the next is for the suite to clear away.
"""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace

from melanzana.generation.recorded import Recorded
from melanzana.generation.shrinking.oracle import EnoughError, Told
from melanzana.generation.signature import Signature
from melanzana.generation.step import EndReason, OnError
from melanzana.graph.formats.document import from_document
from melanzana.protocol.events import Event, RunFinished
from melanzana.protocol.recording import failing_step_of, failure_of
from melanzana.protocol.snapshot import Snapshot
from melanzana.runner.local import LocalRun
from melanzana.runner.workers import WorkerFactory

#: Ends of a run that say nothing about the system under test.
_NO_ANSWER = frozenset({EndReason.ABORTED, EndReason.SETUP_FAILED, EndReason.IMPOSSIBLE_STEP})


@dataclass(frozen=True, slots=True)
class Attempted:
    """One performance."""

    events: tuple[Event, ...]
    finished: RunFinished
    cancelled: bool

    @property
    def failure(self) -> Signature | None:
        """What failed; None when it passed."""
        return failure_of(self.events)

    @property
    def failing_step(self) -> int:
        """Number of the first step that did not pass, or at which the process died; 0 when there is none."""
        return failing_step_of(self.events)

    @property
    def answered(self) -> bool:
        """Does it tell something about the system under test? Not when it was cancelled or could not be carried out."""
        return not self.cancelled and self.finished.reason not in _NO_ANSWER


class Retrier:
    """Performs recorded walks of one snapshot; the event loop is its own, so it is called from outside of any."""

    def __init__(self, snapshot: Snapshot, workers: WorkerFactory) -> None:
        on_error = OnError.CONTINUE if snapshot.on_error == OnError.CONTINUE else OnError.CLEAN
        self._snapshot = replace(snapshot, path="replay()", test_case=None, on_error=str(on_error), perform=True)
        self._model = from_document(snapshot.model)
        self._workers = workers
        self.cancelled = False  #: Ctrl-C was pressed during a performance

    def perform(self, recorded: Recorded) -> Attempted:
        """Carry the walk out once. Errors: UnavailableError when no worker can be started."""
        return asyncio.run(self._perform(replace(self._snapshot, recorded=recorded.to_json())))

    async def _perform(self, snapshot: Snapshot) -> Attempted:
        events: list[Event] = []
        run = LocalRun(self._workers, events.append)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, run.cancel)
        result = await run.run(snapshot, self._model)
        self.cancelled |= result.cancelled
        if not any(isinstance(event, RunFinished) for event in events):
            events.append(result.finished)
        return Attempted(tuple(events), result.finished, result.cancelled)


class LiveOracle:
    """Asks the system under test; `may_go_on` is asked before each performance."""

    def __init__(self, retrier: Retrier, signature: Signature, may_go_on: Callable[[], bool]) -> None:
        self._retrier, self._signature, self._may_go_on = retrier, signature, may_go_on
        self.unanswered = ""  #: why the last performance said nothing

    def perform(self, candidate: Recorded) -> Told:
        """See `shrinking.oracle.Oracle`. Errors: `EnoughError`."""
        if not self._may_go_on():
            raise EnoughError
        attempted = self._retrier.perform(candidate)
        if attempted.cancelled:
            raise EnoughError
        self.unanswered = "" if attempted.answered else attempted.finished.message
        failed = attempted.answered and attempted.failure == self._signature
        return Told(failed, attempted.failing_step if failed else 0)
