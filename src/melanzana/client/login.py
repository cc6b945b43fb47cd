"""A person logs in from the command line: the code flow over a loopback port (RFC 8252), and the file that keeps its tokens.

`cli/login.py` calls `log_in` and `log_out`; `SavedLogin` hands access tokens to `client/http.py` and renews them. The file is
`melanzana/login.json` in the user's configuration folder, readable by its owner only. A refresh token is good once, so whoever
renews holds a lock on the file: two commands at once must not look like a thief.
"""

import asyncio
import json
import os
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from secrets import token_hex, token_urlsafe
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx

from melanzana.client.problems import oauth_error_of
from melanzana.clock import Clock, SystemClock
from melanzana.errors import AuthError, LoginRefusedError, OAuthError, SettingsError, UnavailableError

CLIENT_ID = "melanzana-cli"
DEFAULT_REALM = "eggplant"
#: How long a person may take to log in, in seconds.
PATIENCE_SECONDS = 300.0
#: An access token is renewed when it has less than this left, in seconds.
RENEW_BEFORE_SECONDS = 30.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Melanzana</title>"
    "<h1>{title}</h1><p>{text} You can close this window and go back to the terminal.</p></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What is kept of one login."""

    server: str
    realm: str
    issuer: str
    token_url: str
    username: str
    name: str
    access_token: str = field(repr=False)
    expires_at_seconds: float  #: since 1970, of the access token
    refresh_token: str = field(repr=False)


class LoginFile:
    """`login.json`: one login at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_user(cls) -> "LoginFile":
        """In `$XDG_CONFIG_HOME`, else `~/.config`."""
        folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return cls(Path(folder) / "melanzana" / "login.json")

    def read(self) -> Login | None:
        """Errors: SettingsError when the file is there and cannot be read."""
        try:
            return Login(**json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "it is damaged"
            raise SettingsError(f"{self.path} cannot be read: {reason}; remove it and log in again") from None

    def write(self, login: Login) -> None:
        """Replace the file in one step; it is never readable by others, not for a moment. Errors: SettingsError."""
        draft = self.path.with_name(f".{token_hex(8)}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(login), file)
            draft.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}") from None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else renews the login meanwhile. Where the system has no such locks, nothing is held."""
        try:
            import fcntl  # noqa: PLC0415 - not on every system
        except ImportError:
            yield
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class SavedLogin:
    """Access tokens of the person who logged in: a token source for `client/http.py`."""

    def __init__(self, file: LoginFile, clock: Clock | None = None) -> None:
        self._file = file
        self._clock = clock or SystemClock()
        self._rejected = ""

    async def token(self, http: httpx.AsyncClient) -> str:
        """A token that should be good now. Errors: AuthError when nobody is logged in or the login is over; UnavailableError."""
        login = self._known()
        if not self._is_good(login):
            with await asyncio.to_thread(self._enter_lock):
                login = self._known()  # another command may have renewed it
                if not self._is_good(login):
                    login = await self._renewed(http, login)
        return login.access_token

    def reject(self, token: str) -> None:
        self._rejected = token

    def _enter_lock(self) -> "_Held":
        held = self._file.locked()
        held.__enter__()
        return _Held(held)

    def _known(self) -> Login:
        login = self._file.read()
        if login is None:
            raise AuthError("nobody is logged in; run: melanzana login --server URL")
        return login

    def _is_good(self, login: Login) -> bool:
        left = login.expires_at_seconds - self._clock.now().timestamp()
        return left > RENEW_BEFORE_SECONDS and login.access_token != self._rejected

    async def _renewed(self, http: httpx.AsyncClient, login: Login) -> Login:
        form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": login.refresh_token}
        try:
            body = await _post(http, login.token_url, form)
        except OAuthError as error:
            if error.error != "invalid_grant":
                raise
            self._file.remove()
            raise AuthError(f"your login at {login.server} is over; run: melanzana login --server {login.server}") from None
        renewed = Login(**{**asdict(login), **_tokens(body, self._clock)})
        self._file.write(renewed)
        return renewed


class _Held:
    """A lock that was taken in a thread and is let go here."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._manager.__exit__(None, None, None)


async def log_in(server: str, realm: str, show: Callable[[str], None], clock: Clock | None = None) -> Login:
    """Let a person log in with their browser and wait for it. `show`: gets the address to open.

    Errors: LoginRefusedError when they did not; UnavailableError when the server does not answer; OAuthError; SettingsError.
    """
    clock = clock or SystemClock()
    async with http_client(server) as http:
        found = await _discover(http, server, realm)
        verifier, state = token_urlsafe(48), token_urlsafe(24)
        with _Callback(state) as callback:
            show(_address(found, callback.redirect_uri, verifier, state))
            answer = await asyncio.to_thread(callback.wait, PATIENCE_SECONDS)
        code = _code(answer, str(found["issuer"]))
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": code}
        body = await _post(
            http, found["token_endpoint"], {**form, "redirect_uri": callback.redirect_uri, "code_verifier": verifier}
        )
        person = await _person(http, found, str(body.get("access_token")))
    return Login(
        server=server.rstrip("/"),
        realm=realm,
        issuer=str(found["issuer"]),
        token_url=str(found["token_endpoint"]),
        username=str(person.get("preferred_username", "")),
        name=str(person.get("name") or person.get("preferred_username", "")),
        **_tokens(body, clock),
    )


async def log_out(login: Login) -> bool:
    """End the login on the server, if it is not over already; False when the server refuses. Errors: UnavailableError."""
    form = {"client_id": CLIENT_ID, "refresh_token": login.refresh_token}
    async with http_client(login.server) as http:
        try:
            answer = await http.post(f"{login.issuer}/protocol/openid-connect/logout", data=form)
        except httpx.TransportError as error:
            raise UnavailableError(f"{login.server} does not answer: {error or type(error).__name__}") from None
    if answer.status_code >= 500:
        raise UnavailableError(f"{login.server} answered {answer.status_code}")
    return answer.is_success


async def who_am_i(file: LoginFile, clock: Clock | None = None) -> Mapping[str, Any]:
    """What the server says of the person who is logged in. Errors: AuthError; UnavailableError."""
    source, login = SavedLogin(file, clock), file.read()
    if login is None:
        raise AuthError("nobody is logged in; run: melanzana login --server URL")
    async with http_client(login.server) as http:
        for _attempt in range(2):
            token = await source.token(http)
            answer = await _ask_person(http, f"{login.issuer}/protocol/openid-connect/userinfo", token)
            if answer.status_code != 401:
                break
            source.reject(token)
    if answer.status_code != 200:
        raise UnavailableError(f"{login.server} answered {answer.status_code}")
    return {"server": login.server, "realm": login.realm, **answer.json()}


def http_client(server: str) -> httpx.AsyncClient:
    """Errors: SettingsError when this is no address of a server."""
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{server!r} is no server address; write it like http://localhost:8000")
    return httpx.AsyncClient(timeout=30.0, trust_env=parts.hostname not in _LOOPBACK, headers={"Accept": "application/json"})


class _Callback:
    """Waits on a free loopback port for the browser to bring the answer."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._answer: dict[str, str] = {}
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"

    def wait(self, seconds: float) -> dict[str, str]:
        """The answer's parameters. Errors: LoginRefusedError when none came in time."""
        deadline = monotonic() + seconds
        while not self._answer:
            self._server.timeout = min(1.0, deadline - monotonic())
            if self._server.timeout <= 0:
                raise LoginRefusedError(f"nobody logged in within {seconds:g} seconds; run the command again")
            self._server.handle_request()
        return self._answer

    def __enter__(self) -> "_Callback":
        return self

    def __exit__(self, *_: object) -> None:
        threading.Thread(target=self._server.server_close, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        callback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5.0  # a browser that only connects holds nobody up

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                answer = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path != "/callback" or answer.get("state") != callback._state:
                    self._say(404, "Nothing here", "This address waits for the answer of one login only.")
                    return
                callback._answer = answer
                ok = "code" in answer
                self._say(200, "Logged in" if ok else "Not logged in", "The command goes on." if ok else "The login was refused.")

            def _say(self, status: int, title: str, text: str) -> None:
                body = _PAGE.format(title=title, text=text).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """The request line has the code in it: it is written nowhere."""

        return Handler


async def _discover(http: httpx.AsyncClient, server: str, realm: str) -> dict[str, Any]:
    address = f"{server.rstrip('/')}/auth/realms/{quote(realm, safe='')}/.well-known/openid-configuration"
    try:
        answer = await http.get(address)
        body = answer.json() if answer.status_code == 200 else {}
    except (httpx.TransportError, ValueError) as error:
        raise UnavailableError(f"{server} does not answer: {error or type(error).__name__}") from None
    if answer.status_code == 404:
        raise SettingsError(f"{server} has no realm {realm!r}; name another with --realm")
    if not {"issuer", "authorization_endpoint", "token_endpoint"} <= body.keys():
        raise UnavailableError(f"{address} answered {answer.status_code} and names no login")
    return dict(body)


def _address(found: Mapping[str, Any], redirect_uri: str, verifier: str, state: str) -> str:
    parameters = {
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid profile email",
        "state": state,
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{found['authorization_endpoint']}?{urlencode(parameters)}"


def _code(answer: Mapping[str, str], issuer: str) -> str:
    """The code that the right server sent. Errors: LoginRefusedError."""
    if answer.get("iss", issuer) != issuer:
        raise LoginRefusedError("the answer came from another server than the one asked; nothing was kept")
    if "code" not in answer:
        why = answer.get("error_description") or answer.get("error") or "no reason was given"
        raise LoginRefusedError(f"the login was refused: {why}")
    return answer["code"]


async def _post(http: httpx.AsyncClient, url: str, form: Mapping[str, str]) -> dict[str, Any]:
    try:
        answer = await http.post(url, data=dict(form))
        if answer.status_code == 200:
            return dict(answer.json())
    except (httpx.TransportError, ValueError) as error:
        raise UnavailableError(f"the token endpoint {url} does not answer: {error or type(error).__name__}") from None
    raise oauth_error_of(answer)


async def _person(http: httpx.AsyncClient, found: Mapping[str, Any], token: str) -> dict[str, Any]:
    answer = await _ask_person(http, f"{found['issuer']}/protocol/openid-connect/userinfo", token)
    return dict(answer.json()) if answer.status_code == 200 else {}


async def _ask_person(http: httpx.AsyncClient, url: str, token: str) -> httpx.Response:
    try:
        return await http.get(url, headers={"Authorization": f"Bearer {token}"})
    except httpx.TransportError as error:
        raise UnavailableError(f"{url} does not answer: {error or type(error).__name__}") from None


def _tokens(body: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Errors: UnavailableError when the answer has no tokens."""
    try:
        return {
            "access_token": str(body["access_token"]),
            "refresh_token": str(body["refresh_token"]),
            "expires_at_seconds": clock.now().timestamp() + float(body["expires_in"]),
        }
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("the token endpoint gave no tokens") from None
