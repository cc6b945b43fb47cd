"""A part of a run's log as the lines of its page: steps with what belongs to them, and what happened between them.

`pages.py` gives a part of the log and shows the lines in order. Cost: one pass.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from melanzana.executions.records import StoredEvent
from melanzana.generation.step import StepKind
from melanzana.protocol.events import AttachmentStored, StepFinished, StepStarted
from melanzana.reports.logs import log_entries
from melanzana.reports.records import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line."""

    id: int  #: number of the event
    kind: str  #: state, action, or note
    text: str
    target: str = ""  #: name of the state that an action led to
    mark: str = ""  #: ok, bad, warn, or nothing
    message: str = ""
    number: int | None = None  #: of the step
    iteration: int | None = None
    seconds: float | None = None  #: that the step took
    at: datetime
    depth: int = 0
    file: Kept | None = None


_MARKS = {"passed": "ok", "failed": "bad", "error": "bad"}
_SEVERITIES = {"ERROR": "bad", "WARNING": "warn"}


def lines_of(events: Iterable[StoredEvent], names: Mapping[str, str]) -> Iterator[Line]:
    """`names`: of states by id. Beginnings of steps are left out: their ends tell more."""
    listed = list(events)
    for stored, entry in zip(listed, log_entries(listed, None), strict=True):
        event = stored.event()
        if isinstance(event, StepStarted):
            continue
        if isinstance(event, StepFinished):
            yield _step(event, stored, names)
            continue
        file = Kept.of(event, stored.seq) if isinstance(event, AttachmentStored) else None
        mark = _SEVERITIES.get(entry.severity, "")
        yield Line(id=stored.seq, kind="note", text=entry.message, mark=mark, number=entry.step_id, at=stored.at, file=file)


def _step(event: StepFinished, stored: StoredEvent, names: Mapping[str, str]) -> Line:
    return Line(
        id=stored.seq,
        kind="action" if event.kind == StepKind.ACTION else "state",
        text=event.name,
        target=names.get(event.target, event.target) if event.target else "",
        mark=_MARKS.get(event.verdict, "bad"),
        message=event.message,
        number=event.number,
        iteration=event.iteration,
        seconds=event.duration_seconds,
        at=stored.at,
        depth=event.depth,
    )
