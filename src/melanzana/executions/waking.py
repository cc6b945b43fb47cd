"""Who waits for news, and how they are told: held requests of this server process.

A waiter listens BEFORE it looks, so nothing that happens between its look and its wait is missed. News is a hint, never data: who
is woken looks again. The database is the truth, and waiters look again by themselves every few seconds.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any


class Signal:
    """One waiter's ear."""

    def __init__(self, interest: Any) -> None:
        self.interest = interest
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Whether news came within `seconds`; the news is used up."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Waker:
    """Topics and their waiters, first come first served."""

    def __init__(self) -> None:
        self._waiters: dict[Hashable, list[Signal]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the server is stopping: nothing should be held any more."""
        return self._closed

    @contextmanager
    def listen(self, topic: Hashable, interest: Any = None) -> Iterator[Signal]:
        """Hear of `topic` while the block runs; `interest` is what `wake_one` asks about."""
        signal = Signal(interest)
        self._waiters.setdefault(topic, []).append(signal)
        try:
            yield signal
        finally:
            waiters = self._waiters[topic]
            waiters.remove(signal)
            if not waiters:
                del self._waiters[topic]

    def wake_all(self, topic: Hashable) -> None:
        for signal in self._waiters.get(topic, ()):
            signal.set()

    def wake_one(self, topic: Hashable, accepts: Callable[[Any], bool]) -> None:
        """Wake the longest waiting one that is not awake yet and whose interest is accepted: one piece of work, one waiter."""
        for signal in self._waiters.get(topic, ()):
            if not signal.is_set and accepts(signal.interest):
                signal.set()
                return

    def close(self) -> None:
        """Let every held request go: the server stops."""
        self._closed = True
        for waiters in self._waiters.values():
            for signal in waiters:
                signal.set()
