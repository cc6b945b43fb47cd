"""The SQL of coverage models. Only `coverage_models.py` opens it; revision `0020_coverage_models` creates the table."""

from sqlalchemy import Boolean, Column, Connection, Integer, Table, Text, UniqueConstraint, delete, insert, select, update

from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, RowId

coverage_models = Table(
    "coverage_models",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path_depth", Integer, nullable=False),
    Column("variable_depth", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("realm", "name"),
)
_C = coverage_models.c


def every(tx: Connection, realm: str) -> list[dict[str, object]]:
    """Oldest first."""
    return [dict(row) for row in tx.execute(select(coverage_models).where(_C.realm == realm).order_by(_C.id)).mappings()]


def add(tx: Connection, values: dict[str, object]) -> int:
    return int(tx.execute(insert(coverage_models).values(values).returning(_C.id)).scalar_one())


def change(tx: Connection, realm: str, number: int, values: dict[str, object]) -> bool:
    """False: there is none."""
    return tx.execute(update(coverage_models).where(_C.realm == realm, _C.id == number).values(values)).rowcount == 1


def remove(tx: Connection, realm: str, number: int) -> bool:
    """False: there is none."""
    return tx.execute(delete(coverage_models).where(_C.realm == realm, _C.id == number)).rowcount == 1
