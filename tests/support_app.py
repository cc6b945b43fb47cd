"""The whole server in this process, over a temporary folder, with an HTTP client that speaks to it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from melanzana.access.records import Actor
from melanzana.clock import SystemClock
from melanzana.server.app import create_app
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings

#: Who acts in tests.
SOMEBODY = Actor(kind="command_line", id="tests", name="tests")
TOKEN_PATH = "/auth/realms/eggplant/protocol/openid-connect/token"


@dataclass
class RunningApp:
    services: Services
    http: httpx.AsyncClient

    async def token(self, client_id: str, client_secret: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        answer = await self.http.post(TOKEN_PATH, data=form)
        return str(answer.raise_for_status().json()["access_token"])

    async def sign_in(self) -> None:
        """Every request from now on carries the token of a new API client."""
        created = await self.services.clients.create_client("eggplant", "tests", actor=SOMEBODY)
        token = await self.token(created.client_id, created.client_secret)
        self.http.headers["Authorization"] = f"Bearer {token}"


@contextlib.asynccontextmanager
async def running_app(data: Path, public_url: str = "http://server", **changed: Any) -> AsyncIterator[RunningApp]:
    settings = ServerSettings(data=data, public_url=public_url, **changed)
    async with open_services(settings, SystemClock()) as services:
        transport = httpx.ASGITransport(create_app(settings, services), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=public_url) as http:
            yield RunningApp(services, http)
