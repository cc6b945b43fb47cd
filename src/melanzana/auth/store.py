"""All SQL of revoked tokens and used proofs. Both are kept until what they speak of has expired anyway."""

from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, bindparam, delete, select
from sqlalchemy.exc import IntegrityError

from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

used_proofs = Table(
    "used_proofs",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

#: Asked once a request.
_REVOKED = Prepared(select(revoked_tokens.c.realm).where(revoked_tokens.c.token_id == bindparam("token_id")))


def is_revoked(tx: Connection, realm: str, token_id: str) -> bool:
    found = _REVOKED.first(tx, {"token_id": token_id})
    return found is not None and found["realm"] == realm


def add_revoked(tx: Connection, realm: str, token_id: str, expires_at: datetime) -> bool:
    """False when it was revoked before."""
    if is_revoked(tx, realm, token_id):
        return False
    tx.execute(revoked_tokens.insert().values(token_id=token_id, realm=realm, expires_at=expires_at))
    return True


def add_used_proof(tx: Connection, digest: bytes, expires_at: datetime) -> bool:
    """False when it was used before, whichever process saw it: the primary key decides."""
    try:
        with tx.begin_nested():
            tx.execute(used_proofs.insert().values(digest=digest, expires_at=expires_at))
    except IntegrityError:
        return False
    return True


def forget_expired(tx: Connection, now: datetime) -> None:
    for table in (revoked_tokens, used_proofs):
        tx.execute(delete(table).where(table.c.expires_at <= now))
