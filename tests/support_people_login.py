"""A whole server in this process whose clock stands still, and browsers without a screen in front of its login pages."""

import atexit
import contextlib
import html
import re
import shutil
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from starlette.types import ASGIApp

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.server.app import create_app
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings
from melanzana.users.records import NewUser, User
from melanzana.users.rules import operator
from support_auth import StillClock

BASE_URL = "https://tests.example.org"
OPERATOR = Actor(kind="command_line", id="tests", name="tests")
REALM_PATH = "/auth/realms/eggplant"
AUTHORIZE = f"{REALM_PATH}/protocol/openid-connect/auth"
TOKEN = f"{REALM_PATH}/protocol/openid-connect/token"
ISSUER = BASE_URL + REALM_PATH
PASSWORD = "a long enough password 7"
VERIFIER = "v" * 43
CLI_REDIRECT = "http://127.0.0.1:4711/callback"


def challenge(verifier: str = VERIFIER) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def request_parameters(**changes: str | None) -> dict[str, str]:
    """A good authorization request of the command line; a change to None leaves the parameter out."""
    good: dict[str, str | None] = {
        "client_id": "melanzana-cli",
        "redirect_uri": CLI_REDIRECT,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


@dataclass
class LoginSite:
    """The server, and what tests do with it."""

    services: Services
    clock: StillClock

    @cached_property
    def app(self) -> ASGIApp:
        return create_app(self.services.settings, self.services)

    def browser(self, address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
        """Somebody's browser with its own cookies; it follows no redirect by itself."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"Accept": "text/html", **headers})

    async def person(self, username: str = "ada", role: Role = Role.ADMIN, realm: str = "eggplant") -> User:
        new = NewUser(username=username, name=username.title(), email=f"{username}@example.org", role=role, password=PASSWORD)
        return await self.services.users.accounts.create(realm, new, operator(OPERATOR))

    async def send_form(self, browser: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the form of a page and send it."""
        action, hidden = form_of(page)
        return await browser.post(action, data={**hidden, **fields})

    async def log_in(
        self, browser: httpx.AsyncClient, username: str = "ada", password: str = PASSWORD, **changes: Any
    ) -> httpx.Response:
        """The answer to the login form of this authorization request."""
        page = await browser.get(f"{AUTHORIZE}?{urlencode(request_parameters(**changes))}")
        assert page.status_code == 200, page.text
        return await self.send_form(browser, page, username=username, password=password)

    async def code(self, browser: httpx.AsyncClient | None = None, **changes: Any) -> str:
        """A code that the command line was given."""
        answer = await self.log_in(browser or self.browser(), **changes)
        return answered(answer)["code"]

    async def redeem(self, code: str, **changes: str | None) -> httpx.Response:
        good: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": "melanzana-cli",
            "code": code,
            "redirect_uri": CLI_REDIRECT,
            "code_verifier": VERIFIER,
        }
        form = {name: value for name, value in (good | changes).items() if value is not None}
        async with self.browser() as http:
            return await http.post(TOKEN, data=form)

    async def refresh(self, token: str, client_id: str = "melanzana-cli") -> httpx.Response:
        async with self.browser() as http:
            return await http.post(TOKEN, data={"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token})

    async def enter(self, browser: httpx.AsyncClient, username: str = "ada", onward: str = "/account") -> httpx.Response:
        """Log in to the pages by `/login`, to the redirect that leads to `onward`."""
        begun = await browser.get("/login", params={"next": onward})
        page = await browser.get(begun.headers["location"])
        sent = await self.send_form(browser, page, username=username, password=PASSWORD)
        assert sent.status_code == 303, sent.text
        return await browser.get(sent.headers["location"])

    async def api_status(self, token: str) -> int:
        """What the REST API answers to this access token."""
        async with self.browser() as http:
            return (await http.get("/ai/models", headers={"Authorization": f"Bearer {token}"})).status_code

    async def actions(self) -> list[tuple[str, str, dict[str, str]]]:
        """The audit trail, oldest first: action, outcome, detail."""
        records = [one.entry for one in await self.services.audit.records("eggplant")]
        return [(str(one.action), str(one.outcome), dict(one.detail)) for one in reversed(records)]


def form_of(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Address and hidden fields of the form in the page's main part."""
    main = page.text.partition("<main")[2]
    form = re.search(r'<form method="post" action="([^"]*)">(.*?)</form>', main, re.DOTALL)
    assert form is not None, page.text
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form.group(2))
    return html.unescape(form.group(1)), {name: html.unescape(value) for name, value in hidden}


def answered(response: httpx.Response) -> dict[str, str]:
    """The parameters that a redirect brings to the client."""
    assert response.status_code == 303, f"{response.status_code} {response.text}"
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def query_of(location: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(location).query)


@contextlib.asynccontextmanager
async def login_site(data: Path, base_url: str = BASE_URL) -> AsyncIterator[LoginSite]:
    """A server that has one person, the administrator ada. The data folder is a copy: making keys and tables takes seconds."""
    if not _made:
        _made.append(Path(tempfile.mkdtemp(prefix="melanzana-tests-")))
        atexit.register(shutil.rmtree, _made[0], ignore_errors=True)
        async with _opened(_made[0], BASE_URL) as first:
            await first.person()
    shutil.copytree(_made[0], data, dirs_exist_ok=True)
    async with _opened(data, base_url) as site:
        yield site


_made: list[Path] = []


@contextlib.asynccontextmanager
async def _opened(data: Path, base_url: str) -> AsyncIterator[LoginSite]:
    settings, clock = ServerSettings(data=data, public_url=base_url), StillClock()
    async with open_services(settings, clock) as services:
        yield LoginSite(services, clock)
