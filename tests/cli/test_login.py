"""`melanzana login`, `logout` and `whoami` against a real server, with a browser made of httpx; the file that keeps the login."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from melanzana.access.permissions import Role
from melanzana.cli.main import app, exit_code
from melanzana.client.login import Login, LoginFile, SavedLogin, log_in, log_out, who_am_i
from melanzana.client.rest import RestClient
from melanzana.errors import AuthError, LoginRefusedError, SettingsError, UnavailableError
from melanzana.server.services import Services
from melanzana.users.records import NewUser
from melanzana.users.rules import operator
from support_browser import serving
from support_people_login import OPERATOR, PASSWORD, form_of

pytestmark = pytest.mark.anyio


@dataclass
class Site:
    services: Services
    url: str

    async def browse(self, address: str, *, then: str = "log in") -> httpx.Response:
        """What a person does with the address that the command shows; the last answer, from the command's own port."""
        async with httpx.AsyncClient(timeout=20) as browser:
            page = await browser.get(address)
            action, hidden = form_of(page)
            sent = await browser.post(f"{self.url}{action}", data={**hidden, "username": "ada", "password": PASSWORD})
            assert sent.status_code == 303, sent.text
            target = sent.headers["location"]
            if then == "forge":
                target = target.replace("state=", "state=forged")
            if then == "other issuer":
                target = target.partition("&iss=")[0] + "&iss=https://evil.example.org"
            return await browser.get(target)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server on a real port with the user ada."""
    async with serving(tmp_path / "data") as (services, url):
        new = NewUser(username="ada", name="Ada", role=Role.USER, password=PASSWORD)
        await services.users.accounts.create("eggplant", new, operator(OPERATOR))
        yield Site(services, url)


async def _logged_in(site: Site, then: str = "log in") -> tuple[Login, httpx.Response]:
    tasks: list[asyncio.Task[httpx.Response]] = []
    login = await log_in(site.url, "eggplant", lambda address: tasks.append(asyncio.create_task(site.browse(address, then=then))))
    return login, await tasks[0]


async def test_log_in_call_and_log_out(site: Site, tmp_path: Path) -> None:
    """After the login a client calls the API as that person; after the logout the tokens are worth nothing."""
    login, page = await _logged_in(site)
    assert (login.username, login.name, login.server) == ("ada", "Ada", site.url)
    assert (page.status_code, "Logged in" in page.text) == (200, True)
    file = LoginFile(tmp_path / "config" / "login.json")
    file.write(login)
    assert (await who_am_i(file))["preferred_username"] == "ada"
    async with RestClient(site.url, SavedLogin(file)) as client:
        assert await client.models() == []
    assert await log_out(login)
    assert await log_out(login), "a logout that came already does no harm"
    with pytest.raises(AuthError, match="is over; run: melanzana login"):
        await who_am_i(file)
    assert file.read() is None


async def test_renewal_is_shared(site: Site, tmp_path: Path) -> None:
    """Several commands that find an old access token renew it once, so none looks like a thief."""
    login, _ = await _logged_in(site)
    file = LoginFile(tmp_path / "login.json")
    file.write(Login(**{**json.loads(_text(login)), "expires_at_seconds": 0.0}))
    sources = [SavedLogin(file) for _ in range(5)]
    async with httpx.AsyncClient() as http:
        tokens = await asyncio.gather(*(source.token(http) for source in sources))
    assert len(set(tokens)) == 1
    assert tokens[0] != login.access_token
    assert (await who_am_i(file))["preferred_username"] == "ada"


def _text(login: Login) -> str:
    from dataclasses import asdict

    return json.dumps(asdict(login))


async def test_answer_from_elsewhere(site: Site) -> None:
    """An answer with another state is not taken for the answer, and one that names another issuer ends the login."""
    with pytest.raises(LoginRefusedError, match="another server"):
        await _logged_in(site, then="other issuer")


async def test_forged_answer_is_not_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong state gets a 404 and the command goes on waiting, here until its patience ends."""
    monkeypatch.setattr("melanzana.client.login.PATIENCE_SECONDS", 2.0)
    with pytest.raises(LoginRefusedError, match="nobody logged in within 2 seconds"):
        await _logged_in(site, then="forge")


async def test_wrong_server_or_realm(site: Site) -> None:
    """An address that is no server, a server that is not there, and an unknown realm each say so."""
    with pytest.raises(SettingsError, match="is no server address"):
        await log_in("localhost:8000", "eggplant", print)
    with pytest.raises(UnavailableError, match="does not answer"):
        await log_in("http://127.0.0.1:1", "eggplant", print)
    with pytest.raises(SettingsError, match="--realm"):
        await log_in(site.url, "nowhere", print)


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file is written with mode 0600 in one step, shows no token in its text form, and a damaged one is named."""
    file = LoginFile(tmp_path / "melanzana" / "login.json")
    assert file.read() is None
    login = Login(
        server="http://localhost:8000",
        realm="eggplant",
        issuer="http://localhost:8000/auth/realms/eggplant",
        token_url="http://localhost:8000/token",
        username="ada",
        name="Ada",
        access_token="secret-access",
        expires_at_seconds=1.0,
        refresh_token="secret-refresh",
    )
    file.write(login)
    file.write(login)
    assert file.read() == login
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.path.parent.iterdir()] == ["login.json"]
    assert "secret" not in repr(login)
    file.path.write_text("{}")
    with pytest.raises(SettingsError, match="damaged"):
        file.read()


def test_nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """whoami fails with the command that helps, logout has nothing to do."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(AuthError, match="melanzana login") as caught:
        CliRunner().invoke(app, ["whoami"], catch_exceptions=False)
    assert exit_code(caught.value) == 3
    assert CliRunner().invoke(app, ["logout"], catch_exceptions=False).stdout == "nobody is logged in\n"


@pytest.mark.slow
async def test_the_commands(site: Site, tmp_path: Path) -> None:
    """The three commands as processes: the address on stdout, the login kept, whoami, logout; no token is printed."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}

    async def run(*arguments: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "melanzana.cli.main", *arguments]
        return await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    login = await run("login", "--server", site.url, "--no-browser")
    assert login.stdout is not None
    address = (await login.stdout.readline()).decode().strip()
    assert address.startswith(f"{site.url}/auth/realms/eggplant/protocol/openid-connect/auth?client_id=melanzana-cli&")
    await site.browse(address)
    output, errors = await login.communicate()
    assert (login.returncode, output.decode()) == (0, f"logged in at {site.url} as Ada (realm eggplant)\n"), errors
    kept = json.loads((tmp_path / "config/melanzana/login.json").read_text())
    assert kept["access_token"] not in output.decode() + errors.decode()
    for command, words in (("whoami", f"ada at {site.url} (realm eggplant)\n"), ("logout", f"logged out of {site.url}\n")):
        process = await run(command)
        output, errors = await process.communicate()
        assert (process.returncode, output.decode()) == (0, words), errors
    process = await run("whoami")
    _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (3, "melanzana: nobody is logged in; run: melanzana login --server URL\n")
