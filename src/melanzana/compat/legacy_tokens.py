"""What the three old ways to a token have in common: a name and a secret go in, an ordinary access token of our own comes out.

A name that begins like a client id is one: usernames cannot hold a colon. So a script that logs in with a person's name and
password can be given the credentials of an API client instead, and nothing else of it has to change. All of them belong to the home
realm, since these addresses name none.
"""

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from melanzana.access.records import PrincipalKind
from melanzana.auth.password_tokens import PasswordCall, PasswordTokens
from melanzana.auth.records import TokenCall
from melanzana.auth.service import AuthService
from melanzana.auth.token_request import Parameters
from melanzana.clients.records import Credentials
from melanzana.errors import LoginRefusedError, OAuthError
from melanzana.users.service import UserService

_CLIENT_PREFIX = "client:"
#: For the OpenAPI document: a request for a token carries none.
NO_SECURITY: dict[str, Any] = {"security": []}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCall:
    """One request, in whichever dialect."""

    name: str  #: a username or a client id
    secret: str = field(repr=False)
    address: str  #: where the request came from
    path: str  #: of the dialect, which a person sees in the list of sessions
    lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyToken:
    """What a dialect spells in its own words."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    subject: str  #: uuid of the person, or the client's id


class LegacyTokens:
    """Grants to people and clients alike."""

    def __init__(self, auth: AuthService, passwords: PasswordTokens, users: UserService, realm: str) -> None:
        self._auth = auth
        self._passwords = passwords
        self._users = users
        self._realm = realm

    async def grant(self, call: LegacyCall) -> LegacyToken:
        """Errors: LoginRefusedError; OAuthError 429 after too many attempts; UnavailableError."""
        if call.name.startswith(_CLIENT_PREFIX):
            return await self.grant_to_client(call)
        grant, user = await self._passwords.grant(
            PasswordCall(
                realm=self._realm,
                username=call.name,
                password=call.secret,
                address=call.address,
                program=f"script over {call.path}",
                lifetime_seconds=call.lifetime_seconds,
            )
        )
        return LegacyToken(access_token=grant.access_token, expires_in_seconds=grant.expires_in_seconds, subject=user.id)

    async def grant_to_client(self, call: LegacyCall) -> LegacyToken:
        """The same, for a client only. Errors: as `grant`."""
        wanted = TokenCall(
            realm=self._realm,
            parameters=Parameters((("grant_type", "client_credentials"),)),
            credentials=Credentials(client_id=call.name, client_secret=call.secret),
            address=call.address,
            lifetime_seconds=call.lifetime_seconds,
        )
        try:
            grant = await self._auth.grant(wanted)
        except OAuthError as error:
            if error.status == 401:
                raise LoginRefusedError("wrong client id or secret") from None
            raise
        return LegacyToken(access_token=grant.access_token, expires_in_seconds=grant.expires_in_seconds, subject=call.name)

    async def end(self, request: Request) -> None:
        """End the token that the request carries, and the session behind a person's. Errors: InvalidTokenError."""
        ended = await self._auth.end_presented(request, self._realm)
        if ended.principal.kind is PrincipalKind.USER:
            await self._users.end_session(ended.claims.session_id, ended.principal.actor)
