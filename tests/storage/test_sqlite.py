"""What only the database file promises: group commit, back pressure, one server, recovery."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from melanzana.errors import SettingsError, UnavailableError
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.engines import driver_of
from melanzana.storage.writer import WriterLimits
from support_storage import rows, statement

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file name with characters that a URL would swallow."""
    return tmp_path / "d%20 ?#ata" / "test.db"


async def hold(database: SqliteDatabase) -> tuple["asyncio.Future[None]", threading.Event]:
    """Keep the writer inside a transaction until the event is set."""
    started, gate = threading.Event(), threading.Event()

    def change(tx: Connection) -> None:
        started.set()
        gate.wait(10)

    held = asyncio.ensure_future(database.write(change))
    await asyncio.to_thread(started.wait, 10)
    return held, gate


async def test_group_commit(path: Path) -> None:
    """Changes that wait together share one COMMIT, at most `batch` of them."""
    database = SqliteDatabase.open(path, limits=WriterLimits(batch=100))
    await database.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    blocker, gate = await hold(database)
    waiting = [asyncio.ensure_future(database.write(statement("INSERT INTO numbers VALUES (:n)", n=n))) for n in range(250)]
    await asyncio.sleep(0)
    before = database.writer.commits
    gate.set()
    await asyncio.gather(blocker, *waiting)
    assert database.writer.commits - before == 1 + 3
    assert await database.read(rows("SELECT count(*) FROM numbers")) == [250]
    await database.close()


async def test_full_queue_is_refused(path: Path) -> None:
    """One change more than may wait is told so at once; the others are carried out."""
    database = SqliteDatabase.open(path, limits=WriterLimits(queue=5))
    blocker, gate = await hold(database)
    waiting = [asyncio.ensure_future(database.write(rows("SELECT 1"))) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="too many changes"):
        await database.write(rows("SELECT 1"))
    gate.set()
    assert await asyncio.gather(blocker, *waiting) == [None, *[[1]] * 5]
    await database.close()


async def test_cancelled_while_waiting(path: Path) -> None:
    """A change whose caller gave up before its turn is not carried out."""
    database = SqliteDatabase.open(path)
    await database.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    blocker, gate = await hold(database)
    waiting = asyncio.ensure_future(database.write(statement("INSERT INTO numbers VALUES (1)")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.set()
    await blocker
    assert await database.read(rows("SELECT n FROM numbers")) == []
    await database.close()


async def test_durability_settings(path: Path) -> None:
    """The writer runs with a write-ahead log, full synchronisation and foreign keys."""
    database = SqliteDatabase.open(path)

    def settings(tx: Connection) -> list[Any]:
        return [tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await database.write(settings) == ["wal", 2, 1]
    await database.close()


async def test_second_server_is_refused(path: Path) -> None:
    """A second server on the same file is told so; after the first has closed it may open."""
    first = SqliteDatabase.open(path)
    with pytest.raises(SettingsError, match="another Melanzana server"):
        SqliteDatabase.open(path)
    await first.close()
    second = SqliteDatabase.open(path)
    await second.close()


async def test_visitor_beside_the_server(path: Path) -> None:
    """A visitor changes the file while a server holds it, and the server's next question sees it."""
    server = SqliteDatabase.open(path)
    await server.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    visitor = SqliteDatabase.open(path, role="visitor")
    await visitor.write(statement("INSERT INTO numbers VALUES (3)"))
    assert await server.read(rows("SELECT n FROM numbers")) == [3]
    await visitor.close()
    await server.write(statement("INSERT INTO numbers VALUES (4)"))
    await server.close()


async def test_reader_sees_one_snapshot(path: Path) -> None:
    """Two statements of one question agree although a change is committed between them."""
    database = SqliteDatabase.open(path)
    await database.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    first, go_on = threading.Event(), threading.Event()

    def question(tx: Connection) -> tuple[int, int]:
        count = text("SELECT count(*) FROM numbers")
        before = tx.execute(count).scalar_one()
        first.set()
        go_on.wait(10)
        return before, tx.execute(count).scalar_one()

    asked = asyncio.ensure_future(database.read(question))
    await asyncio.to_thread(first.wait, 10)
    await database.write(statement("INSERT INTO numbers VALUES (1)"))
    go_on.set()
    assert await asked == (0, 0)
    await database.close()


async def test_close_drains(path: Path) -> None:
    """Changes that wait when the database closes are committed."""
    database = SqliteDatabase.open(path)
    await database.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    waiting = [asyncio.ensure_future(database.write(statement("INSERT INTO numbers VALUES (:n)", n=n))) for n in range(500)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*waiting)
    again = SqliteDatabase.open(path)
    assert await again.read(rows("SELECT count(*) FROM numbers")) == [500]
    await again.close()


async def test_database_full_and_back(path: Path) -> None:
    """A full database answers that it is not available, keeps what it had, and works again as soon as there is room."""
    database = SqliteDatabase.open(path)
    await database.write(statement("CREATE TABLE notes (body TEXT)"))
    await database.write(statement("INSERT INTO notes VALUES ('kept')"))

    def swell(tx: Connection) -> None:
        tx.exec_driver_sql("PRAGMA max_page_count=1")  # no page beyond those in use, until the connection is gone
        for _ in range(100):
            tx.execute(text("INSERT INTO notes VALUES (:body)"), {"body": "x" * 5_000})

    with pytest.raises(UnavailableError, match="SQLITE_FULL"):
        await database.write(swell)
    assert await database.read(rows("SELECT body FROM notes")) == ["kept"]
    await database.write(statement("INSERT INTO notes VALUES ('more')"))
    assert await database.read(rows("SELECT body FROM notes")) == ["kept", "more"]
    await database.close()


async def test_lost_transaction_fails_the_whole_batch(path: Path) -> None:
    """When a change loses the transaction, everybody who shared it is told, and nobody's change is kept."""
    database = SqliteDatabase.open(path)
    await database.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    blocker, gate = await hold(database)

    def lose(tx: Connection) -> None:
        driver_of(tx).execute("ROLLBACK")
        raise ValueError("lost")

    before = asyncio.ensure_future(database.write(statement("INSERT INTO numbers VALUES (1)")))
    losing = asyncio.ensure_future(database.write(lose))
    after = asyncio.ensure_future(database.write(statement("INSERT INTO numbers VALUES (2)")))
    await asyncio.sleep(0)
    gate.set()
    await blocker
    outcomes = await asyncio.gather(before, losing, after, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 3
    assert await database.read(rows("SELECT n FROM numbers")) == []
    await database.write(statement("INSERT INTO numbers VALUES (3)"))
    await database.close()


async def test_locked_by_a_visitor(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor that holds its transaction too long makes changes unavailable, not wrong."""
    monkeypatch.setattr("melanzana.storage.engines.BUSY_TIMEOUT_MS", 50)
    server = SqliteDatabase.open(path)
    await server.write(statement("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    visitor = SqliteDatabase.open(path, role="visitor")
    holding, gate = await hold(visitor)
    with pytest.raises(UnavailableError, match="SQLITE_BUSY"):
        await server.write(statement("INSERT INTO numbers VALUES (1)"))
    gate.set()
    await holding
    await server.write(statement("INSERT INTO numbers VALUES (2)"))
    assert await server.read(rows("SELECT n FROM numbers")) == [2]
    await visitor.close()
    await server.close()


@pytest.mark.parametrize("content", [b"this is not a database, but text that is long enough to be looked at" * 4])
async def test_not_a_database(path: Path, content: bytes) -> None:
    """A file of another kind is refused with its name, and the lock is given back."""
    path.parent.mkdir()
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(SettingsError, match="cannot be opened as a database"):
            SqliteDatabase.open(path)
    assert path.read_bytes() == content


async def test_folder_cannot_be_made(tmp_path: Path) -> None:
    """A data folder that cannot be made is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="data folder"):
        SqliteDatabase.open(tmp_path / "file" / "data" / "test.db")


@pytest.mark.parametrize("name", ["test.db", "test.db.lock"])
async def test_folder_in_the_way(tmp_path: Path, name: str) -> None:
    """A folder where the database or its lock should be is a wrong setting with a reason."""
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match="cannot be"):
        SqliteDatabase.open(tmp_path / "test.db")
