"""The verbs of the authorization server: grant tokens, believe tokens.

`api.py` (token endpoint) calls it, and the gate of every other route through `verify_token`. A token is verified without a look at
the database, and then its client is looked up, so that what ended the client ends the token at the next request.
"""

from dataclasses import replace

import structlog
from fastapi import Request

from melanzana.access.permissions import HABITUAL_SCOPES, SCOPES_OF, granted
from melanzana.access.records import Principal
from melanzana.auth import tokens
from melanzana.auth.records import Grant
from melanzana.clients.records import Client, Credentials
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import InvalidTokenError, OAuthError
from melanzana.realms.service import RealmService

#: As the product's; short, since nothing shortens a token that left its owner.
TOKEN_LIFETIME_SECONDS = 300
_log = structlog.get_logger("melanzana.auth")


class AuthService:
    """Tokens for clients, and clients for tokens."""

    def __init__(self, clock: Clock, realms: RealmService, clients: ClientService) -> None:
        self._clock = clock
        self._realms = realms
        self._clients = clients

    async def grant_client_credentials(self, realm: str, credentials: Credentials, scope: str | None, address: str) -> Grant:
        """The client credentials grant (RFC 6749 section 4.4). `address`: where the request came from.

        Errors: NotFoundError for an unknown realm; OAuthError for everything that is wrong with the request.
        """
        client = await self._clients.authenticate(realm, credentials, address)
        words = _allowed_scope(client, scope)
        key = await self._realms.signing_key(realm)
        now = self._clock.now()
        request = tokens.TokenRequest(
            client=client,
            issuer=self._realms.issuer(realm),
            scope=words,
            address=address,
            issued_at_seconds=int(now.timestamp()),
            lifetime_seconds=TOKEN_LIFETIME_SECONDS,
        )
        grant = tokens.issue(request, key)
        await self._clients.mark_used(client, now)
        _log.info("token granted", client_id=client.client_id, realm=realm, address=address, session=grant.session_state)
        return grant

    async def believe(self, request: Request, token: str) -> Principal:
        """What the gate asks: who made this request with this access token.

        Errors: as `verify_token`.
        """
        caller = await self.verify_token(token)
        return replace(caller, address=request.client.host if request.client else "")

    async def verify_token(self, token: str) -> Principal:
        """Who made a request with this access token.

        Errors: InvalidTokenError; UnavailableError when the database does not answer.
        """
        claims = tokens.read(token, self._realms.ring, self._realms.issuers, self._clock.now().timestamp())
        client = await self._clients.live_client(claims.realm, claims.client_id)
        if client is None or client.generation != claims.generation:
            raise InvalidTokenError("the access token is no longer valid: its client was revoked or got a new secret")
        return Principal(
            realm=client.realm,
            kind=client.kind,
            client_id=client.client_id,
            subject=client.subject,
            name=client.name,
            scopes=granted(client.kind, claims.scope),
            agent_id=client.agent_id,
        )


def _allowed_scope(client: Client, scope: str | None) -> str:
    """The scope of the token: as asked for, else every permission of the client.

    Errors: OAuthError `invalid_scope`; the answer does not repeat what was sent.
    """
    allowed = SCOPES_OF[client.kind]
    if scope is None:
        return " ".join(sorted(allowed))
    words = list(dict.fromkeys(scope.split(" ")))
    if not set(words) <= allowed | HABITUAL_SCOPES:
        raise OAuthError("invalid_scope", "Invalid scopes: at least one is unknown or not allowed for this client")
    return " ".join(words)
