"""All SQL of tenants and their keys."""

from typing import Any

from sqlalchemy import Boolean, Column, Connection, ForeignKey, LargeBinary, Table, Text, select, update

from melanzana.realms.records import KeyState, Realm, SigningKey
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

realms = Table(
    "realms",
    metadata,
    Column("name", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("base_url", Text),
    Column("created_at", Instant, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("realm", Text, ForeignKey("realms.name"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("sealed_pem", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)


def realm(tx: Connection, name: str) -> Realm | None:
    row = tx.execute(select(realms).where(realms.c.name == name)).mappings().one_or_none()
    return None if row is None else Realm(**row)


def all_realms(tx: Connection) -> list[Realm]:
    return [Realm(**row) for row in tx.execute(select(realms).order_by(realms.c.name)).mappings()]


def add_realm(tx: Connection, new: Realm, key: SigningKey) -> None:
    """Add a realm and its first key, unless somebody else was faster."""
    if realm(tx, new.name) is None:
        tx.execute(realms.insert().values(_values(new)))
        add_key(tx, key)


def set_base_url(tx: Connection, base_url: str) -> None:
    """One server answers for every realm."""
    tx.execute(update(realms).values(base_url=base_url))


def keys(tx: Connection) -> list[SigningKey]:
    """Every key of every realm, oldest first."""
    rows = tx.execute(select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)).mappings()
    return [SigningKey(**{**row, "state": KeyState(row["state"])}) for row in rows]


def add_key(tx: Connection, key: SigningKey) -> None:
    """Add a key; when it is active, the realm's active key becomes passive."""
    if key.state is KeyState.ACTIVE:
        tx.execute(update(signing_keys).where(signing_keys.c.realm == key.realm).values(state=KeyState.PASSIVE))
    tx.execute(signing_keys.insert().values(_values(key)))


def remove_key(tx: Connection, kid: str) -> None:
    tx.execute(signing_keys.delete().where(signing_keys.c.kid == kid))


def _values(record: Realm | SigningKey) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}
