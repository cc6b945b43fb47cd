"""All databases keep the same promises."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, bindparam, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from melanzana.errors import ConflictError, UnavailableError
from melanzana.storage.database import Database, InlineDatabase, SqliteDatabase
from melanzana.storage.postgresql import PostgresqlDatabase
from melanzana.storage.prepared import Prepared
from support_storage import rows, statement

pytestmark = pytest.mark.anyio
_NUMBERS = Table("numbers", MetaData(), Column("n", Integer, primary_key=True))
_ADD = Prepared(insert(_NUMBERS), ["n"])
_ADD_GIVEN = Prepared(insert(_NUMBERS).returning(_NUMBERS.c.n), ["n"])
_FROM = Prepared(select(_NUMBERS).where(_NUMBERS.c.n >= bindparam("least")).order_by(_NUMBERS.c.n))


def _open(kind: str, request: pytest.FixtureRequest, folder: Path) -> Database:
    match kind:
        case "sqlite":
            return SqliteDatabase.open(folder / "data" / "test.db")
        case "postgresql":
            return PostgresqlDatabase.open(request.getfixturevalue("postgresql"))
        case _:
            return InlineDatabase.open()


@pytest.fixture(params=["sqlite", "inline", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """One database of each kind, with a table of distinct numbers."""
    made = _open(request.param, request, tmp_path)
    await made.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    yield made
    await made.close()


async def test_change_is_seen(database: Database) -> None:
    """A question after a change sees it, and gives what the question returned."""
    await database.write(statement("INSERT INTO numbers VALUES (7)"))
    assert await database.read(rows("SELECT n FROM numbers")) == [7]


async def test_result_of_a_change_is_returned(database: Database) -> None:
    """A change gives what its function returned."""
    assert await database.write(lambda tx: tx.execute(text("SELECT 41 + 1")).scalar_one()) == 42


async def test_failing_change_leaves_nothing(database: Database) -> None:
    """A change that raises after it wrote leaves nothing behind, and its own error arrives."""

    def change(tx: Connection) -> None:
        tx.execute(text("INSERT INTO numbers VALUES (1)"))
        raise ConflictError("no")

    with pytest.raises(ConflictError, match="no"):
        await database.write(change)
    assert await database.read(rows("SELECT n FROM numbers")) == []


async def test_failing_change_does_not_hurt_its_neighbours(database: Database) -> None:
    """Of changes sent together, only the one that breaks a rule fails."""
    await database.write(statement("INSERT INTO numbers VALUES (5)"))
    changes = [database.write(statement("INSERT INTO numbers VALUES (:n)", n=n)) for n in range(10)]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [5]
    assert isinstance(outcomes[5], IntegrityError)
    assert await database.read(rows("SELECT n FROM numbers ORDER BY n")) == list(range(10))


async def test_changes_keep_their_order(database: Database) -> None:
    """Changes are carried out in the order in which they were sent."""
    await database.write(statement("CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER)"))
    await asyncio.gather(
        *[database.write(statement("INSERT INTO log SELECT count(*), CAST(:n AS INTEGER) FROM log", n=n)) for n in range(300)]
    )
    assert await database.read(rows("SELECT n FROM log ORDER BY id")) == list(range(300))


async def test_questions_cannot_write(database: Database) -> None:
    """A question that tries to write fails as the programming error it is, and changes nothing."""
    with pytest.raises(DBAPIError, match=r"read-?only"):
        await database.read(statement("INSERT INTO numbers VALUES (1)"))
    await database.write(statement("INSERT INTO numbers VALUES (2)"))
    assert await database.read(rows("SELECT n FROM numbers")) == [2]


async def test_glance_is_a_question(database: Database) -> None:
    """A glance sees every change that was committed before it, cannot write, and gives the question's own errors."""
    for number in range(3):
        await database.write(statement("INSERT INTO numbers VALUES (:n)", n=number))
        assert await database.glance(rows("SELECT max(n) FROM numbers")) == [number]
    with pytest.raises(DBAPIError, match=r"read-?only"):
        await database.glance(statement("INSERT INTO numbers VALUES (9)"))
    with pytest.raises(DBAPIError, match=r"no such table|does not exist"):
        await database.glance(rows("SELECT 1 FROM nowhere"))
    assert await database.glance(rows("SELECT count(*) FROM numbers")) == [3]


async def test_error_of_a_question_arrives(database: Database) -> None:
    """What a question raises arrives unchanged."""
    with pytest.raises(DBAPIError, match=r"no such table|does not exist"):
        await database.read(rows("SELECT 1 FROM nowhere"))


async def test_foreign_keys_hold(database: Database) -> None:
    """A row cannot point at one that does not exist."""
    await database.write(statement("CREATE TABLE uses (n INTEGER REFERENCES numbers (n))"))
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await database.write(statement("INSERT INTO uses VALUES (99)"))


async def test_ddl_is_transactional(database: Database) -> None:
    """A table made by a change that fails is gone."""

    def change(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE half (x INTEGER)"))
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        await database.write(change)
    assert not await database.read(lambda tx: inspect(tx).has_table("half"))


async def test_inner_savepoint(database: Database) -> None:
    """A change may take part of itself back."""

    def change(tx: Connection) -> None:
        tx.execute(text("INSERT INTO numbers VALUES (1)"))
        inner = tx.begin_nested()
        tx.execute(text("INSERT INTO numbers VALUES (2)"))
        inner.rollback()

    await database.write(change)
    assert await database.read(rows("SELECT n FROM numbers")) == [1]


async def test_closed(database: Database) -> None:
    """After close, both verbs answer that the database is not available; closing again is harmless."""
    await database.close()
    await database.close()
    with pytest.raises(UnavailableError, match="closed"):
        await database.read(rows("SELECT 1"))
    with pytest.raises(UnavailableError, match="closed"):
        await database.glance(rows("SELECT 1"))
    with pytest.raises(UnavailableError, match="closed"):
        await database.write(rows("SELECT 1"))


async def test_base_exception_in_a_change(database: Database) -> None:
    """Even an exit raised by a change reaches its caller, and the database lives on."""

    class Strange(BaseException):
        pass

    def change(tx: Connection) -> Any:
        tx.execute(text("INSERT INTO numbers VALUES (1)"))
        raise Strange

    with pytest.raises(Strange):
        await database.write(change)
    await database.write(statement("INSERT INTO numbers VALUES (2)"))
    assert await database.read(rows("SELECT n FROM numbers")) == [2]


def _add_all(tx: Connection, numbers: Sequence[int]) -> list[int | Exception]:
    """Keeps the numbers and gives each back doubled; a negative one is refused before anything is written."""
    kept = [number for number in numbers if number >= 0]
    _ADD.many(tx, [{"n": number} for number in kept])
    return [number * 2 if number >= 0 else ConflictError("negative") for number in numbers]


async def test_many_in_one_go_answer_each_its_own(database: Database) -> None:
    """What is handed in one by one for the same many is answered one by one, refusals and broken rules included."""
    await database.write(statement("INSERT INTO numbers VALUES (5)"))
    outcomes = await asyncio.gather(*(database.write_each(_add_all, n) for n in (-1, 3, 4, 5, 6)), return_exceptions=True)
    assert isinstance(outcomes[0], ConflictError)
    assert isinstance(outcomes[3], IntegrityError)
    assert [outcomes[1], outcomes[2], outcomes[4]] == [6, 8, 12]
    assert await database.read(rows("SELECT n FROM numbers ORDER BY n")) == [3, 4, 5, 6]


async def test_prepared_statements_are_part_of_the_transaction(database: Database) -> None:
    """A prepared statement sees what its transaction did before, and goes back with it; its errors are SQLAlchemy's."""

    def change(tx: Connection) -> None:
        assert _ADD_GIVEN.many_returning(tx, [{"n": 1}, {"n": 2}]) == [{"n": 1}, {"n": 2}]
        tx.execute(text("INSERT INTO numbers VALUES (3)"))
        assert [row["n"] for row in _FROM.all(tx, {"least": 2})] == [2, 3]
        assert _FROM.first(tx, {"least": 4}) is None
        raise ConflictError("no")

    with pytest.raises(ConflictError, match="no"):
        await database.write(change)
    assert await database.read(lambda tx: _FROM.all(tx, {"least": 0})) == []
    with pytest.raises(IntegrityError):
        await database.write(lambda tx: _ADD.many(tx, [{"n": 1}, {"n": 1}]))
