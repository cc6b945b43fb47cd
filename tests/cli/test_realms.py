"""`melanzana realms` works on a data folder with or without a server on it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.realms import app
from melanzana.clock import SystemClock
from melanzana.errors import ConflictError, NotFoundError, RequestError, SettingsError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from support_auth import open_rooms

Realms = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder on which a server has run."""

    async def start() -> None:
        database = SqliteDatabase.open(tmp_path / "data" / "melanzana.db")
        await migrate(database)
        await open_rooms(database, SystemClock(), MasterKey.load(tmp_path / "data" / "secrets"))
        await database.close()

    asyncio.run(start())
    return tmp_path / "data"


@pytest.fixture
def realms(data: Path) -> Realms:
    """Runs `melanzana realms …` on the data folder; its errors are raised."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)

    return run


def test_life_of_a_realm(realms: Realms) -> None:
    """Made, listed, disabled, enabled; a second one of the name and a bad name are refused."""
    assert realms("create", "team-a").stdout == "made the realm team-a\n"
    realms("disable", "team-a")
    listed = [line.split()[:2] for line in realms("list").stdout.splitlines()[1:]]
    assert listed == [["eggplant", "enabled"], ["team-a", "disabled"]]
    realms("enable", "team-a")
    assert "state: enabled" in realms("show", "team-a").stdout
    with pytest.raises(ConflictError):
        realms("create", "team-a")
    with pytest.raises(RequestError):
        realms("create", "team/a")
    with pytest.raises(ConflictError):
        realms("disable", "eggplant")
    with pytest.raises(NotFoundError):
        realms("show", "nowhere")


def test_settings(realms: Realms) -> None:
    """What is set is shown; the address is the one that the server told of itself."""
    realms("set", "eggplant", "--token-type", "at+jwt", "--algorithm", "ES256", "--token-seconds", "60")
    shown = realms("show", "eggplant").stdout.splitlines()
    assert {"token_type: at+jwt", "algorithm: ES256", "token_seconds: 60", "not_before: never"} < set(shown)
    assert "token_url: https://tests.example.org/auth/realms/eggplant/protocol/openid-connect/token" in shown
    with pytest.raises(RequestError):
        realms("set", "eggplant", "--algorithm", "none")
    with pytest.raises(SettingsError, match="name what to set"):
        realms("set", "eggplant")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("0", "never"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("1772366400", "2026-03-01T12:00:00+00:00"),
    ],
)
def test_not_before(given: str, shown: str, realms: Realms) -> None:
    """An instant, seconds since 1970, or 0 to take it back."""
    realms("set", "eggplant", "--not-before", "now")
    realms("set", "eggplant", "--not-before", given)
    assert f"not_before: {shown}" in realms("show", "eggplant").stdout


def test_not_before_that_is_no_instant(realms: Realms) -> None:
    """Anything else is refused with the forms there are."""
    with pytest.raises(SettingsError, match="now, 0, and an instant"):
        realms("set", "eggplant", "--not-before", "yesterday")


def test_folder_without_a_database(tmp_path: Path) -> None:
    """A wrong --data makes no new database."""
    with pytest.raises(SettingsError, match="there is no database"):
        CliRunner().invoke(app, ["list", "--data", str(tmp_path / "other")], catch_exceptions=False)
    assert not (tmp_path / "other").exists()
