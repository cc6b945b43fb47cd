"""Several server processes on one port of one machine: `melanzana serve --workers N`.

This process binds the socket and answers nothing. Each worker is a process of `worker.py` that takes connections from the same
socket, so what waits to be accepted survives any of them. The first one starts alone, since it may make the tables of the database;
it also keeps the agents of this machine and starts what is due. One that dies is started again, more slowly each time. SIGTERM and
Ctrl-C stop them all, each gracefully. To each other they are servers of one database like any others (ADR 0028).
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field

import structlog

from melanzana.errors import SettingsError
from melanzana.server.children import FIRST_RESTART_SECONDS, next_pause
from melanzana.server.logs import configure
from melanzana.server.process import listen
from melanzana.server.settings import ServerSettings

_log = structlog.get_logger("melanzana.server")
#: How long a worker may take to end after SIGTERM, in seconds, before it is killed.
STOP_SECONDS = 15.0
#: Connections that wait to be accepted; more are refused by the kernel.
BACKLOG = 2_048


def run_workers(settings: ServerSettings) -> int:
    """Serve until told to stop; the exit code of this process.

    Raises SettingsError when the address cannot be had, or the database is a file: it has one writing process (ADR 0003).
    """
    if settings.database is None:
        raise SettingsError(
            f"--workers {settings.workers} needs a database that processes share, and a file has one writer: "
            "give --database postgresql://…, or leave --workers out",
            field="workers",
        )
    configure(settings.log_level, settings.log_format)
    listening = listen(settings)
    listening.listen(BACKLOG)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    return asyncio.run(_supervise(settings, listening))


async def _supervise(settings: ServerSettings, listening: socket.socket) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    workers = [Worker(number, settings, listening.fileno()) for number in range(1, settings.workers + 1)]
    waiting = asyncio.create_task(stopping.wait())
    first = asyncio.create_task(workers[0].start())
    await asyncio.wait({waiting, first}, return_when=asyncio.FIRST_COMPLETED)
    if first.done() and not first.result() and workers[0].process is not None:
        return await workers[0].process.wait() or 1  # it has said why
    keeping = [asyncio.create_task(worker.keep()) for worker in workers]
    try:
        await waiting
    finally:
        for task in (first, *keeping):
            task.cancel()
        await asyncio.gather(first, *keeping, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in workers))
    return 0


@dataclass
class Worker:
    """One process, over all its lives."""

    number: int  #: from 1
    settings: ServerSettings = field(repr=False)
    listening: int  #: file descriptor of the socket
    process: asyncio.subprocess.Process | None = None
    _lives: int = 0

    async def start(self) -> bool:
        """Start it and wait until it answers requests; False when it ended before."""
        self._lives += 1
        ready, told = os.pipe()
        orders = {
            "settings": self.settings.model_dump(mode="json"),
            "listening": self.listening,
            "ready": told,
            "announces": self.number == 1 and self._lives == 1,
            "does_duties": self.number == 1,
        }
        try:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "melanzana.server.worker"),
                stdin=asyncio.subprocess.PIPE,  # carries secrets, and its end tells the worker that this process is gone
                pass_fds=(self.listening, told),
                start_new_session=True,
            )
        finally:
            os.close(told)
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(json.dumps(orders).encode() + b"\n")
            await self.process.stdin.drain()
        return await _read_one(ready)

    async def keep(self) -> None:
        """Keep it running until cancelled."""
        loop, pause = asyncio.get_running_loop(), FIRST_RESTART_SECONDS
        while True:
            began = loop.time()
            if self.process is None and await self.start():
                _log.info("a server process answers", worker=self.number)
            assert self.process is not None
            code = await self.process.wait()
            self.process = None
            pause = next_pause(pause, loop.time() - began)
            _log.error("a server process ended and is started again", worker=self.number, exit_code=code, in_seconds=pause)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            _log.error("a server process did not end and is killed", worker=self.number)
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def _read_one(descriptor: int) -> bool:
    """Whether a byte comes before the end of the pipe, which is closed then."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        return bool(await reader.read(1))
    finally:
        transport.close()
