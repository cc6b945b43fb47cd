"""A balancer in front of several servers: each connection goes to the next server that takes it."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def balancer(ports: list[int]) -> Iterator[int]:
    """The port of loopback at which any of the servers answers."""
    turns = itertools.cycle(range(len(ports)))

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(turns)
        for offset in range(len(ports)):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", ports[(first + offset) % len(ports)])
        raise ConnectionRefusedError("no server takes connections")

    async def serve(client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(client_writer):
            server_reader, server_writer = await connect()
            with contextlib.closing(server_writer):
                ways = [(client_reader, server_writer), (server_reader, client_writer)]
                pumps = [asyncio.create_task(_pump(*way)) for way in ways]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    started: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            await started.put(listening.sockets[0].getsockname()[1])
            with contextlib.suppress(asyncio.CancelledError):
                await listening.serve_forever()

    main = loop.create_task(run())
    thread = threading.Thread(target=_run, args=(loop, main), daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(started.get(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(main.cancel)
        thread.join(10)


def _run(loop: asyncio.AbstractEventLoop, main: "asyncio.Task[None]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(main)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
