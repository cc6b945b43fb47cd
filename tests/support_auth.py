"""An authorization server in memory, a clock that stands still, and forged tokens."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from melanzana.access.records import Actor, PrincipalKind
from melanzana.audit.service import AuditService
from melanzana.auth import answers, api, believing
from melanzana.auth.service import AuthService
from melanzana.clients.records import CreatedClient
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import MelanzanaError
from melanzana.realms import store
from melanzana.realms.keys import new_signing_key
from melanzana.realms.master_key import MasterKey
from melanzana.realms.records import KeyState, Realm, SigningKey
from melanzana.realms.service import RealmService, RealmSettings
from melanzana.storage.database import Database, InlineDatabase
from melanzana.storage.migrations import migrate
from melanzana.users.records import UserSettings
from melanzana.users.service import UserService

BASE_URL = "https://tests.example.org"
REALM = f"{BASE_URL}/auth/realms/eggplant"
TOKEN_URL = f"{REALM}/protocol/openid-connect/token"
#: Who acts in tests.
SOMEBODY = Actor(kind="command_line", id="tests", name="tests")
MASTER = MasterKey(b"0123456789abcdef0123456789abcdef")


class StillClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self._monotonic = 1_000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_back(self, seconds: float) -> None:
        """Somebody sets the machine's clock; no time passes."""
        self._now -= timedelta(seconds=seconds)


@dataclass
class Auth:
    """An open authorization server with one API client."""

    realms: RealmService
    clients: ClientService
    users: UserService
    audit: AuditService
    service: AuthService
    database: Database
    clock: StillClock
    client: CreatedClient
    app: FastAPI

    def http(self, address: str = "192.0.2.1") -> httpx.AsyncClient:
        """A caller at that address."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=(address, 40_000)), base_url=BASE_URL)

    async def token(self, client: CreatedClient | None = None, scope: str | None = None) -> str:
        """An access token, got the way a client gets it."""
        async with self.http() as http:
            answer = await http.post(TOKEN_URL, data=form(client or self.client, scope=scope or ""))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    async def agent_client(self) -> CreatedClient:
        return await self.clients.create_client("eggplant", "an agent", actor=SOMEBODY, kind=PrincipalKind.AGENT, agent_id=7)


@dataclass
class Rooms:
    """The rooms behind the token endpoint, as the server composes them."""

    realms: RealmService
    clients: ClientService
    users: UserService
    audit: AuditService
    service: AuthService


async def open_rooms(
    database: Database, clock: Clock, master: MasterKey = MASTER, base_url: str = BASE_URL, realm: str = "eggplant"
) -> Rooms:
    """Another process on the same database would hold these."""
    audit = AuditService(database, clock)
    realms = RealmService(database, clock, master, audit, RealmSettings(base_url=base_url, realm=realm))
    await realms.start()
    clients = ClientService(database, clock, master, realms, audit)
    users = UserService(database, clock, audit, realms, UserSettings(base_url=base_url))
    service = AuthService(database, clock, believing.Rooms(realms=realms, clients=clients, users=users), audit)
    return Rooms(realms, clients, users, audit, service)


async def make_auth() -> Auth:
    """A fresh server; its app has the routes of the room and the room's own error answers."""
    database, clock = InlineDatabase.open(), StillClock()
    await migrate(database)
    realm = Realm(name="eggplant", enabled=True, base_url=None, created_at=clock.now())
    await database.write(lambda tx: store.add_realm(tx, realm, _signing_keys()))
    rooms = await open_rooms(database, clock)
    client = await rooms.clients.create_client("eggplant", "ci", "nightly runs", actor=SOMEBODY)
    return Auth(rooms.realms, rooms.clients, rooms.users, rooms.audit, rooms.service, database, clock, client, auth_app(rooms))


@cache
def _signing_keys() -> list[SigningKey]:
    """Made once for all tests: making an RSA key takes longer than most of them."""
    now = StillClock().now()
    return [new_signing_key("eggplant", MASTER, now, state=state) for state in (KeyState.ACTIVE, KeyState.NEXT)]


def auth_app(rooms: Rooms) -> FastAPI:
    app = FastAPI()
    app.include_router(api.router(rooms.service, rooms.realms))
    app.include_router(api.everything_else(rooms.service, rooms.realms))

    async def shaped(request: Request, error: Exception) -> Response:
        assert isinstance(error, MelanzanaError)
        return answers.shape(error)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answers.http_error(error.status_code, error.headers)

    app.add_exception_handler(MelanzanaError, shaped)
    app.add_exception_handler(HTTPException, http_error)
    return app


def form(client: CreatedClient, **more: str) -> dict[str, str]:
    """The form that asks for a token."""
    return {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        **more,
    }


def encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(private: RSAPrivateKey, header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes) -> str:
    """A token with exactly this header and payload and a good RS256 signature of `private`."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    content = ".".join(encode(part) for part in parts)
    return f"{content}.{encode(private.sign(content.encode(), PKCS1v15(), SHA256()))}"
