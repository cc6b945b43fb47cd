"""The SQL of searches. Only `shrinking/service.py` opens it; revision `0019_shrinking` creates the table."""

from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, RowMapping, Table, Text, insert, select, update

from melanzana.shrinking.records import Search, SearchState
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

searches = Table(
    "shrink_searches",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("run_id", RowId, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("abort_requested", Boolean, nullable=False),
    Column("performances", Integer, nullable=False),
    Column("actions_before", Integer, nullable=False),
    Column("actions", Integer, nullable=False),
    Column("current_run", RowId),
    Column("smallest", JsonText),
    Column("failures", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("test_case", Text),
    Index(None, "realm", "run_id"),
    sqlite_autoincrement=True,
)
_NAMES = tuple(Search.__dataclass_fields__)


def add(tx: Connection, search: Search) -> int:
    """Keep a new one; its id."""
    values = {name: getattr(search, name) for name in _NAMES if name != "id"}
    return int(tx.execute(insert(searches).values(**values).returning(searches.c.id)).scalar_one())


def find(tx: Connection, realm: str, search_id: int) -> Search | None:
    row = tx.execute(select(searches).where(searches.c.realm == realm, searches.c.id == search_id)).mappings().first()
    return None if row is None else _search(row)


def of_run(tx: Connection, realm: str, run_id: int | None, limit: int) -> tuple[Search, ...]:
    """The newest first; `run_id` None: of every run."""
    question = select(searches).where(searches.c.realm == realm).order_by(searches.c.id.desc()).limit(limit)
    if run_id is not None:
        question = question.where(searches.c.run_id == run_id)
    return tuple(_search(row) for row in tx.execute(question).mappings())


def note(tx: Connection, search_id: int, **values: Any) -> None:
    tx.execute(update(searches).where(searches.c.id == search_id).values(**values))


def _search(row: RowMapping) -> Search:
    return Search(**{**{name: row[name] for name in _NAMES}, "state": SearchState(row["state"])})
