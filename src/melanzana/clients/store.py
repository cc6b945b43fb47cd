"""All SQL of clients and of what may be used once: the ids of their assertions, tickets of credential files, forms of the page."""

from collections.abc import Callable, Mapping
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
    Table,
    Text,
    bindparam,
    column,
    delete,
    or_,
    select,
    table,
    update,
)

from melanzana.access.records import PrincipalKind
from melanzana.clients.records import Client
from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText

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
    Column("previous_digest", LargeBinary),
    Column("previous_until", Instant),
    Column("public_keys", JsonText),
    Column("scopes", JsonText),
    Column("allowed_addresses", JsonText, nullable=False, server_default="[]"),
    Column("expires_at", Instant),
    Column("last_used_address", Text),
)

single_uses = Table(
    "client_single_uses",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

_CLIENT = select(clients).where(clients.c.realm == bindparam("realm"), clients.c.client_id == bindparam("client_id"))
#: What a client asks of its realm; the table is the realms' own (`realms/store.py`).
_realms = table("realms", column("name", Text), column("enabled", Boolean))
#: Asked once a request: the client, if it is neither revoked nor expired and its realm is enabled.
_LIVE_CLIENT = Prepared(
    _CLIENT.join(_realms, clients.c.realm == _realms.c.name).where(
        _realms.c.enabled,
        clients.c.revoked_at.is_(None),
        or_(clients.c.expires_at.is_(None), clients.c.expires_at > bindparam("now", type_=Instant)),
    )
)


def client(tx: Connection, realm: str, client_id: str) -> Client | None:
    """The client of this realm, in whatever state."""
    row = tx.execute(_CLIENT, {"realm": realm, "client_id": client_id}).mappings().one_or_none()
    return None if row is None else _client(row)


def live_client(tx: Connection, realm: str, client_id: str, now: datetime) -> Client | None:
    """The client, unless it is revoked, expired, of another realm, or its realm is disabled."""
    row = _LIVE_CLIENT.first(tx, {"realm": realm, "client_id": client_id, "now": now})
    return None if row is None else _client(row)


def clients_of(tx: Connection, realm: str, kind: PrincipalKind | None) -> list[Client]:
    """The clients of a realm, oldest first, revoked ones too."""
    question = select(clients).where(clients.c.realm == realm).order_by(clients.c.created_at, clients.c.client_id)
    if kind is not None:
        question = question.where(clients.c.kind == kind)
    return [_client(row) for row in tx.execute(question).mappings()]


def add_client(tx: Connection, new: Client) -> None:
    tx.execute(clients.insert().values(_columns({name: getattr(new, name) for name in new.__slots__})))


def change(tx: Connection, before: Client, values: Mapping[str, Any]) -> Client:
    """Write these columns over the client's."""
    tx.execute(update(clients).where(clients.c.client_id == before.client_id).values(_columns(values)))
    after = client(tx, before.realm, before.client_id)
    assert after is not None
    return after


def mark_used(tx: Connection, client_id: str, at: datetime, address: str) -> None:
    tx.execute(update(clients).where(clients.c.client_id == client_id).values(last_used_at=at, last_used_address=address))


def add_single_use(tx: Connection, owner: str, purpose: str, digest: bytes, expires_at: datetime) -> None:
    """Note a use; the primary key refuses the second one, whichever process or transaction it comes from.

    Errors: sqlalchemy's IntegrityError when it was used before.
    """
    tx.execute(single_uses.insert().values(owner=owner, purpose=purpose, digest=digest, expires_at=expires_at))


def forget_single_uses(tx: Connection, now: datetime) -> None:
    """Forget uses of what has expired anyway."""
    tx.execute(delete(single_uses).where(single_uses.c.expires_at <= now))


_TO_COLUMN: Mapping[str, Callable[[Any], Any]] = {"scopes": sorted, "allowed_addresses": list}


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _TO_COLUMN[name](value) if value is not None and name in _TO_COLUMN else value for name, value in values.items()}


def _client(row: Mapping[Any, Any]) -> Client:
    scopes = row["scopes"]
    return Client(
        **{
            **row,
            "kind": PrincipalKind(row["kind"]),
            "scopes": None if scopes is None else frozenset(scopes),
            "allowed_addresses": tuple(row["allowed_addresses"]),
        }
    )
