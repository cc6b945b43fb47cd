"""A run's log in DAI's words: one entry an event, and at most one entry that says why the run did not pass.

That entry has severity ERROR and message_type `failure`: the first step that did not pass or, when every step passed, the end of
the run. Nobody has to guess from severities which of many lines it was.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import StoredEvent
from melanzana.generation.step import StepKind, Verdict
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
from melanzana.reports.records import LogEntry

#: DAI's spelling of our severities.
_SEVERITIES = {"DEBUG": "DEBUG", "INFO": "INFORMATIONAL", "WARNING": "WARNING", "ERROR": "ERROR"}
FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    message: str
    severity: str = "INFORMATIONAL"
    message_type: str = "log"
    stage: str = "step"
    step: int | None = None
    image_name: str | None = None
    image_id: str | None = None


def log_entries(events: Iterable[StoredEvent], failure_seq: int | None, begun: datetime | None = None) -> Iterator[LogEntry]:
    """The entries of a part of a log, in order.

    `failure_seq`: number of the event that is the failure. `begun`: when the agent had begun to walk, if that was before this part.
    """
    for stored in events:
        event = stored.event()
        if isinstance(event, RunStarted):
            begun = stored.at
        line = _server_line(stored) if event is None else _line(event)
        failed = stored.seq == failure_seq
        yield LogEntry(
            id=stored.seq,
            eventtime=_instant(stored.at, begun, event),
            testrunid=stored.run_id,
            message=line.message,
            severity="ERROR" if failed else line.severity,
            step_id=line.step,
            stage=line.stage,
            message_type=FAILURE if failed else line.message_type,
            image_name=line.image_name,
            image_id=line.image_id,
        )


def _instant(stored_at: datetime, begun: datetime | None, event: Event | None) -> datetime:
    """When it happened by the runner's clock, which is believed only between the run's beginning and the event's arrival."""
    after = getattr(event, "at_seconds", None)
    if begun is None or after is None or not 0 <= after <= (stored_at - begun).total_seconds():
        return stored_at
    return begun + timedelta(seconds=after)


def _server_line(stored: StoredEvent) -> _Line:
    """What the server itself did; the names of its events are sentences without spaces."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stored.type).capitalize()
    told = ", ".join(
        f"{name} {value}" for name, value in stored.body.items() if isinstance(value, str | int | float) and value != ""
    )
    return _Line(
        message=f"{words} ({told})" if told else words,
        message_type="execution",
        stage="end" if stored.body.get("state") in TERMINAL else "start",
    )


def _line(event: Event) -> _Line:
    match event:
        case StepFinished():
            return _step(event)
        case LogWritten():
            severity = _SEVERITIES.get(event.severity, "INFORMATIONAL")
            return _Line(message=event.message, severity=severity, stage=event.stage, step=event.step)
        case AttachmentStored():
            return _attachment(event)
        case _:
            return _Line(**_OTHERS[type(event)](event))


def _step(event: StepFinished) -> _Line:
    what = "State" if event.kind == StepKind.STATE else "Action"
    if event.verdict == Verdict.PASSED:
        done = "passed" if event.performed else "generated"
        return _Line(message=f'{what} "{event.name}" {done}', message_type="step", step=event.number)
    message = f'{what} "{event.name}" {event.verdict}' + (f": {event.message}" if event.message else "")
    return _Line(message=message, severity="ERROR", message_type="step", step=event.number)


def _attachment(event: AttachmentStored) -> _Line:
    line = _Line(
        message=f"Attachment {event.name} ({event.media_type}, {event.size} bytes)", message_type="attachment", step=event.step
    )
    if not event.media_type.startswith("image/"):
        return line
    return _Line(message=line.message, message_type="image", step=event.step, image_name=event.name, image_id=event.sha256)


def _started(event: RunStarted) -> dict[str, Any]:
    suite = f", suite {event.suite}" if event.suite else ""
    return {
        "message": f"Run started by agent {event.agent} (Melanzana {event.version}{suite})",
        "message_type": "run",
        "stage": "start",
    }


def _finished(event: RunFinished) -> dict[str, Any]:
    message = f"Run {event.verdict} ({event.reason})" + (f": {event.message}" if event.message else "")
    return {"message": message, "message_type": "run", "stage": "end"}


def _step_started(event: StepStarted) -> dict[str, Any]:
    what = "State" if event.kind == StepKind.STATE else "Action"
    return {"message": f'{what} "{event.name}" started', "message_type": "step", "severity": "DEBUG", "step": event.number}


def _paused(event: RunPaused) -> dict[str, Any]:
    message = "Run paused" + (f": {event.message}" if event.message else "")
    return {"message": message, "message_type": "run", "severity": "WARNING", "step": event.step}


def _resumed(event: RunResumed) -> dict[str, Any]:
    return {"message": "Run continued", "message_type": "run", "step": event.step}


_OTHERS: dict[type[Any], Any] = {
    RunStarted: _started,
    RunFinished: _finished,
    StepStarted: _step_started,
    RunPaused: _paused,
    RunResumed: _resumed,
}
