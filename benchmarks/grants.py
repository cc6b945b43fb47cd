"""Grants per CPU second of the token endpoint, in process over ASGI: no sockets, no TLS, a database file with a client in it.

    python benchmarks/grants.py

Prints the median of five slices of two seconds, for grants and for checks of a token.
"""

import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI

from melanzana.access.records import Actor
from melanzana.audit.service import AuditService
from melanzana.auth import api
from melanzana.auth.service import AuthService
from melanzana.clients.records import Credentials
from melanzana.clients.service import ClientService
from melanzana.clock import SystemClock
from melanzana.realms.master_key import MasterKey
from melanzana.realms.service import RealmService, RealmSettings
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate

SLICES, SLICE_SECONDS, CALLERS = 5, 2.0, 8
PATH = "/auth/realms/eggplant/protocol/openid-connect/token"


async def post(app: Any, body: bytes) -> int:
    """One request, straight into the app; gives its status."""
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 1),
        "server": ("localhost", 80),
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def rate(call: Callable[[], Awaitable[None]]) -> float:
    """Calls per CPU second of this process, the median over the slices."""
    rates = []
    for _ in range(SLICES):
        done, started, until = 0, time.process_time(), time.monotonic() + SLICE_SECONDS

        async def caller(until: float = until) -> int:
            count = 0
            while time.monotonic() < until:
                await call()
                count += 1
            return count

        done = sum(await asyncio.gather(*[caller() for _ in range(CALLERS)]))
        rates.append(done / (time.process_time() - started))
    return statistics.median(rates)


async def main(folder: Path) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    database = SqliteDatabase.open(folder / "melanzana.db")
    await migrate(database)
    master = MasterKey.load(folder / "secrets")
    audit = AuditService(database, SystemClock())
    realms = RealmService(database, SystemClock(), master, audit, RealmSettings(base_url="http://localhost"))
    await realms.start()
    clients = ClientService(database, SystemClock(), master, realms, audit)
    service = AuthService(SystemClock(), realms, clients)
    client = await clients.create_client(
        "eggplant", "benchmark", actor=Actor(kind="command_line", id="benchmark", name="benchmark")
    )
    fields = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
    body = urlencode(fields).encode()
    app = FastAPI()
    app.include_router(api.router(service, realms, clients))
    token = ""

    async def grant() -> None:
        if await post(app, body) != 200:
            raise SystemExit("a grant was refused")

    async def check() -> None:
        await service.verify_token(token)

    credentials = Credentials(client_id=client.client_id, client_secret=client.client_secret)
    token = (await service.grant_client_credentials("eggplant", credentials, None, "192.0.2.1")).access_token
    print(f"grants per CPU second: {await rate(grant):,.0f}")
    print(f"token checks per CPU second: {await rate(check):,.0f}")
    await database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(main(Path(name)))
