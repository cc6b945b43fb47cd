"""`melanzana keys` works beside a running server, which acts on it at its next request."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.keys import app
from melanzana.clients.records import Credentials
from melanzana.clock import SystemClock
from melanzana.errors import ConflictError, InvalidTokenError, NotFoundError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from support_auth import SOMEBODY, Rooms, open_rooms

Keys = Callable[..., Result]


def _run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)


def _serve(data: Path, journey: Callable[[Rooms], Coroutine[None, None, None]]) -> None:
    """Run the journey in a server process on the folder."""

    async def served() -> None:
        database = SqliteDatabase.open(data / "melanzana.db")
        await migrate(database)
        await journey(await open_rooms(database, SystemClock(), MasterKey.load(data / "secrets")))
        await database.close()

    asyncio.run(served())


def _listed(data: Path) -> dict[str, str]:
    """State by key id."""
    return {line.split()[0]: line.split()[1] for line in _run(data, "list").stdout.splitlines()[1:]}


def test_beside_a_running_server(tmp_path: Path) -> None:
    """The server signs with the new key at its next grant and refuses tokens of a disabled one at its next request."""

    async def journey(rooms: Rooms) -> None:
        client = await rooms.clients.create_client("eggplant", "ci", actor=SOMEBODY)
        credentials = Credentials(client_id=client.client_id, client_secret=client.client_secret)

        async def token() -> str:
            return (await rooms.service.grant_client_credentials("eggplant", credentials, None, "192.0.2.1")).access_token

        old = await token()
        before = await asyncio.to_thread(_listed, tmp_path)
        (following,) = [kid for kid, state in before.items() if state == "next"]
        (active,) = [kid for kid, state in before.items() if state == "active"]
        assert (await asyncio.to_thread(_run, tmp_path, "rotate")).stdout == f"signing with {following}\n"
        new = await token()
        await rooms.service.verify_token(old)
        assert (await asyncio.to_thread(_run, tmp_path, "disable", active)).stdout == f"disabled {active}\n"
        with pytest.raises(InvalidTokenError):
            await rooms.service.verify_token(old)
        await rooms.service.verify_token(new)
        assert (await asyncio.to_thread(_listed, tmp_path))[active] == "disabled"
        await asyncio.to_thread(_run, tmp_path, "remove", active)
        assert active not in await asyncio.to_thread(_listed, tmp_path)

    _serve(tmp_path, journey)


def test_refusals(tmp_path: Path) -> None:
    """A key that signs is not removed, and an unknown key or realm is named."""

    async def started(_rooms: Rooms) -> None:
        return

    _serve(tmp_path, started)
    (active,) = [kid for kid, state in _listed(tmp_path).items() if state == "active"]
    with pytest.raises(ConflictError):
        _run(tmp_path, "remove", active)
    with pytest.raises(NotFoundError):
        _run(tmp_path, "disable", "nothing")
    with pytest.raises(NotFoundError):
        _run(tmp_path, "list", "--realm", "nowhere")
