"""Browser sessions: a row on the server and a random token in the browser's cookie.

The gate asks `recognise` on every page, the tokens of people ask `live` on every request of the API; both look at one row by an
index, so what ends a session (logging out, revoking, a new password, a disabled account or realm, being idle or old) ends it at the
next request in every process. Only a digest of the token is stored: 256 random bits cannot be guessed back.
"""

import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import uuid4

from fastapi import Request
from sqlalchemy import Connection

from melanzana.access.permissions import SCOPES_OF_ROLE
from melanzana.access.records import Actor, Principal, PrincipalKind, Visitor
from melanzana.audit.records import Action, AuditEntry
from melanzana.errors import LoginRefusedError, NotFoundError, UnavailableError
from melanzana.users import store, store_sessions
from melanzana.users.cookies import session_token
from melanzana.users.foundation import Foundation
from melanzana.users.records import Lasting, OpenedSession, Session, User

#: The client whose pages a browser session serves; `azp` of the tokens got through it.
WEB_CLIENT = "melanzana-web"
#: `last_seen_at` is brought up to date no more often, to spare a write a request.
_SEEN_RESOLUTION = timedelta(minutes=1)
_LONGEST_USER_AGENT = 200


class Sessions:
    """Opens, recognises, lists and ends them."""

    def __init__(self, on: Foundation) -> None:
        self._database = on.database
        self._clock = on.clock
        self._audit = on.audit
        self._settings = on.settings

    async def open(
        self,
        user: User,
        address: str,
        user_agent: str,
        *,
        replacing: str | None = None,
        lifetime: timedelta | None = None,
        lasting: Lasting | None = None,
    ) -> OpenedSession:
        """A new session of somebody who has just proved who they are.

        `replacing`: the cookie token that the browser had before; that session ends, so a login always changes the token.
        `lifetime`: shorter than that of a browser's session; the setting counts when it is shorter still.
        `lasting`: figures of its own, for a program of the person's that renews its tokens.
        Errors: LoginRefusedError when the account was disabled or deleted meanwhile.
        """
        now, token = self._clock.now(), token_urlsafe(32)
        session = Session(
            id=str(uuid4()),
            realm=user.realm,
            user_id=user.id,
            address=address,
            user_agent="".join(char if char.isprintable() else " " for char in user_agent[:_LONGEST_USER_AGENT]),
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._longest(lifetime, lasting),
            idle_seconds=int(lasting.idle.total_seconds()) if lasting else None,
        )

        def change(tx: Connection) -> None:
            living = store.user(tx, user.realm, user.id)
            if living is None or not living.enabled:
                raise LoginRefusedError("wrong name or password")
            if replacing is not None and (old := store_sessions.by_token(tx, _digest(replacing))) is not None:
                store_sessions.remove(tx, old[1].id)
            store_sessions.add(tx, session, _digest(token))

        await self._database.write(change)
        return OpenedSession(session=session, token=token, csrf_token=csrf_token(token))

    async def recognise(self, request: Request) -> Visitor | None:
        """The person whose living session the request's cookie names; `Gate` asks. Errors: UnavailableError."""
        token = session_token(request, self._settings.base_url)
        if token is None:
            return None
        digest = _digest(token)
        found = self._living(await self._database.glance(lambda tx: store_sessions.by_token(tx, digest)))
        if found is None:
            return None
        user, session = found
        await self.seen(session)
        principal = principal_of(user, request.client.host if request.client else "")
        return Visitor(principal=principal, session_id=session.id, csrf_token=csrf_token(token))

    async def live(self, realm: str, session_id: str) -> tuple[User, Session] | None:
        """The session and its person, while it lives: one look at the database. Errors: UnavailableError."""
        return self._living(await self._database.glance(lambda tx: store_sessions.by_id(tx, realm, session_id)))

    async def seen(self, session: Session) -> None:
        """Keep it from being idle; a disk that does not take the note is no reason to refuse a request."""
        now = self._clock.now()
        if now - session.last_seen_at >= _SEEN_RESOLUTION:
            with suppress(UnavailableError):
                await self._database.write(lambda tx: store_sessions.seen(tx, session.id, now))

    async def list(self, user_id: str) -> list[Session]:
        """The living sessions of a person, the newest first."""
        now = self._clock.now()
        found = await self._database.read(lambda tx: store_sessions.of_user(tx, user_id))
        return [session for session in found if not self._is_over(session, now)]

    async def end(self, session_id: str, actor: Actor) -> None:
        """Log out. A session that is over already is no error."""
        await self._database.write(lambda tx: self._end(tx, session_id, actor, Action.LOGOUT))

    async def revoke(self, user: User, session_id: str, actor: Actor) -> None:
        """End one session of that person from elsewhere. Errors: NotFoundError when the person has no such session."""

        def change(tx: Connection) -> None:
            session = store_sessions.stored(tx, session_id)
            if session is None or session.user_id != user.id:
                raise NotFoundError("there is no such session; it may have ended already")
            self._end(tx, session_id, actor, Action.SESSION_REVOKE)

        await self._database.write(change)

    async def revoke_all(self, user: User, actor: Actor, but: str | None = None) -> int:
        """End all sessions of a person, except one that is named. Gives how many."""
        return await self._database.write(lambda tx: self.end_all(tx, user, actor, but))

    def end_all(self, tx: Connection, user: User, actor: Actor, but: str | None = None) -> int:
        """The same within the caller's transaction."""
        ended = store_sessions.remove_of_user(tx, user.id, but)
        if ended:
            detail = {"user": user.username, "sessions": str(ended)}
            self._audit.record(
                tx, AuditEntry(realm=user.realm, action=Action.SESSION_REVOKE, actor=actor, subject=user.id, detail=detail)
            )
        return ended

    def _end(self, tx: Connection, session_id: str, actor: Actor, action: Action) -> None:
        session = store_sessions.stored(tx, session_id)
        if session is not None:
            store_sessions.remove(tx, session_id)
            entry = AuditEntry(
                realm=session.realm, action=action, actor=actor, subject=session.user_id, detail={"session": session_id}
            )
            self._audit.record(tx, entry)

    def _living(self, found: tuple[User, Session] | None) -> tuple[User, Session] | None:
        return None if found is None or self._is_over(found[1], self._clock.now()) else found

    def _is_over(self, session: Session, now: datetime) -> bool:
        own = session.idle_seconds
        idle = self._settings.session_idle if own is None else timedelta(seconds=own)
        return now >= session.expires_at or now - session.last_seen_at >= idle

    def _longest(self, lifetime: timedelta | None, lasting: Lasting | None) -> timedelta:
        usual = self._settings.session_lifetime
        return lasting.lifetime if lasting is not None else min(lifetime or usual, usual)


def principal_of(user: User, address: str) -> Principal:
    """The person as the gate's callers see them."""
    return Principal(
        realm=user.realm,
        kind=PrincipalKind.USER,
        client_id=WEB_CLIENT,
        subject=user.id,
        name=user.name,
        scopes=SCOPES_OF_ROLE[user.role],
        address=address,
    )


def csrf_token(token: str) -> str:
    """What the session's forms carry: it follows from the cookie's token and does not give it away."""
    return hmac.digest(token.encode("utf-8", "surrogatepass"), b"melanzana form token", "sha256").hex()


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
