"""Accounts: make, change, remove; and the accounts of people who log in elsewhere.

Part of `service.py`, which is the door. A password is hashed before the transaction; every rule is checked inside it, on what is
stored then.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from melanzana.access.records import Actor, PrincipalKind
from melanzana.audit.records import Action, AuditEntry
from melanzana.errors import ConflictError, LoginRefusedError, NotFoundError, RequestError
from melanzana.users import store, store_logins
from melanzana.users.changes import changed, told, username_from
from melanzana.users.foundation import Foundation
from melanzana.users.names import checked_email, checked_text, checked_username
from melanzana.users.passwords import checked_password
from melanzana.users.records import Author, ExternalPerson, Group, NewUser, User, UserChange
from melanzana.users.rules import check_admin_remains, check_author
from melanzana.users.sessions import Sessions

_log = structlog.get_logger("melanzana.users")


class Accounts:
    """People of every realm."""

    def __init__(self, on: Foundation, sessions: Sessions) -> None:
        self._database = on.database
        self._clock = on.clock
        self._audit = on.audit
        self._realms = on.realms
        self._hashing = on.hashing
        self._sessions = sessions

    async def everybody(self, realm: str) -> list[tuple[User, list[Group]]]:
        """Everybody of the realm with their groups, by name."""

        def question(tx: Connection) -> list[tuple[User, list[Group]]]:
            groups = store.groups_of(tx, realm)
            return [(person, _groups_with(groups, person.id)) for person in store.users_of(tx, realm)]

        return await self._database.read(question)

    async def get(self, realm: str, user_id: str) -> tuple[User, list[Group]]:
        """One person with their groups. Errors: NotFoundError."""

        def question(tx: Connection) -> tuple[User, list[Group]]:
            return _known(store.user(tx, realm, user_id)), _groups_with(store.groups_of(tx, realm), user_id)

        return await self._database.read(question)

    async def by_name(self, realm: str, username: str) -> User:
        """Errors: NotFoundError."""
        return _known(await self._database.read(lambda tx: store.user_by_name(tx, realm, username)))

    async def create(self, realm: str, new: NewUser, author: Author) -> User:
        """A new account. Errors: NotFoundError (realm); RequestError; ConflictError (name taken); InsufficientScopeError."""
        username = checked_username(new.username)
        person = User(
            id=str(uuid4()),
            realm=(await self._realms.current(realm)).name,
            username=username,
            name=checked_text("name", new.name) or username,
            email=checked_email(new.email),
            role=new.role,
            enabled=True,
            password_hash=None,
            created_at=self._clock.now(),
            last_login_at=None,
        )
        check_author(author, None, person)
        if new.password is not None:
            person = replace(person, password_hash=await self._hash(new.password, username))
        await self._database.write(lambda tx: self.add(tx, person, new.groups, author.actor))
        _log.info("user created", realm=realm, user=person.id, role=person.role.value, created_by=author.actor.id)
        return person

    def add(self, tx: Connection, person: User, groups: Sequence[str], actor: Actor) -> None:
        """The same within a transaction, once everything is checked. Errors: ConflictError; RequestError for an unknown group."""
        if store.user_by_name(tx, person.realm, person.username) is not None:
            raise ConflictError(f"there is somebody called {person.username} already", field="username")
        store.add_user(tx, person)
        store.set_memberships(tx, person.id, _group_ids(tx, person.realm, groups))
        self._record(tx, Action.USER_CREATE, actor, person, {"role": person.role.value})

    async def change(
        self, realm: str, user_id: str, change: UserChange, author: Author, *, keep_session: str | None = None
    ) -> User:
        """Set the fields that are given. A new password, and disabling, end the person's sessions but the one named.

        Errors: NotFoundError; RequestError; ConflictError (name taken, last administrator); InsufficientScopeError.
        """
        before, _ = await self.get(realm, user_id)
        check_author(author, before, changed(before, change))
        fresh_hash = None
        if change.password is not None:
            fresh_hash = await self._hash(change.password, change.username or before.username)

        def carry_out(tx: Connection) -> User:
            living = _known(store.user(tx, realm, user_id))
            after = changed(living, change)
            check_author(author, living, after)
            check_admin_remains(store.admins(tx, realm), living, after)
            self._save(tx, living, after, author.actor)
            if change.groups is not None:
                store.set_memberships(tx, user_id, _group_ids(tx, realm, change.groups))
            if fresh_hash is not None:
                self.set_hash(tx, after, fresh_hash, author.actor, keep_session)
            if not after.enabled:
                self._sessions.end_all(tx, after, author.actor)
            return after

        return await self._database.write(carry_out)

    def set_hash(self, tx: Connection, person: User, fresh_hash: str, actor: Actor, keep_session: str | None = None) -> None:
        """Give the person another password within a transaction: sessions and links that the old one gave are over."""
        store.change_user(tx, replace(person, password_hash=fresh_hash))
        store_logins.end_links_of(tx, person.id)
        self._record(tx, Action.PASSWORD_CHANGE, actor, person, {})
        self._sessions.end_all(tx, person, actor, keep_session)

    async def delete(self, realm: str, user_id: str, author: Author) -> None:
        """Remove the account, its sessions and memberships. Errors: as `change`."""

        def carry_out(tx: Connection) -> None:
            person = _known(store.user(tx, realm, user_id))
            check_author(author, person, None)
            check_admin_remains(store.admins(tx, realm), person, None)
            store.delete_user(tx, user_id)
            self._record(tx, Action.USER_DELETE, author.actor, person, {})

        await self._database.write(carry_out)

    async def from_elsewhere(self, realm: str, said: ExternalPerson) -> User:
        """The account of somebody who logged in at an external issuer; made at their first login, kept as the issuer says.

        Errors: LoginRefusedError when the account or the realm is disabled here; NotFoundError for an unknown realm.
        """
        home = await self._realms.current(realm)
        now = self._clock.now()

        def carry_out(tx: Connection) -> User | None:
            known = store.user_by_identity(tx, home.name, said.issuer, said.subject)
            if known is None:
                return self._first_login(tx, home.name, said)
            if not known.enabled:
                return None
            after = replace(known, name=_shown(said, known.username), email=_address(said), role=said.role, last_login_at=now)
            self._save(tx, known, after, _self(known))
            return after

        person = await self._database.write(carry_out) if home.enabled else None
        if person is None:
            raise LoginRefusedError("wrong name or password")
        return person

    async def linked(self, realm: str, issuer: str, subject: str) -> User | None:
        """The account of somebody who logged in at that issuer before, disabled ones too: one look at the database."""
        return await self._database.glance(lambda tx: store.user_by_identity(tx, realm, issuer, subject))

    async def _hash(self, password: str, username: str) -> str:
        return await self._hashing.make(checked_password(password, username))

    def _first_login(self, tx: Connection, realm: str, said: ExternalPerson) -> User:
        now = self._clock.now()
        username = username_from(said.name, said.email, lambda name: store.user_by_name(tx, realm, name) is not None)
        person = User(
            id=str(uuid4()),
            realm=realm,
            username=username,
            name=_shown(said, username),
            email=_address(said),
            role=said.role,
            enabled=True,
            password_hash=None,
            created_at=now,
            last_login_at=now,
        )
        self.add(tx, person, (), _self(person))
        store.link_identity(tx, person, said.issuer, said.subject)
        return person

    def _save(self, tx: Connection, before: User, after: User, actor: Actor) -> None:
        try:
            store.change_user(tx, after)
        except IntegrityError:
            raise ConflictError(f"there is somebody called {after.username} already", field="username") from None
        if detail := told(before, after):
            self._record(tx, Action.USER_CHANGE, actor, after, detail)

    def _record(self, tx: Connection, action: Action, actor: Actor, person: User, detail: dict[str, str]) -> None:
        about = {"user": person.username, **detail}
        self._audit.record(tx, AuditEntry(realm=person.realm, action=action, actor=actor, subject=person.id, detail=about))


def _known(person: User | None) -> User:
    if person is None:
        raise NotFoundError("there is no such user")
    return person


def _self(person: User) -> Actor:
    return Actor(kind=PrincipalKind.USER.value, id=person.id, name=person.username)


def _groups_with(groups: Sequence[Group], user_id: str) -> list[Group]:
    return [group for group in groups if user_id in group.members]


def _group_ids(tx: Connection, realm: str, refs: Sequence[str]) -> tuple[str, ...]:
    found = []
    for ref in refs:
        group = store.group(tx, realm, ref) or store.group_by_name(tx, realm, ref)
        if group is None:
            raise RequestError(f"there is no group {ref[:100]!r}; make it first", field="groups")
        found.append(group.id)
    return tuple(dict.fromkeys(found))


def _shown(said: ExternalPerson, username: str) -> str:
    name = "".join(char for char in said.name if char.isprintable()).strip()[:200]
    return name or username


def _address(said: ExternalPerson) -> str:
    try:
        return checked_email(said.email)
    except RequestError:
        return ""
