"""Calls user code: plain functions directly, `async def` on the one event loop of the run; always on the calling (main) thread."""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from melanzana.runner.interruption import Interruption


class Caller:
    """Calls functions of the suite for one run."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, function: Callable[..., Any], arguments: Sequence[Any] = (), named: Mapping[str, Any] | None = None) -> Any:
        """What the function returns, or what its coroutine returns. An abort interrupts it."""
        with self._interruption.armed():
            result = function(*arguments, **(named or {}))
            return self._awaited(result) if inspect.isawaitable(result) else result

    def tidy(self, function: Callable[[], Any]) -> Any:
        """As `call`, for teardown: an abort does not interrupt it."""
        result = function()
        return self._awaited(result) if inspect.isawaitable(result) else result

    def close(self) -> None:
        """Cancel what async code left running, and close the loop."""
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    def _awaited(self, awaitable: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._interruption.run_task(self._loop.create_task(_as_coroutine(awaitable)))


async def _as_coroutine(awaitable: Any) -> Any:
    return await awaitable
