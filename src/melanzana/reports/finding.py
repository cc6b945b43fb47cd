"""The lines of a run's log in which a text stands, all of them counted. `run_pages.py` asks.

Text is compared without regard to case, with what the page shows of a line; `status:failed` means lines that did not pass.
Cost: one pass over the log, a thousand lines at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from melanzana.executions.records import StoredEvent
from melanzana.reports.page_lines import Line, lines_of

#: `limit` lines behind number `after`.
Reader = Callable[[int, int], Awaitable[Sequence[StoredEvent]]]
BATCH = 1_000
_FAILED = frozenset({"status:failed", "s:failed"})


@dataclass(slots=True)
class Found:
    """The first lines found, and how many there are."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0

    @property
    def cut(self) -> bool:
        return self.total > len(self.lines)


async def find_lines(read: Reader, names: Mapping[str, str], text: str, most: int) -> Found:
    """At most `most` lines are kept."""
    found, after = Found(), 0
    while events := await read(after, BATCH):
        after = events[-1].seq
        hits = await asyncio.to_thread(_hits, events, names, text)
        found.total += len(hits)
        found.lines += hits[: most - len(found.lines)]
    return found


def _hits(events: Sequence[StoredEvent], names: Mapping[str, str], text: str) -> list[Line]:
    words = text.casefold().split()
    failed, wanted = any(word in _FAILED for word in words), " ".join(word for word in words if word not in _FAILED)
    return [line for line in lines_of(events, names) if (not failed or line.mark == "bad") and wanted in _text(line)]


def _text(line: Line) -> str:
    return f"{line.text} {line.target} {line.message}".casefold()
