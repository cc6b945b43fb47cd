"""The verbs of a login: a code for a person who logged in, tokens for the code, new tokens for a refresh token, and their end.

`pages.py` gives out codes and redeems those of our own pages; the token endpoint calls the two grant handlers. A code is random,
stored as a digest, bound to client, address, challenge and session, and good once within a minute. One that comes a second time was
copied, so everything that its first use gave ends (RFC 6749 section 4.1.2). Every use asks whether session and person still live.
"""

from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.auth import store_login as store
from melanzana.auth.login_binding import challenge_of
from melanzana.auth.login_families import Families, LoginRooms, nobody, refused
from melanzana.auth.login_grants import PersonGrant, PersonTokens
from melanzana.auth.login_records import AuthorizationRequest, IdentityProvider, LoginCode, RefreshToken
from melanzana.auth.public_clients import PublicClient, public_client
from melanzana.auth.records import Grant, TokenCall
from melanzana.auth.token_request import check_not_duplicated
from melanzana.auth.user_tokens import digest_of, new_secret
from melanzana.clock import Clock
from melanzana.errors import OAuthError
from melanzana.storage.database import Database
from melanzana.users.records import Lasting, Session, User

CODE_SECONDS = 60
#: RFC 7636 section 4.1 allows up to 128 characters.
_LONGEST_VERIFIER = 128
_log = structlog.get_logger("melanzana.auth")


class LoginService:
    """Codes and refresh tokens of people."""

    def __init__(self, database: Database, clock: Clock, rooms: LoginRooms) -> None:
        self._database = database
        self._clock = clock
        self._realms = rooms.realms
        self._clients = rooms.clients
        self._users = rooms.users
        self._audit = rooms.audit
        self._tokens = PersonTokens(clock, rooms.realms)
        self._families = Families(database, clock, rooms, self._tokens)

    async def give_code(self, request: AuthorizationRequest, user: User, session: Session) -> str:
        """A code for this person's login, to be sent to the client by redirect."""
        code, now = new_secret(), self._clock.now()
        stored = LoginCode(
            digest=digest_of(code),
            realm=request.realm,
            client_id=request.client.client_id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            scope=request.scope,
            nonce=request.nonce,
            user_id=user.id,
            session_id=session.id,
            authenticated_at=session.created_at,
            expires_at=now + timedelta(seconds=CODE_SECONDS),
            used_at=None,
            family_id=str(uuid4()),
        )
        await self._database.write(lambda tx: store.add_code(tx, stored, now))
        return code

    async def note_external(self, user: User, provider: IdentityProvider, address: str) -> None:
        """Record that somebody logged in by an identity provider; a login by password is recorded where it is checked."""
        actor = Actor(kind="user", id=user.id, name=user.name, address=address)
        detail = {"provider": provider.name, "issuer": provider.issuer}
        entry = AuditEntry(realm=user.realm, action=Action.LOGIN, actor=actor, subject=user.id, detail=detail)
        await self._database.write(lambda tx: self._audit.record(tx, entry))

    async def redeem_own(self, realm: str, code: str, redirect_uri: str, verifier: str) -> str | None:
        """The session that a code of our own pages stands for; None when the code is not good. No token is made."""
        now, digest = self._clock.now(), digest_of(code)

        def change(tx: Connection) -> LoginCode | None:
            stored = store.code(tx, digest)
            if stored is None or (stored.realm, stored.redirect_uri) != (realm, redirect_uri):
                return None
            good = now < stored.expires_at and _proves(stored, verifier)
            return stored if store.use_code(tx, digest, now) and good else None

        redeemed = await self._database.write(change)
        return None if redeemed is None else redeemed.session_id

    async def grant_by_code(self, call: TokenCall) -> Grant:
        """The authorization code grant (RFC 6749 section 4.1.3). Errors: OAuthError."""
        client = await self._client(call)
        presented = call.parameters.get("code")
        if presented is None:
            raise OAuthError("invalid_request", "Missing parameter: code")
        digest = digest_of(presented)
        code = await self._database.read(lambda tx: store.code(tx, digest))
        if code is None or code.realm != call.realm:
            raise refused("Code not valid")
        if code.used_at is not None:
            raise await self._came_twice(code, call)
        wrong = _why_not(code, client, call, self._clock.now())
        if wrong is not None:
            await self._database.write(lambda tx: store.use_code(tx, digest, self._clock.now()))
            _log.warning("code refused", client_id=client.client_id, realm=call.realm, address=call.address, why=wrong)
            raise refused(wrong)
        return await self._redeem(code, client, call)

    async def grant_by_refresh_token(self, call: TokenCall) -> Grant:
        """The refresh grant (RFC 6749 section 6); the token presented is replaced. Errors: OAuthError."""
        client = await self._client(call)
        presented = call.parameters.get("refresh_token")
        if presented is None:
            raise OAuthError("invalid_request", "No refresh token")
        old = await self._families.find(call.realm, presented, client.client_id)
        if old is None:
            raise refused("Invalid refresh token")
        return await self._families.renew(old, client, call.address)

    async def revoke_refresh_token(self, realm: str, token: str, client_id: str, address: str = "") -> bool:
        """End the refresh token with its family and their access tokens (RFC 7009); False when it is not this client's."""
        found = await self._families.find(realm, token, client_id)
        if found is None:
            return False
        await self._families.end(found.family_id, _owner(found, address), "revoked")
        return True

    async def end_by_refresh_token(self, realm: str, token: str, client_id: str, address: str = "") -> bool:
        """Log out by refresh token, as Keycloak's back channel: the session ends as well. False when it is not this client's."""
        found = await self._families.find(realm, token, client_id)
        if found is None:
            return False
        await self._families.end(found.family_id, _owner(found, address), "logged out")
        await self._users.end_session(found.session_id, _owner(found, address))
        return True

    async def _client(self, call: TokenCall) -> PublicClient:
        """The public client that asks. Errors: OAuthError; only a client that proves itself is told that this grant is not its."""
        if not (await self._realms.current(call.realm)).enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        client = public_client(call.credentials.client_id)
        check_not_duplicated(call.parameters)
        if client is None:
            await self._clients.authenticate(call.realm, call.credentials, call.address)
            raise OAuthError("unauthorized_client", "Client not allowed to use this grant: it is for people who log in")
        if call.credentials.client_secret:
            raise OAuthError("invalid_client", "Invalid client or Invalid client credentials", status=401)
        return client

    async def _redeem(self, code: LoginCode, client: PublicClient, call: TokenCall) -> Grant:
        found = await self._users.live_session(code.realm, code.session_id)
        if found is None or found[0].id != code.user_id:
            raise refused("Code not valid")
        user, session = found
        if client.native:
            lasting = Lasting(idle=client.refresh_idle, lifetime=client.refresh_longest)
            session = (await self._users.open_session(user, call.address, client.name, lasting=lasting)).session
        wanted = PersonGrant(
            client=client,
            user=user,
            session=session,
            scope=code.scope,
            authenticated_at=code.authenticated_at,
            family_id=code.family_id,
            family_expires_at=self._clock.now() + client.refresh_longest,
            nonce=code.nonce,
        )
        made = await self._tokens.make(wanted)

        def change(tx: Connection) -> bool:
            if not store.use_code(tx, code.digest, self._clock.now()):
                return False
            self._families.start(tx, made.row, user, call.address)
            return True

        if not await self._database.write(change):
            if client.native:
                await self._users.end_session(session.id, nobody(client.client_id, call.address))
            raise await self._came_twice(code, call)
        _log.info("token granted", client_id=client.client_id, realm=call.realm, user=user.id, session=session.id)
        return made.grant

    async def _came_twice(self, code: LoginCode, call: TokenCall) -> OAuthError:
        _log.warning("code used twice: what it gave ends", client_id=code.client_id, realm=code.realm, address=call.address)
        actor = nobody(call.credentials.client_id or "", call.address)
        await self._families.end(code.family_id, actor, "an authorization code came twice", outcome=Outcome.FAILURE)
        return refused("Code not valid")


def _owner(token: RefreshToken, address: str) -> Actor:
    """The person whose client asks."""
    return Actor(kind="user", id=token.user_id, name=token.client_id, address=address)


def _why_not(code: LoginCode, client: PublicClient, call: TokenCall, now: datetime) -> str | None:
    """What speaks against the code, in Keycloak's words."""
    if code.client_id != client.client_id:
        return "Auth error"
    if now >= code.expires_at:
        return "Code not valid"
    if call.parameters.get("redirect_uri") != code.redirect_uri:
        return "Incorrect redirect_uri"
    verifier = call.parameters.get("code_verifier")
    if verifier is None:
        return "PKCE code verifier not specified"
    return None if _proves(code, verifier) else "PKCE verification failed"


def _proves(code: LoginCode, verifier: str) -> bool:
    return len(verifier) <= _LONGEST_VERIFIER and compare_digest(challenge_of(verifier), code.code_challenge)
