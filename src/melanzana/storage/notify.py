"""The bus over PostgreSQL itself: LISTEN on one connection, NOTIFY on another.

Nothing more to run beside the database. Each message costs the database a small transaction of its own, outside of those that
matter; what waits while one is under way goes out in the next, all together. A broken line is laid again every second.
"""

import asyncio
from collections import deque
from typing import Any

import psycopg
import structlog

from melanzana.errors import SettingsError
from melanzana.storage.bus import EVERYTHING, Envelope, Hear
from melanzana.storage.postgresql import driver_address, shown

_CHANNEL = "melanzana"
#: Messages waiting for the line; older ones are dropped first, as if they had got lost.
_WAITING = 10_000
_AT_ONCE = 200
_AGAIN_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class NotifyBus:
    """One server's ear and mouth."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._envelope = Envelope()
        self._waiting: deque[str] = deque(maxlen=_WAITING)
        self._filled = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ear: psycopg.AsyncConnection[Any] | None = None

    async def open(self, hear: Hear) -> None:
        """Raises SettingsError when the database does not answer."""
        try:
            self._ear = await self._listening()
        except psycopg.Error as error:
            raise SettingsError(f"{shown(self._address)} does not answer: {error}", field="database") from None
        self._tasks = [asyncio.create_task(self._listen(self._ear, hear)), asyncio.create_task(self._speak())]

    def tell(self, message: dict[str, Any]) -> None:
        text = self._envelope.seal(message)
        if text is not None:
            self._waiting.append(text)
            self._filled.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ear is not None:
            await self._ear.close()

    async def _listen(self, ear: "psycopg.AsyncConnection[Any]", hear: Hear) -> None:
        while True:
            try:
                async for notice in ear.notifies():
                    message = self._envelope.open(notice.payload)
                    if message is not None:
                        hear(message)
            except psycopg.Error as error:
                _log.warning("news from other servers interrupted", cause=str(error).strip())
            await ear.close()
            self._ear = ear = await self._again()
            hear(EVERYTHING)

    async def _again(self) -> "psycopg.AsyncConnection[Any]":
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                return await self._listening()
            except psycopg.Error:
                continue

    async def _speak(self) -> None:
        while True:
            try:
                async with await self._connect() as connection:
                    await self._tell_all(connection)
            except psycopg.Error:
                await asyncio.sleep(_AGAIN_SECONDS)  # what was to be told is lost; the poll of the others finds it

    async def _tell_all(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                texts = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
                await connection.execute("SELECT pg_notify(%s, t) FROM unnest(%s::text[]) AS t", (_CHANNEL, texts))

    async def _listening(self) -> "psycopg.AsyncConnection[Any]":
        connection = await self._connect()
        await connection.execute(f"LISTEN {_CHANNEL}")
        return connection

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        return await psycopg.AsyncConnection.connect(driver_address(self._address), autocommit=True)
