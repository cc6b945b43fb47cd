"""What a grant and a check of a token cost, in CPU seconds of the server.

    python benchmarks/grants.py [--seconds 2] [--slices 5]

Six figures, each the median of its slices, over a database file in a temporary folder:

- grants in process: the whole token endpoint over ASGI, no socket, with the client's row read and the audit record on the disk;
- checks in process: `AuthService.verify_token`, with realm, revocation and client read for each;
- grants over plain HTTP on kept connections: a real server process of its own;
- grants over TLS: a real server process of its own, a certificate made on the fly, a new TCP and TLS connection for each grant;
- handshakes alone: the same connections with nothing sent, so the difference is what the grant itself costs;
- requests of the REST API in process: `GET /execution_service/...` with a token that is checked each time.

CPU time is the server's only: the client of the TLS figures runs in this process, the server in another.
"""

import argparse
import asyncio
import logging
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from tls_server import TlsServer

from melanzana.access.records import Actor
from melanzana.clock import SystemClock
from melanzana.server.app import create_app
from melanzana.server.services import open_services
from melanzana.server.settings import ServerSettings

CALLERS = 8
TOKEN_PATH = "/auth/realms/eggplant/protocol/openid-connect/token"
API_PATH = "/ai/models"
FORM = b"application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Budget:
    """How long to measure."""

    slices: int
    seconds: float


async def ask(app: Any, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> tuple[int, bytes]:
    """One request straight into the app; status and body of the answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    status, content = 0, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, content
        status = message.get("status", status)
        content += message.get("body", b"")

    await app(scope, receive, send)
    return status, content


async def rate(call: Callable[[], Awaitable[None]], cpu: Callable[[], float], budget: Budget) -> tuple[float, float]:
    """Calls per CPU second as `cpu` counts them, and calls per second of the clock; medians."""
    per_cpu, per_second = [], []
    for _ in range(budget.slices):
        began, cpu_began = time.monotonic(), cpu()
        done = sum(await asyncio.gather(*[_repeat(call, began + budget.seconds) for _ in range(CALLERS)]))
        per_cpu.append(done / max(cpu() - cpu_began, 1e-9))
        per_second.append(done / (time.monotonic() - began))
    return statistics.median(per_cpu), statistics.median(per_second)


async def _repeat(call: Callable[[], Awaitable[None]], until: float) -> int:
    count = 0
    while time.monotonic() < until:
        await call()
        count += 1
    return count


def show(name: str, figures: tuple[float, float]) -> None:
    sys.stdout.write(f"{name:<44} {figures[0]:>10,.0f} {figures[1]:>12,.0f}\n")
    sys.stdout.flush()


def demand(status: int) -> None:
    if status != 200:
        raise SystemExit(f"the server answered {status}")


async def main(folder: Path, budget: Budget) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.stdout.write(f"{'':<44} {'per CPU s':>10} {'per second':>12}\n")
    settings = ServerSettings(data=folder / "data", port=8000)
    async with open_services(settings, SystemClock()) as services:
        actor = Actor(kind="command_line", id="benchmark", name="benchmark")
        client = await services.clients.create_client("eggplant", "benchmark", actor=actor)
        fields = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
        body = urlencode(fields).encode()
        app = create_app(settings, services)
        headers = [(b"content-type", FORM), (b"content-length", str(len(body)).encode())]

        async def grant() -> None:
            demand((await ask(app, "POST", TOKEN_PATH, headers, body))[0])

        show("grants, in process", await rate(grant, time.process_time, budget))
        token = (
            await services.auth.grant_client_credentials("eggplant", services_credentials(fields), None, "127.0.0.1")
        ).access_token

        async def check() -> None:
            await services.auth.verify_token(token)

        async def request() -> None:
            demand((await ask(app, "GET", API_PATH, [(b"authorization", b"Bearer " + token.encode())]))[0])

        show("token checks, in process", await rate(check, time.process_time, budget))
        show(f"GET {API_PATH}, in process", await rate(request, time.process_time, budget))
    await over_kept_connections(settings.data, folder, body, budget)
    await over_tls(settings.data, folder, body, budget)


def services_credentials(fields: dict[str, str]) -> Any:
    from melanzana.clients.records import Credentials

    return Credentials(client_id=fields["client_id"], client_secret=fields["client_secret"])


async def over_kept_connections(data: Path, folder: Path, body: bytes, budget: Budget) -> None:
    """Plain HTTP/1.1, as many connections as callers, kept: what a busy client does."""
    head = f"POST {TOKEN_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    wire = head.encode() + body
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    with TlsServer(data, folder, plain=True) as server:

        async def grant() -> None:
            reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(wire)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            idle.append((reader, writer))
            demand(int(answer.split(b" ")[1]))

        show("grants, plain HTTP, kept connections", await rate(grant, server.cpu_seconds, budget))
        for _, writer in idle:
            writer.close()


async def over_tls(data: Path, folder: Path, body: bytes, budget: Budget) -> None:
    """A connection for each grant, and the same connections without a grant."""
    with TlsServer(data, folder) as server:
        trust = ssl.create_default_context(cafile=server.certificate)
        head = f"POST {TOKEN_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM.decode()}\r\n"
        wire = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

        async def connect(content: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("localhost", server.port, ssl=trust)
            writer.write(content)
            answer = await reader.read() if content else b""
            writer.close()
            await writer.wait_closed()
            return answer

        async def grant() -> None:
            demand(int((await connect(wire)).split(b" ")[1]))

        async def handshake() -> None:
            await connect(b"")

        granted = await rate(grant, server.cpu_seconds, budget)
        shaken = await rate(handshake, server.cpu_seconds, budget)
    show("grants, TLS, a new connection each", granted)
    show("TLS connections alone", shaken)
    sys.stdout.write(f"share of the TLS connection in such a grant: {granted[0] / shaken[0]:.0%}\n")


def arguments() -> Budget:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a slice [2]")
    parser.add_argument("--slices", type=int, default=5, help="slices, of which the median counts [5]")
    given = parser.parse_args()
    return Budget(slices=given.slices, seconds=given.seconds)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(main(Path(name), arguments()))
