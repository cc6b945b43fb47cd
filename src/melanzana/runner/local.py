"""One run without a server: the same worker that an agent would start, its events folded here.

`cli/run.py` calls `run_locally`; what is shown while it goes on is the listener's business.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from melanzana.generation.coverage import CoverageReport, CoverageTracker
from melanzana.generation.step import EndReason, StepKind, Verdict
from melanzana.graph.model import Model
from melanzana.protocol.events import AttachmentStored, Event, RunFinished, StepFinished
from melanzana.protocol.snapshot import Snapshot
from melanzana.runner.workers import Job, Worker, WorkerFactory

#: Between the interruption of a run and its SIGKILL, in seconds: what a server grants by default.
KILL_SECONDS = 5.0
Listener = Callable[[Event], None]


@dataclass(slots=True)
class LocalResult:
    """What a local run came to."""

    coverage: CoverageReport
    finished: RunFinished
    steps: list[StepFinished] = field(default_factory=list)
    cancelled: bool = False

    @property
    def failures(self) -> list[StepFinished]:
        """Steps that did not pass, in order."""
        return [step for step in self.steps if step.verdict != Verdict.PASSED]

    @property
    def iterations(self) -> int:
        return self.steps[-1].iteration if self.steps else 0


class LocalRun:
    """A run that can be stopped and continued from outside while it goes on."""

    def __init__(
        self, workers: WorkerFactory, listener: Listener, attachments: Path | None = None, contents: Path | None = None
    ) -> None:
        """`attachments`: a folder for people, names as they were given; `contents`: one for files of the run, names are SHA-256."""
        self._workers, self._listener, self._attachments, self._contents = workers, listener, attachments, contents
        self._worker: Worker | None = None
        self._killing: asyncio.Task[None] | None = None
        self._cancelled = False

    async def run(self, snapshot: Snapshot, model: Model) -> LocalResult:
        """Carry out `snapshot` of `model`. Whatever happens, no process is left behind. Raises UnavailableError."""
        self._worker = worker = await self._workers.start(Job(snapshot=snapshot, agent_name="local"))
        if self._cancelled:
            self._interrupt(worker)
        try:
            return await self._follow(worker, CoverageTracker(model))
        finally:
            await worker.close()
            if self._killing is not None:
                self._killing.cancel()

    def resume(self) -> None:
        """Continue a paused walk."""
        if self._worker is not None:
            self._worker.resume()

    def cancel(self) -> None:
        """Interrupt the step, tidy up, end; called again: end now."""
        again, self._cancelled = self._cancelled, True
        if self._worker is None:
            return
        if again:
            self._kill_after(self._worker, 0.0)
        else:
            self._interrupt(self._worker)

    async def _follow(self, worker: Worker, tracker: CoverageTracker) -> LocalResult:
        steps: list[StepFinished] = []
        finished: RunFinished | None = None
        while events := await worker.receive():
            for event in events:
                if isinstance(event, StepFinished):
                    steps.append(event)
                    if not event.model:
                        tracker.visit(StepKind(event.kind), event.element_id, event.target)
                elif isinstance(event, RunFinished):
                    finished = event
                elif isinstance(event, AttachmentStored) and (self._attachments is not None or self._contents is not None):
                    self._keep(event, await worker.content(event.sha256))
                self._listener(event)
        return LocalResult(tracker.report(), finished or self._died(worker), steps, self._cancelled)

    def _keep(self, event: AttachmentStored, content: bytes) -> None:
        if self._attachments is not None:
            _keep(self._attachments, event, content)
        if self._contents is not None:
            self._contents.mkdir(parents=True, exist_ok=True)
            (self._contents / event.sha256).write_bytes(content)

    def _died(self, worker: Worker) -> RunFinished:
        reason = EndReason.ABORTED if self._cancelled else EndReason.CRASHED
        return RunFinished(verdict=Verdict.ERROR, reason=reason, message=worker.epitaph())

    def _interrupt(self, worker: Worker) -> None:
        worker.abort()
        worker.terminate()
        self._kill_after(worker, KILL_SECONDS)

    def _kill_after(self, worker: Worker, seconds: float) -> None:
        if self._killing is not None:
            self._killing.cancel()
        self._killing = asyncio.create_task(_kill(worker, seconds))


def _keep(folder: Path, event: AttachmentStored, content: bytes) -> None:
    """As `0007-page.png`; what a file name should not hold becomes `_`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() or letter in ".-_ " else "_" for letter in event.name).strip(". ") or "file"
    (folder / f"{event.step or 0:04d}-{name}").write_bytes(content)


async def _kill(worker: Worker, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await worker.kill()
