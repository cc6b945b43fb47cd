"""All SQL of tenants and their keys. Every change of a realm or a key raises the realm's revision."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    bindparam,
    select,
    update,
)

from melanzana.realms.records import KeyState, Realm, SigningKey
from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

realms = Table(
    "realms",
    metadata,
    Column("name", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("base_url", Text),
    Column("created_at", Instant, nullable=False),
    Column("token_type", Text, nullable=False, server_default="JWT"),
    Column("algorithm", Text, nullable=False, server_default="RS256"),
    Column("not_before", BigInteger, nullable=False, server_default="0"),
    Column("token_seconds", Integer, nullable=False, server_default="300"),
    Column("revision", BigInteger, nullable=False, server_default="1"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("realm", Text, ForeignKey("realms.name"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("sealed_pem", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("algorithm", Text, nullable=False, server_default="RS256"),
    Column("changed_at", Instant),
)

_REALM = Prepared(select(realms).where(realms.c.name == bindparam("name")))


def realm(tx: Connection, name: str) -> Realm | None:
    row = _REALM.first(tx, {"name": name})
    return None if row is None else Realm(**row)


def all_realms(tx: Connection) -> list[Realm]:
    return [Realm(**row) for row in tx.execute(select(realms).order_by(realms.c.name)).mappings()]


def add_realm(tx: Connection, new: Realm, keys: Iterable[SigningKey]) -> bool:
    """Add a realm and its first keys; False when somebody else was faster."""
    if realm(tx, new.name) is not None:
        return False
    tx.execute(realms.insert().values(_values(new)))
    for key in keys:
        tx.execute(signing_keys.insert().values(_values(key)))
    return True


def change_realm(tx: Connection, name: str, values: Mapping[str, Any]) -> Realm | None:
    """Set the columns and raise the revision; None when there is no such realm."""
    tx.execute(update(realms).where(realms.c.name == name).values(**values, revision=realms.c.revision + 1))
    return realm(tx, name)


def set_base_url(tx: Connection, base_url: str) -> None:
    """One server answers for every realm."""
    changed = realms.c.base_url.is_distinct_from(base_url)
    tx.execute(update(realms).where(changed).values(base_url=base_url, revision=realms.c.revision + 1))


def keys(tx: Connection, realm_name: str | None = None) -> list[SigningKey]:
    """The keys of a realm, or of every realm, oldest first."""
    question = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
    if realm_name is not None:
        question = question.where(signing_keys.c.realm == realm_name)
    return [_key(row) for row in tx.execute(question).mappings()]


def key(tx: Connection, realm_name: str, kid: str) -> SigningKey | None:
    """The realm's key of that id."""
    question = select(signing_keys).where(signing_keys.c.kid == kid, signing_keys.c.realm == realm_name)
    row = tx.execute(question).mappings().one_or_none()
    return None if row is None else _key(row)


def rotate(tx: Connection, realm_name: str, fresh: Iterable[SigningKey], at: datetime) -> SigningKey:
    """Make the next key active, the active one passive, and a fresh one next. Gives the key that signs from now on.

    `fresh`: at least one key; a second is needed when the realm has no next key.
    """
    spare = list(fresh)
    promoted = _of_state(tx, realm_name, KeyState.NEXT)
    if promoted is None:
        promoted = spare.pop(0)
        tx.execute(signing_keys.insert().values(_values(promoted) | {"state": KeyState.NEXT}))
    _move(tx, realm_name, KeyState.ACTIVE, KeyState.PASSIVE, at)
    _move(tx, realm_name, KeyState.NEXT, KeyState.ACTIVE, at)
    for new in spare[:1]:
        tx.execute(signing_keys.insert().values(_values(new) | {"state": KeyState.NEXT}))
    change_realm(tx, realm_name, {})
    return promoted


def replace_next(tx: Connection, realm_name: str, fresh: SigningKey) -> None:
    """Another next key instead of one that never signed."""
    tx.execute(signing_keys.delete().where(signing_keys.c.realm == realm_name, signing_keys.c.state == KeyState.NEXT))
    tx.execute(signing_keys.insert().values(_values(fresh) | {"state": KeyState.NEXT}))
    change_realm(tx, realm_name, {})


def disable_key(tx: Connection, realm_name: str, kid: str, at: datetime) -> None:
    """Distrust the key for good: its private part is erased."""
    change = update(signing_keys).where(signing_keys.c.kid == kid)
    tx.execute(change.values(state=KeyState.DISABLED, changed_at=at, sealed_pem=b""))
    change_realm(tx, realm_name, {})


def remove_key(tx: Connection, realm_name: str, kid: str) -> None:
    tx.execute(signing_keys.delete().where(signing_keys.c.kid == kid))
    change_realm(tx, realm_name, {})


def _of_state(tx: Connection, realm_name: str, state: KeyState) -> SigningKey | None:
    question = select(signing_keys).where(signing_keys.c.realm == realm_name, signing_keys.c.state == state)
    row = tx.execute(question).mappings().first()
    return None if row is None else _key(row)


def _move(tx: Connection, realm_name: str, old: KeyState, new: KeyState, at: datetime) -> None:
    change = update(signing_keys).where(signing_keys.c.realm == realm_name, signing_keys.c.state == old)
    tx.execute(change.values(state=new, changed_at=at))


def _key(row: RowMapping) -> SigningKey:
    return SigningKey(**{**row, "state": KeyState(row["state"])})


def _values(record: Realm | SigningKey) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}
