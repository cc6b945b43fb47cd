"""Sends one request with a token, and again where that is safe.

Again: once with a new token after 401; after 503 and 429, because nothing was changed; when no connection could be made; and when
the connection broke later, only if the request may be carried out twice. Every failure ends as one of our exceptions.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from melanzana.client.problems import error_of
from melanzana.client.tokens import TokenSource
from melanzana.errors import InvalidTokenError, SettingsError, UnavailableError
from melanzana.version import __version__

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_REPEATABLE = {"GET", "HEAD", "PUT", "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how fast to ask again."""

    attempts: int = 5  #: in all; 1 = never again
    first_seconds: float = 0.5  #: the first pause; doubles
    most_seconds: float = 30.0  #: the longest pause, also when the server asks for a longer one
    timeout_seconds: float = 30.0  #: for one answer
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random  #: 0 ≤ value < 1

    def pause(self, attempt: int, asked_for: float | None) -> float:
        """Seconds before attempt number `attempt` + 1."""
        if asked_for is not None:
            return min(asked_for, self.most_seconds)
        return min(self.first_seconds * 2.0 ** (attempt - 1), self.most_seconds) * (0.5 + 0.5 * self.jitter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    query: Mapping[str, str | int] | None = None
    headers: Mapping[str, str] | None = None
    timeout_seconds: float | None = None
    repeatable: bool | None = None  #: may it be carried out twice? None: as its method says


class Connection:
    """Requests to one server on behalf of one client."""

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        transport: httpx.AsyncBaseTransport | None = None,
        patience: Patience | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`trust`: which certificates are believed; None: those of the system."""
        self._tokens = tokens
        self._patience = patience or Patience()
        host = _host(base_url)
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            transport=transport,
            verify=True if trust is None else trust,
            timeout=self._patience.timeout_seconds,
            headers={"User-Agent": f"melanzana/{__version__}"},
            trust_env=host not in _LOOPBACK,  # a proxy has no business between two programs on one machine
        )

    @property
    def patience(self) -> Patience:
        """How often and how fast to ask again."""
        return self._patience

    async def send(self, call: Call) -> httpx.Response:
        """The answer, when it is a success. Raises what the server raised, or UnavailableError."""
        attempt = 1
        while True:
            try:
                return await self._with_token(call)
            except UnavailableError as error:
                if attempt >= self._patience.attempts or not error.detail.get("again"):
                    raise
                await self._patience.sleep(self._patience.pause(attempt, error.detail.get("retry_after")))
                attempt += 1

    @contextlib.asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """The answer while it comes. One try, and a second with a new token after 401; who reads goes on after a broken stream.

        Raises what the server raised, or UnavailableError, also when the stream breaks while it is read.
        """
        try:
            async with await self._opened(call) as response:
                yield response
        except httpx.TransportError as error:
            raise UnavailableError(f"{self._http.base_url} does not answer: {error or type(error).__name__}") from None

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _with_token(self, call: Call) -> httpx.Response:
        try:
            return await self._once(call)
        except InvalidTokenError:
            return await self._once(call)  # the first one was rejected, so this is a new token

    async def _once(self, call: Call) -> httpx.Response:
        token = await self._token()
        response = await self._exchange(call, token)
        if response.is_success:
            return response
        if response.status_code == 401:
            self._tokens.reject(token)
        error = error_of(response)
        if isinstance(error, UnavailableError):
            error.detail["again"] = response.status_code in {429, 503} or _repeatable(call)
        raise error

    async def _opened(self, call: Call) -> contextlib.AbstractAsyncContextManager[httpx.Response]:
        refused: Exception | None = None
        for _ in range(2):
            token = await self._token()
            headers = {"Accept": "text/event-stream", **(call.headers or {}), "Authorization": f"Bearer {token}"}
            request = self._http.build_request(call.method, call.path, params=call.query, headers=headers)
            response = await self._http.send(request, stream=True)
            if response.is_success:
                return contextlib.aclosing(response)
            await response.aread()
            refused = error_of(response)
            if response.status_code != 401:
                break
            self._tokens.reject(token)
        assert refused is not None
        raise refused

    async def _token(self) -> str:
        try:
            return await self._tokens.token(self._http)
        except UnavailableError as error:
            error.detail["again"] = True
            raise

    async def _exchange(self, call: Call, token: str) -> httpx.Response:
        headers = {"Accept": "application/json", **(call.headers or {}), "Authorization": f"Bearer {token}"}
        try:
            return await self._http.request(
                call.method,
                call.path,
                json=call.json,
                content=call.content,
                params=call.query,
                headers=headers,
                timeout=call.timeout_seconds or self._patience.timeout_seconds,
            )
        except httpx.TransportError as error:
            again = isinstance(error, _NEVER_SENT) or _repeatable(call)
            message = f"{self._http.base_url} does not answer: {error or type(error).__name__}"
            raise UnavailableError(message, again=again) from None


def _repeatable(call: Call) -> bool:
    return call.method in _REPEATABLE if call.repeatable is None else call.repeatable


def _host(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{base_url!r} is no server address; write it like http://localhost:8000", field="base_url")
    return parts.hostname
