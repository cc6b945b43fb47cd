"""The database of a simulation: the real one in memory, watched after every commit, with faults of the store put in.

A commit may fail, then nothing of it is kept; or it is kept and the answer is lost; or everything stands still for a while.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from melanzana.errors import UnavailableError
from melanzana.storage.database import Database, InlineDatabase
from simulation.network import Weather
from simulation.watching import Watcher
from support_virtual_time import LoopClock

T = TypeVar("T")


class _CommitFailedError(Exception):
    """Undoes a change after its statements."""


class FaultyDatabase(Database):
    """Shows every committed change to a watcher, and fails as the weather says."""

    def __init__(self, inner: InlineDatabase, watcher: Watcher, weather: Weather, *, shared: bool) -> None:
        self._inner, self._watcher, self._weather, self._shared = inner, watcher, weather, shared
        self.frozen_until = 0.0

    async def read(self, question: Callable[[Connection], T]) -> T:
        await self._thaw()
        if self._weather.store_fails():
            raise UnavailableError("the store did not answer")
        return await self._inner.read(question)

    async def write(self, change: Callable[[Connection], T]) -> T:
        await self._thaw()
        fails = self._weather.store_fails()
        if fails and self._weather.chance.random() < 0.5:
            return await self.undone(change)
        result = await self._inner.write(change)
        await self._inner.read(self._watcher.look)
        if fails:
            raise UnavailableError("the answer to a commit was lost")
        return result

    async def instant(self) -> datetime | None:
        """The time that several servers share; one alone has its own."""
        return LoopClock().now() if self._shared else None

    async def close(self) -> None:
        await self._inner.close()

    async def look(self, question: Callable[[Connection], T]) -> T:
        """What really is, without any fault."""
        return await self._inner.read(question)

    async def _thaw(self) -> None:
        while (left := self.frozen_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)

    async def undone(self, change: Callable[[Connection], T]) -> T:
        """A commit that fails: always raises UnavailableError."""

        def failing(tx: Connection) -> None:
            change(tx)
            raise _CommitFailedError

        with suppress(_CommitFailedError):
            await self._inner.write(failing)
        raise UnavailableError("the commit failed")
