"""Is this the person? A password is compared after the attempt was counted, and every refusal looks alike.

Unknown, disabled and passwordless accounts cost the same hash as a wrong password. An attempt that has to wait is refused without
a hash, in the same words: guessing faster than `delays.py` allows costs the server nothing.
"""

from dataclasses import replace

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor, PrincipalKind
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.errors import LoginRefusedError, UnavailableError
from melanzana.users import store, store_logins
from melanzana.users.delays import AttemptKeys, attempt_keys
from melanzana.users.foundation import Foundation
from melanzana.users.passwords import normalised
from melanzana.users.records import User

#: No name is longer; what comes after cannot make it a known one.
_LONGEST_NAME = 1_000
_log = structlog.get_logger("melanzana.users")


_REFUSAL = "wrong name or password"


class Logins:
    """Checks passwords."""

    def __init__(self, on: Foundation) -> None:
        self._database = on.database
        self._clock = on.clock
        self._audit = on.audit
        self._realms = on.realms
        self._hashing = on.hashing

    async def check_password(self, realm: str, username: str, password: str, address: str) -> User:
        """The person with that name and password; the login, or its refusal, is in the audit trail.

        Errors: LoginRefusedError, which never says why; NotFoundError for an unknown realm; UnavailableError when too many
        passwords wait to be compared.
        """
        user = await self._proven(realm, username, password, address)
        assert user.password_hash is not None
        outdated = self._hashing.is_outdated(user.password_hash)
        fresh_hash = await self._hashing.make(normalised(password) or "") if outdated else user.password_hash
        keys, now = attempt_keys(realm, username, address), self._clock.now()

        def change(tx: Connection) -> User | None:
            living = store.user(tx, realm, user.id)
            if living is None or not living.enabled or living.password_hash != user.password_hash:
                return None
            store_logins.forgive(tx, keys)
            logged_in = replace(living, last_login_at=now, password_hash=fresh_hash)
            store.change_user(tx, logged_in)
            self._audit.record(tx, _login(realm, logged_in, address))
            return logged_in

        logged_in = await self._database.write(change)
        if logged_in is None:  # disabled, deleted or given a new password while this one was compared
            raise await self._refused(realm, user, address, "the account changed meanwhile")
        return logged_in

    async def confirm_password(self, user: User, password: str, address: str) -> None:
        """The person in front of a page still knows the password: no login, but refused, counted and recorded like one.

        Errors: as `check_password`.
        """
        await self._proven(user.realm, user.username, password, address)
        keys = attempt_keys(user.realm, user.username, address)
        await self._database.write(lambda tx: store_logins.forgive(tx, keys))

    async def _proven(self, realm: str, username: str, password: str, address: str) -> User:
        open_for_logins = (await self._realms.current(realm)).enabled
        keys = attempt_keys(realm, username, address)
        user = await self._database.read(lambda tx: store.user_by_name(tx, realm, username[:_LONGEST_NAME]))
        wait = await self._database.write(lambda tx: store_logins.claim_attempt(tx, keys, self._clock.now()))
        if wait:
            raise await self._refused(realm, user, address, "too many attempts")
        right = await self._compare(keys, user, password)
        if user is None or not right or not user.enabled or not open_for_logins:
            raise await self._refused(realm, user, address, _reason(user, right))
        return user

    async def _compare(self, keys: AttemptKeys, user: User | None, password: str) -> bool:
        normal = normalised(password)
        if normal is None:
            return False
        try:
            return await self._hashing.matches(user.password_hash if user else None, normal)
        except UnavailableError:
            await self._database.write(lambda tx: store_logins.uncount(tx, keys))
            raise

    async def _refused(self, realm: str, user: User | None, address: str, reason: str) -> LoginRefusedError:
        """Record the refusal; names that nobody has are left out, for they may be a password in the wrong field."""
        _log.warning("login refused", realm=realm, user=user.username if user else None, address=address, reason=reason)
        await self._audit.note(_login(realm, user, address, reason))
        return LoginRefusedError(_REFUSAL)


def _reason(user: User | None, right: bool) -> str:
    if user is None:
        return "unknown name"
    if user.password_hash is None:
        return "the account has no password"
    return "wrong password" if not right else "the account or its realm is disabled"


def _login(realm: str, user: User | None, address: str, reason: str = "") -> AuditEntry:
    if reason:
        actor = Actor(kind="nobody", id="", name=user.username if user else "", address=address)
        outcome, detail = Outcome.FAILURE, {"reason": reason}
    else:
        assert user is not None
        actor = Actor(kind=PrincipalKind.USER.value, id=user.id, name=user.username, address=address)
        outcome, detail = Outcome.SUCCESS, {"how": "password"}
    return AuditEntry(
        realm=realm, action=Action.LOGIN, actor=actor, subject=user.id if user else "", outcome=outcome, detail=detail
    )
