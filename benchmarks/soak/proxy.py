"""A TCP proxy of the soak's own: while it is told to be bad, it delays what passes and now and then cuts a connection with a reset."""

import asyncio
import contextlib
import random
import socket
import struct

#: Seconds that a piece is late, at least and at most; the part of pieces with which the connection is reset.
LATE, RESETS = (0.1, 0.3), 0.02


class Proxy:
    """Listens on a port of loopback and passes everything on to another."""

    def __init__(self, target: int, chance: random.Random) -> None:
        self.port, self.bad, self.resets = 0, False, 0
        self._target, self._chance = target, chance
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, backlog=1_024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._target)
        with contextlib.closing(behind_writer):
            ways = [(reader, behind_writer), (behind_reader, writer)]
            pumps = [asyncio.create_task(self._pump(*way)) for way in ways]
            try:
                done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            if any(not pump.cancelled() and pump.exception() is not None for pump in done):
                _reset(writer)
                _reset(behind_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.bad:
                await asyncio.sleep(self._chance.uniform(*LATE))
                if self._chance.random() < RESETS:
                    self.resets += 1
                    raise ConnectionResetError
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset instead of an end."""
    inner: socket.socket | None = writer.get_extra_info("socket")
    if inner is not None:
        with contextlib.suppress(OSError):
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
