"""A load generator that costs little: HTTP/1.1 over kept connections, requests as bytes, closed and open loop.

The benchmarks share the machine's cores with the servers they measure, so a client library that spends a millisecond a request would
measure itself. `Connection` sends what it is given and reads a length-delimited answer; nothing else of HTTP is understood. `closed`
asks for the most that goes through; `open_loop` sends at a fixed rate, whether answers come or not, and counts each answer from the
moment at which it was due, so that queueing is seen.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Connection:
    """One kept connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self._reader, self._writer, self._head = reader, writer, head

    @classmethod
    async def open(cls, url: str, token: str = "") -> "Connection":
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
        head = f"Host: {address.netloc}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {token}\r\n" if token else ""
        return cls(reader, writer, head.encode())

    async def post(self, path: str, body: Any = None) -> Any:
        """The answer's JSON. Ends the program on any error: a figure with errors in it is none."""
        status, content = await self.send("POST", path, body)
        if status >= 400:
            raise SystemExit(f"{path}: {status} {content[:300]!r}")
        return json.loads(content) if content else None

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and content of the answer; `body` may be bytes that are JSON already."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._writer.write(
            b"%s %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s"
            % (method.encode(), path.encode(), self._head, len(content), content)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        if (at := head.lower().find(b"content-length: ")) >= 0:
            length = int(head[at + 16 : head.index(b"\r", at)])
        return int(head[9:12]), await self._reader.readexactly(length) if length else b""

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Rate:
    """What a closed loop got through."""

    per_second: float  #: median of the slices
    slices: tuple[float, ...]
    cpu_ms: float  #: of the watched processes, for each thing done


async def closed(
    act: Callable[[int], Awaitable[int]], pids: list[int], callers: int = 32, slices: int = 5, seconds: float = 2.0
) -> Rate:
    """`callers` at once, each sends when it has its answer; `act` returns how many things it did."""
    rates, done, before = [], 0, cpu_seconds(pids)
    for _ in range(slices):
        began = time.perf_counter()
        counts = await asyncio.gather(*(_until(began + seconds, act, caller) for caller in range(callers)))
        rates.append(sum(counts) / (time.perf_counter() - began))
        done += sum(counts)
    return Rate(statistics.median(rates), tuple(rates), (cpu_seconds(pids) - before) * 1000 / max(1, done))


async def _until(deadline: float, act: Callable[[int], Awaitable[int]], caller: int) -> int:
    done = 0
    while time.perf_counter() < deadline:
        done += await act(caller)
    return done


async def open_loop(act: Callable[[int], Awaitable[int]], rate: float, seconds: float, callers: int = 64) -> list[float]:
    """Seconds from when each request was due until its answer, sorted; `rate` requests a second over `callers` connections."""
    waits: list[float] = []
    began, numbers = time.perf_counter() + 0.1, itertools.count()

    async def caller(connection: int) -> None:
        for number in numbers:
            due = began + number / rate
            if due > began + seconds:
                return
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            await act(connection)
            waits.append(time.perf_counter() - due)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return sorted(waits)


def percentile(ranked: list[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
