"""A whole server with one person and one API client."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.clients.records import CreatedClient
from melanzana.users.records import NewUser, User
from melanzana.users.rules import operator
from support_app import RunningApp, running_app

OPERATOR = Actor(kind="command_line", id="tests", name="tests")
PASSWORD = "seven-green-bottles-91"


@dataclass
class Older:
    """What the tests of the older addresses speak to."""

    app: RunningApp
    client: CreatedClient
    user: User

    @property
    def http(self) -> httpx.AsyncClient:
        return self.app.http

    async def status(self, token: str, path: str = "/ai/models") -> int:
        """What the API says to a token."""
        return (await self.http.get(path, headers={"Authorization": f"Bearer {token}"})).status_code

    async def actions(self) -> list[tuple[str, str, str]]:
        """Action, outcome and actor of everything in the audit trail, the newest first."""
        records = await self.app.services.audit.records("eggplant")
        return [(record.entry.action, record.entry.outcome, record.entry.actor.name) for record in records]


@contextlib.asynccontextmanager
async def older_site(data: Path) -> AsyncIterator[Older]:
    """The server in this process, over that folder."""
    async with running_app(data) as app:
        client = await app.services.clients.create_client("eggplant", "older scripts", actor=OPERATOR)
        new = NewUser(username="Ada", role=Role.USER, password=PASSWORD)
        yield Older(app, client, await app.services.users.accounts.create("eggplant", new, operator(OPERATOR)))
