"""Refresh tokens: each is good once and replaced by the next of its family; a family ends as one.

`login.py` starts a family with the first token; the token endpoint renews, its client or a person ends it. A token that comes a
second time means that somebody has a copy, so the whole family ends, with the access tokens that still live (RFC 9700 section
4.14.2). The command line's login is a session of its own and ends with its family.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.audit.service import AuditService
from melanzana.auth import store_login as store
from melanzana.auth.login_grants import PersonGrant, PersonTokens
from melanzana.auth.login_records import RefreshToken
from melanzana.auth.public_clients import PUBLIC_CLIENTS, PublicClient
from melanzana.auth.records import Grant
from melanzana.auth.user_tokens import digest_of
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import OAuthError
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.records import Session, User
from melanzana.users.service import UserService

#: Ends an access token before its time, within a transaction: realm, `jti`, until when it would have lived.
Revoker = Callable[[Connection, str, str, datetime], object]
_log = structlog.get_logger("melanzana.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRooms:
    """Whom the login asks."""

    realms: RealmService
    clients: ClientService
    users: UserService
    audit: AuditService
    revoke_access_token: Revoker


class Families:
    """The refresh tokens of people."""

    def __init__(self, database: Database, clock: Clock, rooms: LoginRooms, tokens: PersonTokens) -> None:
        self._database = database
        self._clock = clock
        self._audit = rooms.audit
        self._users = rooms.users
        self._revoke = rooms.revoke_access_token
        self._tokens = tokens

    async def find(self, realm: str, token: str, client_id: str) -> RefreshToken | None:
        """The token as it is stored; None when it is unknown, of another realm or another client's."""
        digest = digest_of(token)
        found = await self._database.read(lambda tx: store.refresh_token(tx, digest))
        return found if found is not None and (found.realm, found.client_id) == (realm, client_id) else None

    def start(self, tx: Connection, row: RefreshToken, user: User, address: str) -> None:
        """Keep the first token of a family, within the caller's transaction."""
        store.add_refresh_token(tx, row, self._clock.now())
        self._audit.record(tx, _granted(row, user, address, "authorization_code"))

    async def renew(self, old: RefreshToken, client: PublicClient, address: str) -> Grant:
        """New tokens for a refresh token, which is good no longer. Errors: OAuthError `invalid_grant`."""
        now = self._clock.now()
        if old.used_at is not None and old.ended_at is None:
            await self._copied(old, address)
        if old.used_at is not None or old.ended_at is not None or now >= min(old.expires_at, old.family_expires_at):
            raise refused("Token is not active")
        user, session = await self._alive(old)
        wanted = PersonGrant(
            client=client,
            user=user,
            session=session,
            scope=old.scope,
            authenticated_at=old.authenticated_at,
            family_id=old.family_id,
            family_expires_at=old.family_expires_at,
            renewed=True,
        )
        made = await self._tokens.make(wanted)

        def change(tx: Connection) -> bool:
            if not store.use_refresh_token(tx, old.digest, now):
                return False
            store.add_refresh_token(tx, made.row, now)
            self._audit.record(tx, _granted(made.row, user, address, "refresh_token"))
            return True

        if not await self._database.write(change):
            await self._copied(old, address)  # two at once: one of them has a copy
            raise refused("Token is not active")
        await self._users.sessions.seen(session)
        _log.info("token granted", client_id=client.client_id, realm=old.realm, user=user.id, session=session.id)
        return made.grant

    async def end(self, family_id: str, actor: Actor, why: str, *, outcome: Outcome = Outcome.SUCCESS) -> bool:
        """End every token of the family, and the access tokens that still live. False when there was nothing to end."""
        now = self._clock.now()

        def change(tx: Connection) -> list[RefreshToken]:
            members = store.family(tx, family_id)
            if not store.end_family(tx, family_id, now):
                return []
            for member in members:
                if member.token_expires_at > now:
                    self._revoke(tx, member.realm, member.token_id, member.token_expires_at)
            detail = {"grant": "refresh_token", "client_id": members[0].client_id, "session": members[0].session_id, "why": why}
            self._audit.record(
                tx,
                AuditEntry(
                    realm=members[0].realm,
                    action=Action.TOKEN_REVOKE,
                    actor=actor,
                    subject=members[0].user_id,
                    outcome=outcome,
                    detail=detail,
                ),
            )
            return members

        members = await self._database.write(change)
        if members and PUBLIC_CLIENTS[members[0].client_id].native:
            await self._users.end_session(members[0].session_id, actor)
        return bool(members)

    async def _copied(self, old: RefreshToken, address: str) -> None:
        _log.warning("refresh token used twice: its family ends", client_id=old.client_id, realm=old.realm, user=old.user_id)
        await self.end(old.family_id, nobody(old.client_id, address), "a refresh token came twice", outcome=Outcome.FAILURE)

    async def _alive(self, old: RefreshToken) -> tuple[User, Session]:
        found = await self._users.live_session(old.realm, old.session_id)
        if found is None or found[0].id != old.user_id:
            raise refused("Session not active")
        return found


def nobody(client_id: str, address: str) -> Actor:
    """Somebody at that address, who proved nothing."""
    return Actor(kind="nobody", id="", name=client_id, address=address)


def refused(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)


def _granted(row: RefreshToken, user: User, address: str, grant_type: str) -> AuditEntry:
    return AuditEntry(
        realm=row.realm,
        action=Action.TOKEN_GRANT,
        actor=Actor(kind="user", id=user.id, name=user.name, address=address),
        subject=row.client_id,
        detail={"grant_type": grant_type, "session": row.session_id, "token_id": row.token_id},
    )
