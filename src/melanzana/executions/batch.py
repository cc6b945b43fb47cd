"""What a report changes: the part of its events that is new, and what they say. Pure; called by `service.report`.

An agent's word is untrusted: types and lengths were checked where it was read (`protocol/`), words, order and storability are
checked here, before anything is written.
"""

import json
from dataclasses import dataclass

from melanzana.errors import RequestError
from melanzana.executions.records import Holding
from melanzana.generation.step import Verdict
from melanzana.protocol.events import (
    BATCH_LIMIT,
    Event,
    LogWritten,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepStarted,
    event_to_json,
)
from melanzana.protocol.peer import Report

_VERDICTS = frozenset(Verdict)
_SEVERITIES = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_NUMBER_LIMIT = 2**53  #: beyond it JSON readers begin to round
_BEGUN = (RunStarted, StepStarted, StepFinished, RunPaused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The events of a report that the server has not stored yet, none when the report starts after a gap."""

    first_seq: int  #: of the first new event
    rows: tuple[tuple[str, str], ...]  #: type of each, and its body as JSON
    begins: bool  #: whether they show that the walk has begun
    performs: bool  #: whether code of a step was begun or performed
    pauses: bool | None  #: True: the walk waits now; False: it was continued; None: neither
    end: RunFinished | None

    @property
    def next_seq(self) -> int:
        return self.first_seq + len(self.rows)


def new_part(seen: Holding, report: Report) -> Batch:
    """What `report` adds to what is stored. Raises RequestError for events that cannot be stored or contradict each other."""
    _check(report)
    gap = report.first_seq > seen.next_seq
    fresh = () if gap else report.events[seen.next_seq - report.first_seq :]
    return Batch(
        first_seq=seen.next_seq,
        rows=tuple(_row(event) for event in fresh),
        begins=any(isinstance(event, _BEGUN) for event in fresh),
        performs=any(_performs(event) for event in fresh),
        pauses=_pauses(fresh),
        end=next((event for event in fresh if isinstance(event, RunFinished)), None),
    )


def _check(report: Report) -> None:
    if report.attempt < 1 or report.first_seq < 1:
        raise RequestError("attempt and first_seq count from 1", field="first_seq")
    if len(report.events) > BATCH_LIMIT:
        raise RequestError(f"send at most {BATCH_LIMIT} events in one report", field="events")
    for number, event in enumerate(report.events, 1):
        if isinstance(event, RunFinished) and number < len(report.events):
            raise RequestError("RunFinished is the last event of an attempt; nothing follows it", field="events")
        if isinstance(event, RunFinished | StepFinished) and event.verdict not in _VERDICTS:
            raise RequestError(f"{event.verdict!r} is no verdict; say passed, failed or error", field="events.verdict")
        if isinstance(event, StepStarted | StepFinished) and not 0 <= event.number <= _NUMBER_LIMIT:
            raise RequestError(f"{event.number} is no number of a step", field="events.number")
        if isinstance(event, LogWritten) and event.severity not in _SEVERITIES:
            raise RequestError(f"{event.severity!r} is no severity", field="events.severity")


def _row(event: Event) -> tuple[str, str]:
    document = event_to_json(event)
    kind = document.pop("type")
    try:
        text = _ENCODER.encode(document)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestError(f"{kind} cannot be stored: {error}", field="events") from None
    return kind, text


def _performs(event: Event) -> bool:
    """A step whose code has begun may have changed the system under test, whether or not its end was ever reported."""
    return isinstance(event, StepStarted) or (isinstance(event, StepFinished) and event.performed)


def _pauses(events: tuple[Event, ...]) -> bool | None:
    said = [isinstance(event, RunPaused) for event in events if isinstance(event, RunPaused | RunResumed)]
    return said[-1] if said else None
