"""SQLAlchemy engines over SQLite whose transactions are exactly the ones we ask for.

Python's driver would open transactions by itself, and only before some statements. Here the driver is put into autocommit
(`isolation_level = None`) and every SQLAlchemy transaction begins with a BEGIN of ours: `BEGIN IMMEDIATE` for the writer, which
then never fails half way for a lock, and `BEGIN` for readers, which gives all statements of one question the same snapshot.
"""

from pathlib import Path
from sqlite3 import Connection as DriverConnection
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, Pool, QueuePool, StaticPool

from melanzana.errors import SettingsError

#: Milliseconds to wait for the short transaction of a visitor (the command line) before answering 503.
BUSY_TIMEOUT_MS = 4_000
_SYNCHRONOUS_FULL = 2


def writer_engine(path: Path) -> Engine:
    """Engine of the one connection that writes; closing its connection closes the file.

    Errors of its `connect`: SettingsError when the file system cannot give durable commits.
    """
    engine = _engine(_url(path), begin="BEGIN IMMEDIATE", poolclass=NullPool)
    event.listen(engine, "connect", lambda connection, _record: _demand_durability(connection, path))
    return engine


def reader_engine(path: Path, connections: int) -> Engine:
    """Engine of the connections that only read."""
    engine = _engine(_url(path), begin="BEGIN", poolclass=QueuePool, pool_size=connections, max_overflow=0)
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA query_only=ON"))
    return engine


def glancing_engine(path: Path) -> Engine:
    """Engine of the one connection for questions of a single statement: it opens no transaction, the statement is its own."""
    engine = _engine(_url(path), begin=None, poolclass=NullPool)
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA query_only=ON"))
    return engine


def memory_engine() -> Engine:
    """Engine of one in-memory database that lives as long as the engine."""
    return _engine(URL.create("sqlite+pysqlite"), begin="BEGIN", poolclass=StaticPool)


def driver_of(connection: Connection) -> DriverConnection:
    """The connection of Python's own driver underneath."""
    driver = connection.connection.dbapi_connection
    assert driver is not None
    return cast(DriverConnection, driver)


def empty_log(connection: Connection) -> bool:
    """Move the write-ahead log into the file and cut it to nothing; False when somebody reads from it still."""
    (busy, _, _) = driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _url(path: Path) -> URL:
    return URL.create("sqlite+pysqlite", database=str(path))


def _engine(url: URL, *, begin: str | None, poolclass: type[Pool], **options: Any) -> Engine:
    engine = create_engine(url, poolclass=poolclass, connect_args={"check_same_thread": False}, **options)

    def prepare(connection: DriverConnection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")

    event.listen(engine, "connect", prepare)
    if begin is not None:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _demand_durability(connection: DriverConnection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    (level,) = connection.execute("PRAGMA synchronous").fetchone()
    if mode != "wal" or level != _SYNCHRONOUS_FULL:
        raise SettingsError(
            f"{path} cannot be opened with a write-ahead log (journal mode {mode}, synchronous {level}); "
            "put the data folder on a local disk",
            field="data",
        )
