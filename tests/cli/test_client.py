"""`melanzana client` works on a data folder with or without a server on it."""

import asyncio
import csv
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from melanzana.cli.client import app, formula_safe
from melanzana.clients.records import CreatedClient, Credentials
from melanzana.clock import SystemClock
from melanzana.errors import InvalidTokenError, NotFoundError, OAuthError, RequestError, SettingsError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from support_auth import open_rooms

Client = Callable[..., Result]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The commands silence the log of their process, which here is the test's."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(data: Path) -> Client:
    """Runs `melanzana client …` on the data folder; its errors are raised."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)

    return run


def _read(file: Path) -> CreatedClient:
    (row,) = csv.DictReader(file.read_text("utf-8").splitlines())
    return CreatedClient(client_id=row["client_id"], client_secret=row["client_secret"], token_url=row["token_url"], name="")


def test_credentials_in_a_file(client: Client, tmp_path: Path) -> None:
    """The CSV has one header line and one row, only its owner may read it, and the secret is printed nowhere else."""
    file = tmp_path / "ci.csv"
    result = client("create", "--name", "ci", "--csv", str(file))
    lines = file.read_text("utf-8").splitlines()
    assert lines[0] == "client_id,client_secret,token_url"
    assert len(lines) == 2
    created = _read(file)
    assert created.client_id.startswith("client:dai:api:integration:")
    assert created.token_url == "http://localhost:8000/auth/realms/eggplant/protocol/openid-connect/token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert created.client_secret not in result.output


def test_credentials_on_the_terminal(client: Client) -> None:
    """Without a file the three values are printed, one a line."""
    lines = client("create", "--name", "ci").stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["client_id", "client_secret", "token_url"]


def test_no_file_is_overwritten(client: Client, data: Path, tmp_path: Path) -> None:
    """An existing file is left as it is, and no client is made."""
    file = tmp_path / "ci.csv"
    file.write_text("precious")
    with pytest.raises(SettingsError, match="exists"):
        client("create", "--name", "ci", "--csv", str(file))
    assert file.read_text() == "precious"
    assert not data.exists()


def test_failed_create_leaves_no_file(client: Client, tmp_path: Path) -> None:
    """When no client comes of it, no empty file stays."""
    file = tmp_path / "ci.csv"
    for arguments, error in ((("--name", " "), RequestError), (("--name", "ci", "--realm", "nowhere"), NotFoundError)):
        with pytest.raises(error):
            client("create", *arguments, "--csv", str(file))
        assert not file.exists()


def test_list_shows_names_and_states_but_no_secret(client: Client, tmp_path: Path) -> None:
    """The list has every client with its whole id and its state."""
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    client("create", "--name", "[red]nightly[/]", "--csv", str(first))
    client("create", "--name", "smoke", "--csv", str(second))
    client("revoke", _read(first).client_id)
    shown = client("list").stdout
    lines = shown.splitlines()
    assert _read(first).client_id in lines[1]
    assert "[red]nightly[/]" in lines[1]
    assert "revoked 20" in lines[1]
    assert _read(second).client_id in lines[2]
    assert "active" in lines[2]
    assert _read(second).client_secret not in shown


@pytest.mark.parametrize("command", [["list"], ["revoke", "x"], ["regenerate", "x"]])
def test_mistyped_folder(client: Client, data: Path, command: list[str]) -> None:
    """Commands that need an existing database say that there is none, and make none."""
    with pytest.raises(SettingsError, match="--data"):
        client(*command)
    assert not data.exists()


@pytest.mark.parametrize("command", ["revoke", "regenerate"])
def test_unknown_client(client: Client, command: str) -> None:
    """A client id that does not exist is named in the error."""
    client("create", "--name", "ci")
    with pytest.raises(NotFoundError, match="client:dai:none"):
        client(command, "client:dai:none")


@pytest.mark.anyio
async def test_beside_a_running_server(data: Path, tmp_path: Path) -> None:
    """Beside a running server, a client made, renewed or revoked on the command line counts at the server's next request."""
    database = SqliteDatabase.open(data / "melanzana.db")
    await migrate(database)
    master = MasterKey.load(data / "secrets")
    service = (await open_rooms(database, SystemClock(), master, "https://tests.example.org:8443")).service

    async def run(*arguments: str) -> None:
        line = [*arguments, "--data", str(data)]
        await asyncio.to_thread(lambda: CliRunner().invoke(app, line, catch_exceptions=False))

    async def token(created: CreatedClient) -> str:
        credentials = Credentials(client_id=created.client_id, client_secret=created.client_secret)
        return (await service.grant_client_credentials("eggplant", credentials, None, "192.0.2.1")).access_token

    await run("create", "--name", "ci", "--csv", str(tmp_path / "1.csv"))
    first = _read(tmp_path / "1.csv")
    assert first.token_url.startswith("https://tests.example.org:8443/auth/")
    old = await token(first)
    await service.verify_token(old)
    await run("regenerate", first.client_id, "--csv", str(tmp_path / "2.csv"))
    second = _read(tmp_path / "2.csv")
    with pytest.raises(InvalidTokenError):
        await service.verify_token(old)
    with pytest.raises(OAuthError):
        await token(first)
    new = await token(second)
    await service.verify_token(new)
    await run("revoke", first.client_id)
    with pytest.raises(InvalidTokenError):
        await service.verify_token(new)
    with pytest.raises(OAuthError):
        await token(second)
    await database.close()


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    """No cell starts with a character that a spreadsheet takes for a formula, and no other cell is changed."""
    cell = formula_safe(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert cell.removeprefix("'") == text or cell == text


def test_database_is_private(client: Client, data: Path) -> None:
    """Nobody but the owner may read the database."""
    client("create", "--name", "ci")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.iterdir() if file.is_file()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert [file.name for file in (data / "secrets").iterdir()] == ["master.key"]
