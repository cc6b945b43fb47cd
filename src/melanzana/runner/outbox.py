"""The events of one attempt that the server has not yet acknowledged, numbered in order.

`attempt.py` puts events in as the worker makes them and takes batches out to report. A batch always starts at the first event that
is not acknowledged, so a gap, a lost report and a lost answer are all mended by sending again. The box is bounded: `put` waits
while it is full, and so, through its pipe, does the worker.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

from melanzana.errors import ConflictError
from melanzana.protocol.events import Event


class Outbox:
    """Numbered events on their way to the server."""

    def __init__(self, first_seq: int, capacity: int) -> None:
        self._events: deque[Event] = deque()
        self._first_seq = first_seq
        self._capacity = capacity
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def next_seq(self) -> int:
        """The number that the next event put in will get."""
        return self._first_seq + len(self._events)

    async def put(self, event: Event) -> None:
        """Append one event; waits while the box is full."""
        await self._roomy.wait()
        self._events.append(event)
        self._note()

    async def filled(self) -> None:
        """Wait until there is something to report."""
        await self._filled.wait()

    def batch(self, most: int, characters: int) -> tuple[int, tuple[Event, ...]]:
        """The number of the first event not acknowledged, and the events from there: at least one, unless the box is empty."""
        chosen: list[Event] = []
        size = 0
        for event in self._events:
            size += text_size(event)
            if chosen and (len(chosen) == most or size > characters):
                break
            chosen.append(event)
        return self._first_seq, tuple(chosen)

    def acknowledge(self, next_seq: int) -> None:
        """The server has everything before `next_seq`.

        Raises ConflictError when it asks for a number that was acknowledged before, or names one that was never sent: then the two
        sides do not speak of the same attempt.
        """
        if not self._first_seq <= next_seq <= self.next_seq:
            raise ConflictError(
                f"the server wants event {next_seq}; this agent has events {self._first_seq} to {self.next_seq - 1}",
                next_seq=next_seq,
            )
        while self._first_seq < next_seq:
            self._events.popleft()
            self._first_seq += 1
        self._note()

    def replace(self, event: Event) -> None:
        """Drop everything that was not acknowledged for the sake of one last event."""
        self._events.clear()
        self._events.append(event)
        self._note()

    def _note(self) -> None:
        _set(self._filled, bool(self._events))
        _set(self._roomy, len(self._events) < self._capacity)


def text_size(event: Event) -> int:
    """About how many characters the event's JSON has."""
    size = 160 + len(getattr(event, "message", ""))
    data = getattr(event, "data", None)
    return size + len(str(data)) if isinstance(data, Mapping) and data else size


def _set(flag: asyncio.Event, value: bool) -> None:
    if value:
        flag.set()
    else:
        flag.clear()
