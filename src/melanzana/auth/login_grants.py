"""Makes what a person's client gets: access token, ID token, refresh token, and the row that remembers the refresh token.

`login.py` decides that a grant is due and stores the row; nothing here touches the database.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from melanzana.auth import tokens, user_tokens
from melanzana.auth.login_records import RefreshToken
from melanzana.auth.public_clients import PublicClient
from melanzana.auth.records import Grant
from melanzana.auth.user_tokens import Subject
from melanzana.clock import Clock
from melanzana.realms.keys import LiveKey
from melanzana.realms.service import RealmService
from melanzana.users.records import Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonGrant:
    """What is granted: to whom, through which login, in which family of refresh tokens."""

    client: PublicClient
    user: User
    session: Session
    scope: str  #: as asked for
    authenticated_at: datetime
    family_id: str
    family_expires_at: datetime
    nonce: str | None = None
    renewed: bool = False  #: by a refresh token, not by a code


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeGrant:
    """The answer, and the row of its refresh token."""

    grant: Grant = field(repr=False)
    row: RefreshToken


class PersonTokens:
    """Signs the tokens of people."""

    def __init__(self, clock: Clock, realms: RealmService) -> None:
        self._clock = clock
        self._realms = realms

    async def make(self, wanted: PersonGrant) -> MadeGrant:
        """Access, ID and refresh token. The refresh token dies when it is not used in time, and with its family."""
        realm = await self._realms.current(wanted.user.realm)
        key = await self._realms.signing_key(realm.name)
        subject = self._subject(wanted, realm.token_seconds)
        prefix = user_tokens.REFRESH_PREFIX if wanted.renewed else user_tokens.CODE_PREFIX
        claims = user_tokens.access_claims(subject, prefix)
        access_token = tokens.sign(claims, key, realm.token_type)
        refresh_token = user_tokens.new_secret()
        row = self._row(wanted, refresh_token, claims["jti"], subject)
        grant = Grant(
            access_token=access_token,
            expires_in_seconds=subject.lifetime_seconds,
            session_state=wanted.session.id,
            scope=subject.scope,
            refresh_token=refresh_token,
            refresh_expires_in_seconds=int((row.expires_at - subject.issued_at).total_seconds()),
            id_token=self._id_token(subject, wanted, access_token, key),
        )
        return MadeGrant(grant=grant, row=row)

    def _subject(self, wanted: PersonGrant, lifetime_seconds: int) -> Subject:
        return Subject(
            user=wanted.user,
            client_id=wanted.client.client_id,
            session_id=wanted.session.id,
            issuer=self._realms.issuer(wanted.user.realm),
            scope=user_tokens.scope_of(wanted.user.role, wanted.scope),
            authenticated_at=wanted.authenticated_at,
            issued_at=self._clock.now(),
            lifetime_seconds=lifetime_seconds,
        )

    @staticmethod
    def _id_token(subject: Subject, wanted: PersonGrant, access_token: str, key: LiveKey) -> str | None:
        if "openid" not in wanted.scope.split(" "):
            return None
        return tokens.sign(user_tokens.id_claims(subject, wanted.nonce, access_token, key.algorithm), key, "JWT")

    @staticmethod
    def _row(wanted: PersonGrant, refresh_token: str, token_id: str, subject: Subject) -> RefreshToken:
        now = subject.issued_at
        return RefreshToken(
            digest=user_tokens.digest_of(refresh_token),
            family_id=wanted.family_id,
            realm=wanted.user.realm,
            client_id=wanted.client.client_id,
            user_id=wanted.user.id,
            session_id=wanted.session.id,
            scope=wanted.scope,
            authenticated_at=wanted.authenticated_at,
            expires_at=min(now + wanted.client.refresh_idle, wanted.family_expires_at),
            family_expires_at=wanted.family_expires_at,
            token_id=token_id,
            token_expires_at=now + timedelta(seconds=subject.lifetime_seconds),
        )
