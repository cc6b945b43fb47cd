"""Brings the answers of the writer thread home to the event loop, all of one commit with one wake-up.

`asyncio.wrap_future` wakes the loop once an answer, and each wake-up is a system call in which the writer gives the interpreter
away. Answers gather here instead; the loop is woken only when it was not woken since it last looked.
"""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Homecoming:
    """Used by one event loop; `of` is called there, answers come from any thread."""

    def __init__(self) -> None:
        self._answers: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._woken = False

    async def of(self, job: "Future[T]") -> T:
        """The result of `job`. Cancelled while it waits, the job is cancelled too, if it has not begun."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        job.add_done_callback(lambda done: self._answered(loop, waiter, done))
        try:
            return await waiter
        finally:
            if waiter.cancelled():
                job.cancel()

    def _answered(self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[Any]", done: "Future[Any]") -> None:
        self._answers.append((waiter, done))
        if not self._woken:
            self._woken = True
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        # First the flag, then the answers: one that comes in between wakes the loop once more, and none is forgotten.
        self._woken = False
        while self._answers:
            waiter, done = self._answers.popleft()
            if waiter.done():
                continue
            if done.cancelled():
                waiter.cancel()
            elif (error := done.exception()) is not None:
                waiter.set_exception(error)
            else:
                waiter.set_result(done.result())
