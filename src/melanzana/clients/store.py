"""All SQL of clients."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger as Big
from sqlalchemy import (
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
    column,
    select,
    table,
    update,
)

from melanzana.access.records import PrincipalKind
from melanzana.clients.records import Client
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

clients = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("realm", Text, ForeignKey("realms.name"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("agent_id", Big),
    Column("secret_digest", LargeBinary, nullable=False),
    Column("pepper_version", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
)

_CLIENT = select(clients).where(clients.c.client_id == bindparam("client_id"))
#: What a client asks of its realm; the table is the realms' own (`realms/store.py`).
_realms = table("realms", column("name", Text), column("enabled", Boolean))
#: Asked once a request: the client, if its realm is enabled.
_LIVE_CLIENT = _CLIENT.join(_realms, clients.c.realm == _realms.c.name).where(
    _realms.c.enabled, clients.c.realm == bindparam("realm"), clients.c.revoked_at.is_(None)
)


def client(tx: Connection, client_id: str) -> Client | None:
    row = tx.execute(_CLIENT, {"client_id": client_id}).mappings().one_or_none()
    return None if row is None else _client(row)


def live_client(tx: Connection, realm_name: str, client_id: str) -> Client | None:
    """The client, unless it is revoked, of another realm, or its realm is disabled."""
    row = tx.execute(_LIVE_CLIENT, {"client_id": client_id, "realm": realm_name}).mappings().one_or_none()
    return None if row is None else _client(row)


def clients_of(tx: Connection, realm_name: str, kind: PrincipalKind | None) -> list[Client]:
    """The clients of a realm, oldest first, revoked ones too."""
    question = select(clients).where(clients.c.realm == realm_name).order_by(clients.c.created_at, clients.c.client_id)
    if kind is not None:
        question = question.where(clients.c.kind == kind)
    return [_client(row) for row in tx.execute(question).mappings()]


def add_client(tx: Connection, new: Client) -> None:
    tx.execute(clients.insert().values(_values(new)))


def replace_secret(tx: Connection, client_id: str, digest: bytes, pepper_version: int) -> Client | None:
    """Set a new secret and end every token of the old one. None when the client is unknown or revoked."""
    change = (
        update(clients)
        .where(clients.c.client_id == client_id, clients.c.revoked_at.is_(None))
        .values(secret_digest=digest, pepper_version=pepper_version, generation=clients.c.generation + 1)
    )
    return client(tx, client_id) if tx.execute(change).rowcount else None


def revoke(tx: Connection, client_id: str, at: datetime) -> Client | None:
    """Revoke once; the first instant stays. None when the client is unknown."""
    tx.execute(update(clients).where(clients.c.client_id == client_id, clients.c.revoked_at.is_(None)).values(revoked_at=at))
    return client(tx, client_id)


def mark_used(tx: Connection, client_id: str, at: datetime) -> None:
    tx.execute(update(clients).where(clients.c.client_id == client_id).values(last_used_at=at))


def _client(row: RowMapping) -> Client:
    return Client(**{**row, "kind": PrincipalKind(row["kind"])})


def _values(record: Client) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}
