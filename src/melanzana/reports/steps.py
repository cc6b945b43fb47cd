"""One step of a run with what belongs to it: its lines of the log, its files, when it began. `run_pages.py` asks.

A step's notes and files stand around its end in the log, so the log is read until the step after it has ended. Cost: one pass over
the log up to there, a thousand lines at a time; nothing is kept but the step's own lines.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from melanzana.executions.records import StoredEvent
from melanzana.protocol.events import AttachmentStored, LogWritten, StepFinished
from melanzana.reports.finding import BATCH, Reader
from melanzana.reports.page_lines import Line, lines_of
from melanzana.reports.records import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step."""

    seq: int  #: of its end in the log
    finished: StepFinished
    target: str  #: name of the state that it led to
    lines: tuple[Line, ...]  #: what was written while it was performed
    kept: tuple[Kept, ...]

    @property
    def pictures(self) -> list[Kept]:
        return [one for one in self.kept if one.is_image]

    @property
    def data(self) -> Mapping[str, Any]:
        """Values that it was performed with, and those that it gave."""
        return {**self.finished.values, **self.finished.data}


@dataclass(slots=True)
class _Search:
    number: int
    attempt: int  #: the newest; lines of earlier ones do not count
    end: StoredEvent | None = None
    own: list[StoredEvent] = field(default_factory=list)
    passed: bool = False  #: a later step has ended

    def take(self, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            if stored.attempt < self.attempt:
                continue
            event = stored.event()
            if isinstance(event, StepFinished):
                self.end = stored if event.number == self.number else self.end
                self.passed = self.passed or event.number > self.number
            elif isinstance(event, LogWritten | AttachmentStored) and event.step == self.number:
                self.own.append(stored)


async def step_of(read: Reader, names: Mapping[str, str], number: int, attempt: int) -> StepView | None:
    """None when no step of that number has ended."""
    search, after = _Search(number, attempt), 0
    while not search.passed and (events := await read(after, BATCH)):
        after = events[-1].seq
        await asyncio.to_thread(search.take, events)
    return None if search.end is None else _view(search, search.end, names)


def _view(search: _Search, end: StoredEvent, names: Mapping[str, str]) -> StepView:
    finished = end.event()
    assert isinstance(finished, StepFinished)
    return StepView(
        seq=end.seq,
        finished=finished,
        target=names.get(finished.target, finished.target) if finished.target else "",
        lines=tuple(line for line in lines_of(search.own, names) if line.file is None),
        kept=tuple(_kept(search.own)),
    )


def _kept(events: Sequence[StoredEvent]) -> Iterator[Kept]:
    for stored in events:
        event = stored.event()
        if isinstance(event, AttachmentStored):
            yield Kept.of(event, stored.seq)
