"""How long an agent waits before it asks again: twice as long each time, up to a limit, and never in step with other agents."""

import asyncio
from collections.abc import Callable


class Pauses:
    """A row of growing pauses; `reset` after each success."""

    def __init__(self, first_seconds: float, most_seconds: float, jitter: Callable[[], float]) -> None:
        self._first, self._most, self._jitter = first_seconds, most_seconds, jitter
        self._seconds = first_seconds

    async def next(self, at_most: float | None = None) -> None:
        """Wait between half and all of the next pause."""
        limit = self._seconds if at_most is None else min(self._seconds, at_most)
        self._seconds = min(self._seconds * 2, self._most)
        await asyncio.sleep(limit * (0.5 + 0.5 * self._jitter()))

    def reset(self) -> None:
        self._seconds = self._first
