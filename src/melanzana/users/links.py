"""One-time links: the address at which the first administrator is made, and those at which a password is chosen.

Part of `service.py`, which is the door. A link holds 256 random bits; only a digest is stored. No default password exists: until
somebody has used the setup address, which stands on the server's console and nowhere else, nobody can log in.
"""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from uuid import uuid4

from sqlalchemy import Connection

from melanzana.access.permissions import Role
from melanzana.access.records import Actor, PrincipalKind
from melanzana.audit.records import Action, AuditEntry
from melanzana.errors import NotFoundError
from melanzana.users import store, store_logins
from melanzana.users.accounts import Accounts
from melanzana.users.foundation import Foundation
from melanzana.users.names import checked_email, checked_text, checked_username
from melanzana.users.passwords import checked_password
from melanzana.users.records import Author, LinkPurpose, NewUser, OneTimeLink, User
from melanzana.users.rules import check_author

SETUP_PATH, PASSWORD_PATH = "/setup", "/choose-password"
_GONE = "this address is not good any more: it works once, and a newer one ends it"


class Links:
    """Hands them out and honours them."""

    def __init__(self, on: Foundation, accounts: Accounts) -> None:
        self._database = on.database
        self._clock = on.clock
        self._audit = on.audit
        self._realms = on.realms
        self._settings = on.settings
        self._hashing = on.hashing
        self._accounts = accounts

    async def setup_address(self) -> str | None:
        """A new address at which the home realm's first administrator is made; it ends the one before. None when there is one."""
        token, link = token_urlsafe(32), self._link(self._realms.home, LinkPurpose.SETUP)

        def change(tx: Connection) -> bool:
            if store.has_admin(tx, link.realm):
                return False
            store_logins.add_link(tx, _digest(token), link)
            return True

        made = await self._database.write(change)
        return f"{self._settings.base_url}{SETUP_PATH}?token={token}" if made else None

    async def check_setup(self, token: str) -> None:
        """Errors: NotFoundError when the token is not good, or there is an administrator."""
        await self._database.read(lambda tx: self._setup_link(tx, token))

    async def first_admin(self, token: str, new: NewUser, address: str) -> User:
        """Make the first administrator; the token is used up. Errors: NotFoundError; RequestError; UnavailableError."""
        await self.check_setup(token)
        username = checked_username(new.username)
        person = User(
            id=str(uuid4()),
            realm=self._realms.home,
            username=username,
            name=checked_text("name", new.name) or username,
            email=checked_email(new.email),
            role=Role.ADMIN,
            enabled=True,
            password_hash=await self._hashing.make(checked_password(new.password or "", username)),
            created_at=self._clock.now(),
            last_login_at=None,
        )
        actor = Actor(kind="nobody", id="", name="first setup", address=address)

        def change(tx: Connection) -> None:
            self._setup_link(tx, token)
            store_logins.use_link(tx, _digest(token))
            self._accounts.add(tx, person, (), actor)

        await self._database.write(change)
        return person

    async def password_address(self, realm: str, user_id: str, author: Author) -> tuple[User, str]:
        """A new address at which this person chooses a password within a day; it ends the one before.

        Errors: NotFoundError; InsufficientScopeError.
        """
        token, expires_at = token_urlsafe(32), self._clock.now() + self._settings.link_lifetime
        link = replace(self._link(realm, LinkPurpose.PASSWORD), user_id=user_id, expires_at=expires_at)

        def change(tx: Connection) -> User:
            person = store.user(tx, realm, user_id)
            if person is None:
                raise NotFoundError("there is no such user")
            check_author(author, person, person)
            store_logins.add_link(tx, _digest(token), link)
            detail = {"user": person.username, "what": "one-time link made"}
            entry = AuditEntry(realm=realm, action=Action.PASSWORD_CHANGE, actor=author.actor, subject=user_id, detail=detail)
            self._audit.record(tx, entry)
            return person

        person = await self._database.write(change)
        return person, f"{self._settings.base_url}{PASSWORD_PATH}?token={token}"

    async def whose_password(self, token: str) -> User:
        """Whose password the link sets. Errors: NotFoundError."""
        now = self._clock.now()
        return await self._database.read(lambda tx: self._linked(tx, token, now))

    async def choose_password(self, token: str, password: str, address: str) -> User:
        """Set the password of the link's person; the link and every session are over.

        Errors: NotFoundError; RequestError; UnavailableError.
        """
        person = await self.whose_password(token)
        fresh_hash = await self._hashing.make(checked_password(password, person.username))
        now = self._clock.now()

        def change(tx: Connection) -> User:
            living = self._linked(tx, token, now)
            actor = Actor(kind=PrincipalKind.USER.value, id=living.id, name=living.username, address=address)
            self._accounts.set_hash(tx, living, fresh_hash, actor)
            return living

        return await self._database.write(change)

    def _link(self, realm: str, purpose: LinkPurpose) -> OneTimeLink:
        return OneTimeLink(realm=realm, purpose=purpose, user_id=None, created_at=self._clock.now(), expires_at=None)

    def _setup_link(self, tx: Connection, token: str) -> OneTimeLink:
        link = store_logins.link(tx, _digest(token), LinkPurpose.SETUP, self._clock.now())
        if link is None or store.has_admin(tx, link.realm):
            raise NotFoundError(_GONE)
        return link

    def _linked(self, tx: Connection, token: str, now: datetime) -> User:
        link = store_logins.link(tx, _digest(token), LinkPurpose.PASSWORD, now)
        person = None if link is None or link.user_id is None else store.user(tx, link.realm, link.user_id)
        if person is None:
            raise NotFoundError(_GONE)
        return person


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
