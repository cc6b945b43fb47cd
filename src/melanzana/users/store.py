"""All SQL of accounts and groups."""

from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from melanzana.access.permissions import Role
from melanzana.users.names import name_key
from melanzana.users.records import Group, User
from melanzana.users.tables import group_members, one_time_links, sessions, user_groups, user_identities, users


def user(tx: Connection, realm: str, user_id: str) -> User | None:
    return _one(tx, users.c.realm == realm, users.c.id == user_id)


def user_by_name(tx: Connection, realm: str, username: str) -> User | None:
    return _one(tx, users.c.realm == realm, users.c.username_key == name_key(username))


def user_by_identity(tx: Connection, realm: str, issuer: str, subject: str) -> User | None:
    """The person that this subject of an external issuer is."""
    linked = select(user_identities.c.user_id).where(
        user_identities.c.realm == realm, user_identities.c.issuer == issuer, user_identities.c.subject == subject
    )
    return _one(tx, users.c.id.in_(linked))


def users_of(tx: Connection, realm: str) -> list[User]:
    """Everybody of the realm, by name."""
    question = select(users).where(users.c.realm == realm).order_by(users.c.username_key)
    return [read_user(row) for row in tx.execute(question).mappings()]


def admins(tx: Connection, realm: str) -> list[User]:
    """Administrators who may log in."""
    question = select(users).where(users.c.realm == realm, users.c.role == Role.ADMIN, users.c.enabled)
    return [read_user(row) for row in tx.execute(question).mappings()]


def has_admin(tx: Connection, realm: str) -> bool:
    """Whether the realm has an administrator, enabled or not."""
    question = select(func.count()).select_from(users).where(users.c.realm == realm, users.c.role == Role.ADMIN)
    return bool(tx.execute(question).scalar_one())


def add_user(tx: Connection, new: User) -> None:
    tx.execute(users.insert().values(_values(new)))


def change_user(tx: Connection, changed: User) -> None:
    """Write every field."""
    tx.execute(update(users).where(users.c.id == changed.id).values(_values(changed)))


def delete_user(tx: Connection, user_id: str) -> None:
    """Remove the account and all that hangs on it."""
    for linked in (sessions, one_time_links, group_members, user_identities):
        tx.execute(delete(linked).where(linked.c.user_id == user_id))
    tx.execute(delete(users).where(users.c.id == user_id))


def link_identity(tx: Connection, person: User, issuer: str, subject: str) -> None:
    """From now on that subject of the issuer is this person."""
    tx.execute(user_identities.insert().values(realm=person.realm, issuer=issuer, subject=subject, user_id=person.id))


def is_external(tx: Connection, user_id: str) -> bool:
    question = select(func.count()).select_from(user_identities).where(user_identities.c.user_id == user_id)
    return bool(tx.execute(question).scalar_one())


def group(tx: Connection, realm: str, group_id: str) -> Group | None:
    return next(iter(_groups(tx, user_groups.c.realm == realm, user_groups.c.id == group_id)), None)


def group_by_name(tx: Connection, realm: str, name: str) -> Group | None:
    return next(iter(_groups(tx, user_groups.c.realm == realm, user_groups.c.name_key == name_key(name))), None)


def groups_of(tx: Connection, realm: str) -> list[Group]:
    """Every group of the realm with its members, by name."""
    return _groups(tx, user_groups.c.realm == realm)


def save_group(tx: Connection, saved: Group) -> None:
    """Add the group, or write every field of it, members too."""
    values = {"realm": saved.realm, "name": saved.name, "name_key": name_key(saved.name), "description": saved.description}
    if not tx.execute(update(user_groups).where(user_groups.c.id == saved.id).values(values)).rowcount:
        tx.execute(user_groups.insert().values(id=saved.id, created_at=saved.created_at, **values))
    tx.execute(delete(group_members).where(group_members.c.group_id == saved.id))
    for user_id in saved.members:
        tx.execute(group_members.insert().values(group_id=saved.id, user_id=user_id))


def delete_group(tx: Connection, group_id: str) -> None:
    tx.execute(delete(group_members).where(group_members.c.group_id == group_id))
    tx.execute(delete(user_groups).where(user_groups.c.id == group_id))


def set_memberships(tx: Connection, user_id: str, group_ids: tuple[str, ...]) -> None:
    """The person is in these groups and no other."""
    tx.execute(delete(group_members).where(group_members.c.user_id == user_id))
    for group_id in group_ids:
        tx.execute(group_members.insert().values(group_id=group_id, user_id=user_id))


def read_user(row: RowMapping) -> User:
    """A row of `users`, whatever else was selected with it."""
    return User(**{name: row[name] for name in User.__slots__ if name != "role"}, role=Role(row["role"]))


def _one(tx: Connection, *conditions: Any) -> User | None:
    row = tx.execute(select(users).where(*conditions)).mappings().one_or_none()
    return None if row is None else read_user(row)


def _groups(tx: Connection, *conditions: Any) -> list[Group]:
    rows = tx.execute(select(user_groups).where(*conditions).order_by(user_groups.c.name_key)).mappings().all()
    ids = [row["id"] for row in rows]
    members: dict[str, list[str]] = {group_id: [] for group_id in ids}
    question = (
        select(group_members)
        .join(users, users.c.id == group_members.c.user_id)
        .where(group_members.c.group_id.in_(ids))
        .order_by(users.c.username_key)
    )
    for member in tx.execute(question).mappings():
        members[member["group_id"]].append(member["user_id"])
    return [
        Group(
            id=row["id"],
            realm=row["realm"],
            name=row["name"],
            description=row["description"],
            created_at=row["created_at"],
            members=tuple(members[row["id"]]),
        )
        for row in rows
    ]


def _values(person: User) -> dict[str, Any]:
    values = {name: getattr(person, name) for name in person.__slots__}
    return {**values, "role": person.role.value, "username_key": name_key(person.username)}
