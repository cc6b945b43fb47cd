"""The verbs of the authorization server: grant tokens, believe them, tell about them, end them.

`api.py` calls it for the OAuth endpoints and the gate of every other route calls `believe`. The composition root adds a handler
for each further grant type to `handlers`, the logins of people to `logins` and the identity providers to `external`. A grant is
answered only after its record in the audit trail is on the disk.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import Request
from sqlalchemy import Connection

from melanzana.access.gate import Presentation, presented
from melanzana.access.records import Actor, Principal
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.auth import dpop, introspection, tokens
from melanzana.auth.believing import Believed, Believing, Presented, Rooms
from melanzana.auth.neighbours import ForeignIssuers, Logins
from melanzana.auth.public_clients import public_client
from melanzana.auth.records import Grant, Handler, TokenCall
from melanzana.auth.refusals import refused_entry
from melanzana.auth.revocations import Revocations
from melanzana.auth.scopes import granted_scope
from melanzana.auth.steady import SteadySeconds
from melanzana.clients.records import Client, Credentials
from melanzana.clock import Clock
from melanzana.errors import InvalidTokenError, OAuthError
from melanzana.storage.database import Database

_log = structlog.get_logger("melanzana.auth")


class AuthService:
    """Tokens for clients, and callers for tokens."""

    def __init__(self, database: Database, clock: Clock, rooms: Rooms, audit: AuditService) -> None:
        self._database = database
        self._clock = clock
        self._realms = rooms.realms
        self._clients = rooms.clients
        self._audit = audit
        self._seconds = SteadySeconds(clock)
        self.revocations = Revocations(database, clock)
        self._believing = Believing(clock, rooms, self.revocations, self._seconds)
        self.handlers: dict[str, Handler] = {"client_credentials": self._client_credentials}
        self.logins: Logins | None = None
        self.external: ForeignIssuers | None = None

    # --- granting ------------------------------------------------------------

    async def grant(self, call: TokenCall) -> Grant:
        """What the token endpoint answers; a refusal that looked at who asks stands in the audit trail too.

        Errors: OAuthError for everything that is wrong with the request; UnavailableError.
        """
        handler = self.handlers[call.parameters.get("grant_type") or ""]
        try:
            return await handler(call)
        except OAuthError as error:
            if (entry := refused_entry(call, error)) is not None:
                await self._audit.note(entry)
            raise

    async def grant_client_credentials(
        self,
        realm: str,
        credentials: Credentials,
        scope: str | None,
        address: str,
        *,
        lifetime_seconds: int | None = None,
        key_thumbprint: str | None = None,
    ) -> Grant:
        """The client credentials grant (RFC 6749 section 4.4). `address`: where the request came from.

        Errors: NotFoundError for an unknown realm; OAuthError for everything that is wrong with the request.
        """
        client = await self._clients.authenticate(realm, credentials, address)
        home = await self._realms.realm(realm)  # as of the look that `authenticate` had
        request = tokens.TokenRequest(
            client=client,
            issuer=self._realms.issuer(realm),
            scope=granted_scope(client.permitted, scope),
            address=address,
            issued_at_seconds=int(self._seconds.now()),
            lifetime_seconds=lifetime_seconds or home.token_seconds,
            key_thumbprint=key_thumbprint,
        )
        claims = tokens.client_claims(request)
        key = self._realms.ring.signing(realm) or await self._realms.signing_key(realm)
        token = tokens.sign(claims, key, home.token_type)
        await self._note_grant(client, claims, address)
        await self._clients.mark_used(client, self._clock.now(), address)
        return Grant(
            access_token=token,
            expires_in_seconds=request.lifetime_seconds,
            session_state=claims["sid"],
            scope=request.scope,
            token_type="Bearer" if key_thumbprint is None else "DPoP",
        )

    async def _client_credentials(self, call: TokenCall) -> Grant:
        if call.parameters.duplicated:
            await self._clients.authenticate(call.realm, call.credentials, call.address)
            raise OAuthError("invalid_request", "duplicated parameter")
        return await self.grant_client_credentials(
            call.realm,
            call.credentials,
            call.parameters.get("scope"),
            call.address,
            lifetime_seconds=call.lifetime_seconds,
            key_thumbprint=call.key_thumbprint,
        )

    async def _note_grant(self, client: Client, claims: dict[str, Any], address: str) -> None:
        detail = {"grant": "client_credentials", "token": claims["jti"], "scope": claims["scope"]}
        await self._audit.note(
            AuditEntry(
                realm=client.realm,
                action=Action.TOKEN_GRANT,
                actor=_actor(client, address),
                subject=client.client_id,
                detail=detail,
            )
        )
        _log.info("token granted", client_id=client.client_id, realm=client.realm, address=address, token=claims["jti"])

    async def with_proof(self, call: TokenCall, request: Request) -> TokenCall:
        """The call with the thumbprint of the key whose DPoP proof the request carries, if it carries one.

        Errors: OAuthError `invalid_dpop_proof`.
        """
        proofs = tuple(request.headers.getlist("dpop"))
        if not proofs:
            return call
        use = dpop.Use(method=request.method, url=self._address_of(request), now_seconds=self._seconds.now())
        try:
            proof = await self._believing.prove(proofs, use)
        except InvalidTokenError as error:
            raise OAuthError("invalid_dpop_proof", error.message) from error
        return call if proof is None else replace(call, key_thumbprint=proof.thumbprint)

    # --- believing ------------------------------------------------------------

    async def believe(self, request: Request, token: str) -> Principal:
        """What the gate asks: who made this request with this access token. Errors: as `verify_token`."""
        opened = tokens.opened(token)
        found = presented(request)
        issuer = opened.claims.get("iss")
        if self.external is not None and not self._is_ours(issuer) and isinstance(issuer, str) and self.external.knows(issuer):
            if found.bound:
                raise InvalidTokenError("send an access token of another issuer as Bearer")
            return await self.external.believe(token)
        return (await self._believed(opened, self._presented(request, found))).principal

    async def believed(self, request: Request, realm: str) -> Believed:
        """The same with what the token says, for tokens of this realm only. Errors: as `verify_token`."""
        found = presented(request)
        believed = await self._believed(tokens.opened(found.token), self._presented(request, found))
        if believed.claims.realm != realm:
            raise InvalidTokenError("the access token is of another realm")
        return believed

    async def verify_token(self, token: str, address: str = "") -> Principal:
        """Whose access token this is; a token that is bound to a key is not looked at without its proof.

        Errors: InvalidTokenError; UnavailableError when the database does not answer.
        """
        plain = Presented(token=token, bound=False, address=address)
        return (await self._believed(tokens.opened(token), plain)).principal

    async def _believed(self, opened: tokens.Opened, how: Presented) -> Believed:
        believed = await self._believing.believe(opened, how.address)
        await self._believing.check_holder(believed.claims, how)
        return believed

    # --- telling and ending ------------------------------------------------------------

    async def introspect(self, call: TokenCall) -> dict[str, Any]:
        """What the caller may know of a token (RFC 7662). Errors: OAuthError."""
        if public_client(call.credentials.client_id) is not None:
            raise OAuthError("invalid_request", "Client not allowed.", status=403)
        caller = await self._clients.authenticate(call.realm, call.credentials, call.address)
        token = call.parameters.get("token")
        if token is None:
            raise OAuthError("invalid_request", "Token not provided.")
        try:
            believed = await self._believing.believe(tokens.opened(token), "")
        except InvalidTokenError:
            return introspection.INACTIVE
        return introspection.answer(believed, caller)

    async def revoke(self, call: TokenCall) -> bool:
        """End a token of the caller (RFC 7009); False when it is none that lives. The hint is not needed.

        Errors: OAuthError; `invalid_request` for another client's token, which stays alive.
        """
        client_id = await self._asking(call)
        token = call.parameters.get("token")
        if token is None:
            raise OAuthError("invalid_request", "Token not provided")
        if self.logins is not None and await self.logins.revoke_refresh_token(call.realm, token, client_id, call.address):
            return True
        try:
            believed = await self._believing.believe(tokens.opened(token), "")
        except InvalidTokenError:
            return False
        if (believed.claims.realm, believed.claims.client_id) != (call.realm, client_id):
            raise OAuthError("invalid_request", "Unmatching clients")
        await self._end(believed, call.address)
        return True

    async def end_token(self, token: str, address: str = "") -> None:
        """End a token on behalf of whoever holds it. Errors: as `verify_token`."""
        plain = Presented(token=token, bound=False, address=address)
        await self._end(await self._believed(tokens.opened(token), plain), address)

    async def logout(self, call: TokenCall) -> None:
        """Keycloak's logout by refresh token, without a browser. Errors: OAuthError."""
        client_id = await self._asking(call)
        token = call.parameters.get("refresh_token")
        if token is None:
            raise OAuthError("invalid_request", "No refresh token")
        if self.logins is None or not await self.logins.end_by_refresh_token(call.realm, token, client_id, call.address):
            raise OAuthError("invalid_grant", "Invalid refresh token")

    async def end_presented(self, request: Request, realm: str) -> Believed:
        """End the access token that the request itself carries; says whose it was. Errors: as `believed`."""
        believed = await self.believed(request, realm)
        await self._end(believed, request.client.host if request.client else "")
        return believed

    async def _asking(self, call: TokenCall) -> str:
        """Id of the client that asks: one that proves itself, or a public one, which can only name itself."""
        public = public_client(call.credentials.client_id)
        if public is not None and not call.credentials.client_secret and (await self._realms.current(call.realm)).enabled:
            return public.client_id
        return (await self._clients.authenticate(call.realm, call.credentials, call.address)).client_id

    async def _end(self, believed: Believed, address: str) -> None:
        claims, principal = believed.claims, believed.principal
        expires_at = datetime.fromtimestamp(claims.expires_at, UTC)
        actor = Actor(kind=principal.actor.kind, id=principal.actor.id, name=principal.name, address=address)
        entry = AuditEntry(realm=claims.realm, action=Action.TOKEN_REVOKE, actor=actor, subject=claims.token_id)

        def change(tx: Connection) -> None:
            if self.revocations.revoke_within(tx, claims.realm, claims.token_id, expires_at):
                self._audit.record(tx, entry)

        await self._database.write(change)
        _log.info("token revoked", client_id=claims.client_id, realm=claims.realm, token=claims.token_id)

    # --- addresses ------------------------------------------------------------

    def _presented(self, request: Request, found: Presentation) -> Presented:
        return Presented(
            token=found.token,
            bound=found.bound,
            proofs=tuple(request.headers.getlist("dpop")),
            method=request.method,
            url=self._address_of(request),
            address=request.client.host if request.client else "",
        )

    def _address_of(self, request: Request) -> str:
        """As the caller knows it: from the settings, never from the Host header."""
        path = request.scope.get("raw_path") or request.url.path.encode()
        return f"{self._realms.settings.base_url}{path.decode('latin-1')}"

    def _is_ours(self, issuer: object) -> bool:
        return isinstance(issuer, str) and issuer.startswith(self._realms.issuer(""))


def _actor(client: Client, address: str) -> Actor:
    return Actor(kind=client.kind.value, id=client.client_id, name=client.name, address=address)
