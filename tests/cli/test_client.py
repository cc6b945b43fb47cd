"""`melanzana client` works on a data folder with or without a server on it."""

import asyncio
import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from typer.testing import CliRunner, Result

from melanzana.cli.client import app
from melanzana.clients.records import CreatedClient, Credentials
from melanzana.clock import SystemClock
from melanzana.errors import ConflictError, InvalidTokenError, NotFoundError, OAuthError, RequestError, SettingsError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from support_auth import open_rooms

Client = Callable[..., Result]


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
    """The list has every client with its whole id and its state, in lines of 80 columns at most."""
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    client("create", "--name", "[red]nightly[/] " + "long " * 30, "--csv", str(first), "--scope", "models:read", "--expires", "90d")
    client("create", "--name", "smoke", "--csv", str(second))
    client("revoke", _read(first).client_id)
    shown = client("list").stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == [_read(first).client_id, "revoked"]
    assert lines[2].startswith("  [red]nightly[/] long")
    assert "models:read" in shown
    assert [line.split() for line in lines if _read(second).client_id in line] == [[_read(second).client_id, "active"]]
    assert "full rights · last token never · expires never" in lines[-1]
    assert _read(second).client_secret not in shown


def test_an_empty_list_says_what_to_do(client: Client, data: Path) -> None:
    """Without clients there is the command that makes one."""
    client("create", "--name", "ci", "--realm", "eggplant")
    (made,) = [line.split()[0] for line in client("list").stdout.splitlines() if line.startswith("client:")]
    assert made
    fresh = data.parent / "fresh"
    CliRunner().invoke(app, ["create", "--name", " ", "--data", str(fresh)])
    shown = CliRunner().invoke(app, ["list", "--data", str(fresh)], catch_exceptions=False).stdout
    assert "melanzana client create" in shown


def test_what_a_client_is_made_with_is_shown(client: Client, tmp_path: Path) -> None:
    """Scopes, expiry, addresses and key stand in `show`, with who made it and without any secret or digest."""
    key = ECKey.generate_key("P-256")
    pem, file = tmp_path / "key.pem", tmp_path / "ci.csv"
    pem.write_bytes(key.as_pem(private=False))
    options = ["--scope", "executions:start", "--scope", "executions:read", "--expires", "2099-01-31", "--allow", "192.0.2.7"]
    client("create", "--name", "gate", "--description", "release gate", "--public-key", str(pem), "--csv", str(file), *options)
    created = _read(file)
    shown = client("show", created.client_id).stdout
    assert dict(line.split(None, 1) for line in shown.splitlines() if not line.startswith((" ", "last"))) == {
        "client_id": created.client_id,
        "name": "gate",
        "description": "release gate",
        "state": "active",
        "rights": "executions:read executions:start",
        "proof": f"secret, key {key.thumbprint()}",
        "addresses": "192.0.2.7/32",
        "created": shown.split("created")[1].split("\n")[0].strip(),
        "expires": "2099-01-31 00:00",
    }
    assert "by command line (" in shown
    assert created.client_secret not in shown


def test_a_client_without_a_secret(client: Client, tmp_path: Path) -> None:
    """With a key and --no-secret the client has none, nothing of one is printed, and regenerating is refused."""
    jwk = tmp_path / "key.json"
    jwk.write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=False)))
    result = client("create", "--name", "by key", "--public-key", str(jwk), "--no-secret")
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert lines.keys() == {"client_id", "token_url"}
    assert "not shown again" not in result.stderr
    with pytest.raises(ConflictError, match="no secret"):
        client("regenerate", lines["client_id"])
    with pytest.raises(RequestError, match="needs a public key"):
        client("create", "--name", "neither", "--no-secret")


def test_a_change_sets_what_it_names(client: Client, tmp_path: Path) -> None:
    """Options that are left out leave the client as it is; limits can be taken away again."""
    file = tmp_path / "ci.csv"
    client("create", "--name", "ci", "--csv", str(file), "--scope", "models:read", "--allow", "192.0.2.0/24", "--expires", "1y")
    client_id = _read(file).client_id
    shown = client("change", client_id, "--name", "renamed").stdout
    assert "renamed" in shown
    assert "models:read" in shown
    assert "192.0.2.0/24" in shown
    freed = client("change", client_id, "--full-rights", "--allow-anywhere", "--expires", "never").stdout
    assert "full rights" in freed
    assert "addresses    any" in freed
    assert "expires      never" in freed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "nothing to change"),
        (["--scope", "models:read", "--full-rights"], "--scope and --full-rights"),
        (["--allow", "192.0.2.1", "--allow-anywhere"], "--allow and --allow-anywhere"),
        (["--expires", "soon"], "--expires soon"),
        (["--expires", "2027-13-01"], "--expires"),
        (["--public-key", "missing.pem"], "--public-key missing.pem"),
        (["--public-key", "x", "--no-public-key"], "contradict"),
    ],
)
def test_wrong_options_are_named(client: Client, options: list[str], says: str) -> None:
    """An option that cannot be read or contradicts another is named."""
    with pytest.raises(SettingsError, match=says):
        client("change", "client:x", *options)


def test_a_private_key_is_refused(client: Client, data: Path, tmp_path: Path) -> None:
    """The wrong half of a pair is not taken, and no client is made."""
    pem = tmp_path / "key.pem"
    pem.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    with pytest.raises(SettingsError, match="private key: keep it"):
        client("create", "--name", "by key", "--public-key", str(pem))
    assert not data.exists()


def test_grace_of_an_old_secret(client: Client, tmp_path: Path) -> None:
    """`--grace-seconds` is told in `show`; more than a day is refused."""
    client("create", "--name", "ci", "--csv", str(tmp_path / "1.csv"))
    client_id = _read(tmp_path / "1.csv").client_id
    client("regenerate", client_id, "--grace-seconds", "3600", "--csv", str(tmp_path / "2.csv"))
    assert "old secret   works until 20" in client("show", client_id).stdout
    with pytest.raises(RequestError, match="grace_seconds"):
        client("regenerate", client_id, "--grace-seconds", "86401")


@pytest.mark.parametrize("command", [["list"], ["show", "x"], ["change", "x", "--name", "y"], ["revoke", "x"], ["regenerate", "x"]])
def test_mistyped_folder(client: Client, data: Path, command: list[str]) -> None:
    """Commands that need an existing database say that there is none, and make none."""
    with pytest.raises(SettingsError, match="--data"):
        client(*command)
    assert not data.exists()


@pytest.mark.parametrize("command", [["show"], ["revoke"], ["regenerate"], ["change", "--name", "x"]])
def test_unknown_client(client: Client, command: list[str]) -> None:
    """A client id that does not exist, or is of another realm, is named in the error."""
    client("create", "--name", "ci")
    with pytest.raises(NotFoundError, match="client:dai:none"):
        client(*command, "client:dai:none")


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


def test_database_is_private(client: Client, data: Path) -> None:
    """Nobody but the owner may read the database."""
    client("create", "--name", "ci")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.iterdir() if file.is_file()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert [file.name for file in (data / "secrets").iterdir()] == ["master.key"]
