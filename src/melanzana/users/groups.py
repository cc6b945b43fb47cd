"""Groups: people under a name. Part of `service.py`, which is the door."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Connection

from melanzana.audit.records import Action, AuditEntry
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.users import store
from melanzana.users.foundation import Foundation
from melanzana.users.names import checked_text
from melanzana.users.records import Author, Group, GroupChange


class Groups:
    """Groups of every realm."""

    def __init__(self, on: Foundation) -> None:
        self._database = on.database
        self._clock = on.clock
        self._audit = on.audit
        self._realms = on.realms

    async def everyone(self, realm: str) -> list[Group]:
        """Every group with its members, by name."""
        return await self._database.read(lambda tx: store.groups_of(tx, realm))

    async def get(self, realm: str, group_id: str) -> Group:
        """Errors: NotFoundError."""
        return _known(await self._database.read(lambda tx: store.group(tx, realm, group_id)))

    async def create(self, realm: str, name: str, change: GroupChange, author: Author) -> Group:
        """A new group. Errors: RequestError; ConflictError when the name is taken; NotFoundError for an unknown realm."""
        home, now = await self._realms.current(realm), self._clock.now()
        new = Group(id=str(uuid4()), realm=home.name, name=name, description="", created_at=now)
        return await self._database.write(lambda tx: self._save(tx, new, replace(change, name=name), author, "created"))

    async def change(self, realm: str, group_id: str, change: GroupChange, author: Author) -> Group:
        """Set the fields that are given. Errors: NotFoundError; as `create`."""
        return await self._database.write(
            lambda tx: self._save(tx, _known(store.group(tx, realm, group_id)), change, author, "changed")
        )

    async def delete(self, realm: str, group_id: str, author: Author) -> None:
        """Remove the group; its members stay. Errors: NotFoundError."""

        def carry_out(tx: Connection) -> None:
            group = _known(store.group(tx, realm, group_id))
            store.delete_group(tx, group_id)
            self._record(tx, group, author, "deleted")

        await self._database.write(carry_out)

    def _save(self, tx: Connection, before: Group, change: GroupChange, author: Author, what: str) -> Group:
        after = replace(
            before,
            name=before.name if change.name is None else checked_text("groupname", change.name, 100, may_be_empty=False),
            description=before.description if change.description is None else checked_text("description", change.description, 500),
            members=before.members if change.members is None else _user_ids(tx, before.realm, change.members),
        )
        taken = store.group_by_name(tx, after.realm, after.name)
        if taken is not None and taken.id != after.id:
            raise ConflictError(f"there is a group called {after.name} already", field="groupname")
        store.save_group(tx, after)
        self._record(tx, after, author, what)
        return after

    def _record(self, tx: Connection, group: Group, author: Author, what: str) -> None:
        detail = {"group": group.name, "what": what, "members": str(len(group.members))}
        entry = AuditEntry(realm=group.realm, action=Action.GROUP_CHANGE, actor=author.actor, subject=group.id, detail=detail)
        self._audit.record(tx, entry)


def _known(group: Group | None) -> Group:
    if group is None:
        raise NotFoundError("there is no such group")
    return group


def _user_ids(tx: Connection, realm: str, refs: Sequence[str]) -> tuple[str, ...]:
    found = []
    for ref in refs:
        person = store.user(tx, realm, ref) or store.user_by_name(tx, realm, ref)
        if person is None:
            raise RequestError(f"there is no user {ref[:100]!r}", field="members")
        found.append(person.id)
    return tuple(dict.fromkeys(found))
