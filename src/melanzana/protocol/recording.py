"""A run as a file, and what it walked as a value: the snapshot says what was meant, the events what came of it.

`melanzana run --save` writes the file, `GET /ai/runs/{id}/recording` answers with the same document; `replay` and `shrink` read it.
Which values were drawn is in no event: the walk is walked again with the verdicts and outputs of the events, and asked. Should it
take another way (an older version of Melanzana chose otherwise), the steps of the events are taken as they are, without values.
Cost: one walk of the same length.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from melanzana.errors import MelanzanaError, RequestError
from melanzana.generation.history import History, read_history
from melanzana.generation.recorded import Recorded, RecordedStep, Watch
from melanzana.generation.signature import Signature, signature_of
from melanzana.generation.step import EndReason, OnError, Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model, Scalar, StateKind
from melanzana.protocol.events import Event, RunFinished, StepFinished, StepStarted, event_from_json, event_to_json
from melanzana.protocol.snapshot import Snapshot

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """One run: what was meant and what happened."""

    snapshot: Snapshot
    events: tuple[Event, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"format": 1, "snapshot": …, "events": […]}`"""
        events = [event_to_json(event) for event in self.events]
        return {"format": FORMAT, "snapshot": self.snapshot.to_json(), "events": events}

    @classmethod
    def from_json(cls, document: Any) -> "RunFile":
        """The run in a document. Errors: `RequestError`."""
        if not isinstance(document, Mapping) or document.get("format") != FORMAT:
            raise RequestError(f'a saved run is a document with "format": {FORMAT}', field="format")
        snapshot, events = document.get("snapshot"), document.get("events")
        if not isinstance(snapshot, Mapping) or not isinstance(events, Sequence):
            raise RequestError("a saved run holds a snapshot and a list of events", field="snapshot")
        try:
            return cls(snapshot=Snapshot.from_json(snapshot), events=tuple(event_from_json(event) for event in events))
        except TypeError as error:
            raise RequestError(f"the saved run's snapshot is not whole: {error}", field="snapshot") from None


def plan_of(snapshot: Snapshot) -> WalkPlan:
    """The plan of a snapshot's walk.

    Errors: `GenerationError` for recorded steps and `FormatError` for a history that mean nothing.
    """
    return WalkPlan(
        path=snapshot.path,
        seed=snapshot.seed,
        on_error=OnError(snapshot.on_error),
        parameters=snapshot.parameters,
        dry=not snapshot.perform,
        recorded=None if snapshot.recorded is None else Recorded.from_json(snapshot.recorded),
        history=read_history(snapshot.history) if snapshot.history else History(),
    )


def recorded_walk(run: RunFile) -> Recorded:
    """What a run walked, up to the step that ended it, without the Error and Cleanup states that it entered then."""
    model = from_document(run.snapshot.model)
    steps = [event for event in run.events if isinstance(event, StepFinished) and not event.model]
    try:
        return Recorded(tuple(_walked(model, Walk(model, plan_of(run.snapshot)), steps)))
    except (_OtherWayError, MelanzanaError):
        return Recorded(tuple(_as_told(model, steps)))


def failure_of(events: Iterable[Event]) -> Signature | None:
    """The signature of the first step that did not pass, or of what ended the run otherwise; None when it passed.

    A process that died is a failure of the step that was being performed.
    """
    open_step = ""
    for event in events:
        if isinstance(event, StepStarted):
            open_step = event.element_id
        elif isinstance(event, StepFinished):
            open_step = ""
            if event.verdict != Verdict.PASSED:
                return signature_of(event.element_id, event.message)
        elif isinstance(event, RunFinished) and event.verdict != Verdict.PASSED:
            return signature_of(open_step, event.message or event.reason)
    return None


def failing_step_of(events: Iterable[Event]) -> int:
    """Number of the first step that did not pass, or at which the process died; 0 when there is none."""
    begun = 0
    for event in events:
        if isinstance(event, StepStarted):
            begun = event.number
        elif isinstance(event, StepFinished):
            if event.verdict != Verdict.PASSED:
                return event.number
            begun = 0
    return begun


def is_failure(events: Iterable[Event]) -> bool:
    """Did the system under test (or its step's code) fail? Not: a run that was aborted, or could not be set up or go on."""
    finished = [event for event in events if isinstance(event, RunFinished)]
    reasons = (EndReason.ABORTED, EndReason.SETUP_FAILED, EndReason.IMPOSSIBLE_STEP)
    return bool(finished) and finished[-1].verdict != Verdict.PASSED and finished[-1].reason not in reasons


class _OtherWayError(Exception):
    """The walk of the snapshot is not the one that the events tell of."""


def _walked(model: Model, walk: Walk, events: list[StepFinished]) -> Iterator[RecordedStep]:
    watch, last = Watch(walk.position), _last_states(model)
    for event in events:
        walk.resume()
        step = walk.next_step(event.at_seconds)
        if step is None or (step.element_id, step.target, step.kind) != (event.element_id, event.target, event.kind):
            if event.element_id in last:
                return  # somebody ended the run
            raise _OtherWayError
        if walk.is_ending:
            return
        yield _recorded(step, event, watch.begun(step))
        walk.record(step, Verdict(event.verdict), dict(event.data), event.message)
        watch.ended()


def _recorded(step: Step, event: StepFinished, values: Mapping[str, Scalar]) -> RecordedStep:
    return RecordedStep(
        element=step.element_id,
        kind=step.kind,
        name=step.name,
        target=step.target,
        iteration=step.iteration,
        values=values,
        outputs=dict(event.data),
    )


def _as_told(model: Model, events: list[StepFinished]) -> Iterator[RecordedStep]:
    last = _last_states(model)
    for event in events:
        if event.element_id in last:
            return
        yield RecordedStep(
            element=event.element_id,
            kind=StepKind(event.kind),
            name=event.name,
            target=event.target,
            iteration=event.iteration,
            outputs=dict(event.data),
        )


def _last_states(model: Model) -> frozenset[str]:
    """Ids of the states that a walk enters when it has ended."""
    return frozenset(state.id for state in model.states if state.kind in (StateKind.ERROR, StateKind.CLEANUP))
