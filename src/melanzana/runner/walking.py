"""Walks a model and performs its steps, from the first event to `RunFinished`: what a worker does, without the process around it.

`worker.py` calls `walk_job` on the main thread of the child process. Events go out through `emit`, orders come in through `Orders`.
However it ends, `RunFinished` is the last event: also when the model, the path or the suite cannot be loaded.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from melanzana.clock import Clock
from melanzana.errors import MelanzanaError, SuiteError
from melanzana.generation.nesting import start_walk
from melanzana.generation.step import EndReason, Outcome, Step, StepKind, Verdict
from melanzana.generation.variable_coverage import Changes
from melanzana.generation.walk import Walk
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.protocol.events import (
    AttachmentStored,
    Event,
    LogWritten,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepStarted,
)
from melanzana.protocol.recording import plan_of
from melanzana.protocol.snapshot import Snapshot
from melanzana.runner.authoring import Attachment, LogLine
from melanzana.runner.failures import cut
from melanzana.runner.interruption import Interruption
from melanzana.runner.masked_events import masking
from melanzana.runner.masked_files import masked_content
from melanzana.runner.masking import Masker
from melanzana.runner.performer import Output, Performed, Performer
from melanzana.runner.suite import Suite
from melanzana.version import __version__


class Orders(Protocol):
    """What the agent wants; see `orders.py`."""

    @property
    def aborted(self) -> bool: ...

    def pause(self, seconds: float) -> None:
        """Wait so long, or until an abort."""
        ...

    def open_pause(self) -> None:
        """Orders to resume that came before this moment do not count."""
        ...

    def take_pause(self) -> bool:
        """Was the walk told to stand still? The order counts once, and orders to resume that came before it do not count."""
        ...

    def wait_for_resume(self) -> bool:
        """Wait until somebody continues (True) or aborts (False)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a walk has around it in its process."""

    emit: Callable[[Event], None]
    flush: Callable[[], None]  #: called before action code, which may bring the process down
    orders: Orders
    clock: Clock
    interruption: Interruption
    output: Output
    attachments: Path  #: folder in which attached files are kept under their SHA-256
    agent_name: str = ""
    masker: Masker = field(default_factory=Masker)  #: knows what must not be shown


def walk_job(snapshot: Snapshot, around: Surroundings) -> None:
    """Carry out `snapshot`; the last event is `RunFinished`."""
    around = replace(around, emit=masking(around.emit, around.masker))
    around.emit(RunStarted(agent=around.agent_name, version=__version__, suite=snapshot.suite))
    try:
        around.flush()
        model = from_document(snapshot.model)
        sub_models = {uuid: from_document(document) for uuid, document in snapshot.sub_models.items()}
        walk = start_walk(model, plan_of(snapshot), sub_models)
        suite = Suite.load(snapshot.suite) if snapshot.perform and snapshot.suite else None
    except (MelanzanaError, KeyboardInterrupt, ValueError, TypeError, LookupError) as error:
        _tell_failed_start(around, error)
        return
    _Run(snapshot, model, walk, suite, around).carry_out()


class _Run:
    """One walk with everything it needs."""

    def __init__(self, snapshot: Snapshot, model: Model, walk: Walk, suite: Suite | None, around: Surroundings) -> None:
        self._snapshot, self._model, self._walk, self._suite, self._around = snapshot, model, walk, suite, around
        self._emit, self._orders = around.emit, around.orders
        self._changes = Changes(model)
        self._performer = Performer(suite, model.name, around.interruption, around.output)
        self._performer.model_names = {uuid: str(inner.get("model", "")) for uuid, inner in snapshot.sub_models.items()}
        self._begun = around.clock.monotonic()
        self._aborting = False
        self._teardown_message = ""

    def carry_out(self) -> None:
        self._notes(self._performer.take_notes(), None, "start")
        for warning in self._suite.unmatched(self._model) if self._suite is not None else ():
            self._emit(LogWritten(message=warning, severity="WARNING", stage="start"))
        try:
            self._walk_all()
        finally:
            self._tidy_up()
        outcome = self._outcome()
        self._emit(
            RunFinished(verdict=outcome.verdict, reason=outcome.reason, message=cut(outcome.message), at_seconds=self._elapsed())
        )

    def _walk_all(self) -> None:
        steps = 0
        while True:
            if self._orders.aborted or self._around.interruption.requested:
                self._abort()
            elif steps and self._orders.take_pause():
                self._stand(steps)
                continue
            step = self._walk.next_step(self._elapsed())
            if step is None:
                return
            self._step(step)
            steps = step.number
            if self._walk.paused:
                self._pause(step)

    def _abort(self) -> None:
        self._around.interruption.close()
        if not self._aborting:
            self._aborting = True
            self._walk.abort()

    def _step(self, step: Step) -> None:
        at_seconds = self._elapsed()
        performed, ran = (Performed(verdict=Verdict.PASSED), False) if not self._snapshot.perform else self._perform(step)
        verdict = self._walk.record(step, performed.verdict, performed.outputs, performed.message)
        message = performed.message if verdict is performed.verdict else self._walk.message
        if ran:
            self._notes(performed.notes, step.number, "step")
        self._emit(
            StepFinished(
                number=step.number,
                iteration=step.iteration,
                kind=step.kind,
                element_id=step.element_id,
                name=step.name,
                verdict=verdict,
                at_seconds=at_seconds,
                duration_seconds=round(self._elapsed() - at_seconds, 6),
                target=step.target,
                message=cut(message),
                data=dict(performed.outputs),
                performed=ran,
                values=self._changes.of(step.element_id, step.data) if step.kind is StepKind.ACTION and not step.model else {},
                model=step.model,
                depth=step.depth,
            )
        )
        if ran and self._snapshot.step_pause_seconds > 0:
            self._orders.pause(self._snapshot.step_pause_seconds)

    def _perform(self, step: Step) -> tuple[Performed, bool]:
        """How the step came out, and whether any code ran."""
        try:
            bound = self._performer.bind(step)
        except SuiteError as error:
            return Performed(verdict=Verdict.ERROR, message=cut(error.message)), False
        if not bound:
            return Performed(verdict=Verdict.PASSED), False
        self._emit(
            StepStarted(
                number=step.number,
                kind=step.kind,
                element_id=step.element_id,
                name=step.name,
                at_seconds=self._elapsed(),
                model=step.model,
                depth=step.depth,
            )
        )
        self._around.flush()
        performed = self._performer.perform(step, bound)
        if performed.aborted:
            self._around.interruption.requested = True
        return performed, True

    def _pause(self, step: Step) -> None:
        self._orders.open_pause()
        self._emit(RunPaused(step=step.number, message=cut(self._walk.message)))
        if self._orders.wait_for_resume() and not self._around.interruption.requested:
            self._walk.resume()
            self._emit(RunResumed(step=step.number))
        else:
            self._abort()

    def _stand(self, step: int) -> None:
        """Somebody wants to look at the system under test before the next step."""
        self._emit(RunPaused(step=step, message="paused on request"))
        if self._orders.wait_for_resume() and not self._around.interruption.requested:
            self._emit(RunResumed(step=step))
        else:
            self._abort()

    def _tidy_up(self) -> None:
        self._around.interruption.close()
        failures = self._performer.close()
        self._notes(self._performer.take_notes(), None, "end")
        for failure in failures:
            self._teardown_message = self._teardown_message or failure.message
            self._emit(LogWritten(message=cut(f"{failure.message}\n{failure.trace}"), severity="ERROR", stage="end"))

    def _outcome(self) -> Outcome:
        """What the walk came to; passed only if tidying up went well, too."""
        outcome = self._walk.outcome
        assert outcome is not None  # next_step has given None
        if outcome.verdict is Verdict.PASSED and self._teardown_message:
            return Outcome(verdict=Verdict.ERROR, reason=outcome.reason, message=self._teardown_message)
        return outcome

    def _notes(self, notes: Iterable[Attachment | LogLine], step: int | None, stage: str) -> None:
        for note in notes:
            if isinstance(note, Attachment):
                self._emit(self._kept(note, step))
            else:
                self._emit(
                    LogWritten(message=note.message, severity=note.severity, step=step, at_seconds=self._elapsed(), stage=stage)
                )

    def _kept(self, note: Attachment, step: int | None) -> AttachmentStored:
        content = masked_content(self._around.masker, note.content)
        sha256 = hashlib.sha256(content).hexdigest()
        (self._around.attachments / sha256).write_bytes(content)
        return AttachmentStored(
            name=cut(note.name, 255), media_type=cut(note.media_type, 255), sha256=sha256, size=len(content), step=step
        )

    def _elapsed(self) -> float:
        return round(self._around.clock.monotonic() - self._begun, 6)


def _tell_failed_start(around: Surroundings, error: BaseException) -> None:
    if isinstance(error, MelanzanaError):
        message = error.message
    elif isinstance(error, KeyboardInterrupt):
        message = "interrupted while the action code was loaded"
    else:  # what the server sent is checked as it is used
        message = f"the snapshot cannot be read: {type(error).__name__}: {error}"
    for text in around.output.take():
        if text.strip():
            around.emit(LogWritten(message=text.rstrip("\n"), severity="INFO", stage="start"))
    if isinstance(error, MelanzanaError) and (trace := error.detail.get("trace")):
        around.emit(LogWritten(message=cut(str(trace)), severity="ERROR", stage="start"))
    around.emit(RunFinished(verdict=Verdict.ERROR, reason=EndReason.SETUP_FAILED, message=cut(message)))
