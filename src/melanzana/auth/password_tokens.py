"""An access token for a name and a password, without a browser: what scripts of the original product's older versions ask for.

OAuth has given this grant up (RFC 9700 section 2.4) and the token endpoint does not offer it; only `compat/` calls it. The password
is checked as the login page checks it. A session of its own stands behind the token and ends when the token expires, so the person
sees the script among their sessions, and a new password, a disabled account or the end of that session ends the token at once.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from melanzana.access.records import Actor, PrincipalKind
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.auth import tokens, user_tokens
from melanzana.auth.public_clients import CLI
from melanzana.auth.records import Grant
from melanzana.auth.user_tokens import Subject
from melanzana.clock import Clock
from melanzana.realms.service import RealmService
from melanzana.users.records import Session, User
from melanzana.users.service import UserService

#: Context prefix of Keycloak's token ids: online session, regular token, resource owner's password.
_ID_PREFIX = "onrtro:"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCall:
    """Who asks, and for how long."""

    realm: str
    username: str
    password: str = field(repr=False)
    address: str  #: where the request came from
    program: str  #: what the person sees in the list of sessions
    lifetime_seconds: int


class PasswordTokens:
    """Grants by password."""

    def __init__(self, clock: Clock, realms: RealmService, users: UserService, audit: AuditService) -> None:
        self._clock = clock
        self._realms = realms
        self._users = users
        self._audit = audit

    async def grant(self, call: PasswordCall) -> tuple[Grant, User]:
        """Errors: LoginRefusedError, which never says why; NotFoundError for an unknown realm; UnavailableError."""
        user = await self._users.check_password(call.realm, call.username, call.password, call.address)
        lifetime = timedelta(seconds=call.lifetime_seconds)
        session = (await self._users.open_session(user, call.address, call.program, lifetime=lifetime)).session
        grant = await self._sign(user, session, call.lifetime_seconds)
        actor = Actor(kind=PrincipalKind.USER.value, id=user.id, name=user.username, address=call.address)
        detail = {"grant": "password", "session": session.id, "program": call.program}
        await self._audit.note(AuditEntry(realm=call.realm, action=Action.TOKEN_GRANT, actor=actor, subject=user.id, detail=detail))
        return grant, user

    async def _sign(self, user: User, session: Session, lifetime_seconds: int) -> Grant:
        realm = await self._realms.current(user.realm)
        subject = Subject(
            user=user,
            client_id=CLI.client_id,
            session_id=session.id,
            issuer=self._realms.issuer(realm.name),
            scope=user_tokens.scope_of(user.role, ""),
            authenticated_at=session.created_at,
            issued_at=self._clock.now(),
            lifetime_seconds=lifetime_seconds,
        )
        claims = user_tokens.access_claims(subject, _ID_PREFIX)
        return Grant(
            access_token=tokens.sign(claims, await self._realms.signing_key(realm.name), realm.token_type),
            expires_in_seconds=lifetime_seconds,
            session_state=session.id,
            scope=subject.scope,
        )
