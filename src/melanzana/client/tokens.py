"""Access tokens by the client credentials grant (RFC 6749 section 4.4): asked for once, renewed in time, never written down.

`rest.py` asks for a token before each request and tells when the server refused one.
"""

import asyncio
from typing import Protocol

import httpx

from melanzana.client.problems import oauth_error_of
from melanzana.clock import Clock, SystemClock
from melanzana.errors import UnavailableError

#: A token is renewed when this part of its life is over.
RENEW_PART = 0.8
_DEFAULT_SECONDS = 60.0


class TokenSource(Protocol):
    """Where access tokens come from."""

    async def token(self, http: httpx.AsyncClient) -> str:
        """A token that should be good now."""
        ...

    def reject(self, token: str) -> None:
        """The server did not take this token: do not give it again."""
        ...


class ClientCredentials:
    """Tokens for one API client."""

    def __init__(self, token_url: str, client_id: str, client_secret: str, clock: Clock | None = None) -> None:
        self._token_url, self._client_id, self._secret = token_url, client_id, client_secret
        self._clock = clock or SystemClock()
        self._asking = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    def __repr__(self) -> str:
        return f"ClientCredentials(token_url={self._token_url!r}, client_id={self._client_id!r})"

    async def token(self, http: httpx.AsyncClient) -> str:
        """Raises OAuthError when the credentials are refused, UnavailableError when the endpoint does not answer."""
        async with self._asking:
            if not self._token or self._clock.monotonic() >= self._renew_at:
                await self._ask(http)
            return self._token

    def reject(self, token: str) -> None:
        if token == self._token:
            self._token = ""

    async def _ask(self, http: httpx.AsyncClient) -> None:
        asked = self._clock.monotonic()
        form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._secret}
        try:
            response = await http.post(self._token_url, data=form, headers={"Accept": "application/json"})
        except httpx.TransportError as error:
            raise UnavailableError(
                f"the token endpoint {self._token_url} does not answer: {error or type(error).__name__}"
            ) from None
        if response.status_code != 200:
            raise oauth_error_of(response)
        self._keep(response, asked)

    def _keep(self, response: httpx.Response, asked: float) -> None:
        try:
            body = response.json()
            self._token = str(body["access_token"])
            seconds = float(body.get("expires_in", _DEFAULT_SECONDS))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise UnavailableError(f"the token endpoint {self._token_url} gave no access token") from None
        self._renew_at = asked + RENEW_PART * seconds
