"""The database as every service sees it: ask a question, or make a change.

A service hands in a plain function of its `store.py`; it runs on a SQLAlchemy connection inside one transaction, and the answer
comes back when the transaction is over. In a `ThreadedDatabase` questions run on reader threads, changes on the one writer thread
with group commit (`writer.py`): `SqliteDatabase` is the file of one server process, `PostgresqlDatabase` (`postgresql.py`) what
several servers share. `InlineDatabase` runs everything on the calling thread, in
memory, at once: the simulator's and the fast tests' database. One conformance suite holds all to the same promises.

A change must use only its connection: no await, no network, no commit of its own. It may run beside others in one COMMIT.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from melanzana.errors import SettingsError, UnavailableError
from melanzana.storage.engines import driver_of, glancing_engine, memory_engine, reader_engine, writer_engine
from melanzana.storage.failures import FORBIDDEN, error_name, is_infrastructure, unavailable
from melanzana.storage.homecoming import Homecoming
from melanzana.storage.jobs import Job
from melanzana.storage.lock import ServerLock
from melanzana.storage.writer import Writer, WriterLimits

T = TypeVar("T")
Item = TypeVar("Item")
Role = Literal["server", "visitor"]

READERS = 4


class Database(ABC):
    """Two verbs and an end."""

    @abstractmethod
    async def read(self, question: Callable[[Connection], T]) -> T:
        """Ask; every statement of `question` sees one snapshot, and none may write.

        Errors: what `question` raises; UnavailableError when the file or the disk does not answer.
        """

    async def glance(self, question: Callable[[Connection], T]) -> T:
        """Ask for one row by its primary key, on the calling thread: for such a question a thread of its own costs more.

        One statement, since only that is sure to see one snapshot; otherwise the same promises and errors as `read`. Anything that
        may touch more than a page or two is a `read`.
        """
        return await self.read(question)

    @abstractmethod
    async def write(self, change: Callable[[Connection], T]) -> T:
        """Change, in one transaction; returns only after COMMIT.

        Errors: what `change` raises, and then nothing of it is kept; UnavailableError when the disk is full, locked or broken, or
        too many changes wait, and then nothing of it is visible.
        """

    async def write_row(self, change: Callable[[Connection], T], order: str) -> T:
        """Change one thing beside the changes of other servers; the change locks what it sees before it relies on it.

        `order` names the thing: changes that may wait for each other's rows stand in one order everywhere, and the changes of one
        thing follow one another; empty: the change waits for no row. The change may be run again from its beginning, so it does
        nothing but what its connection takes back. Errors: as `write`.
        """
        del order  # where there is one writer, everything is in order
        return await self.write(change)

    async def write_each(self, many: Callable[[Connection, Sequence[Item]], Sequence[T | Exception]], item: Item) -> T:
        """Change, with all others who hand in something for the same `many` at the time: a few statements serve them all.

        `many` gives back what came of each item, in order: an exception for one of which nothing was written. It is called again,
        item by item, should it raise. It runs beside changes of other servers, so it relies on no look of its own without locking
        what it saw. Errors: as `write`.
        """
        results = await self.write(lambda tx: many(tx, [item]))
        return _result(results[0])

    async def instant(self) -> datetime | None:
        """What time it is for everybody who shares the database; None when only this process uses it: its own clock is as good."""
        return None

    @abstractmethod
    async def close(self) -> None:
        """Finish the changes that wait, then let go of the file. Later calls give UnavailableError."""


class ThreadedDatabase(Database):
    """Questions on reader threads, changes on the writer's."""

    def __init__(self, *, writer: Writer, readers: Engine) -> None:
        self.writer = writer
        self._readers = readers
        self._homecoming = Homecoming()
        self._threads = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="melanzana-reader")
        self._closed = False

    async def read(self, question: Callable[[Connection], T]) -> T:
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, _ask, self._readers, question)

    async def write(self, change: Callable[[Connection], T]) -> T:
        answer: T = await self._homecoming.of(self.writer.submit(Job(change)))
        return answer

    async def write_row(self, change: Callable[[Connection], T], order: str) -> T:
        answer: T = await self._homecoming.of(self._lane(order).submit(Job(change, order=order)))
        return answer

    async def write_each(self, many: Callable[[Connection, Sequence[Item]], Sequence[T | Exception]], item: Item) -> T:
        answer: T = await self._homecoming.of(self._lane(None).submit(Job(many=many, item=item)))
        return answer

    def _lane(self, order: str | None) -> Writer:  # noqa: ARG002 - of databases with several
        """The writer for changes of this thing; None: for changes of many things."""
        return self.writer

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.dispose()

    def _require_open(self) -> None:
        if self._closed:
            raise UnavailableError("the database is closed")


class SqliteDatabase(ThreadedDatabase):
    """A database file of this server process."""

    def __init__(self, *, writer: Writer, readers: Engine, glancing: Connection, lock: ServerLock | None) -> None:
        super().__init__(writer=writer, readers=readers)
        self._glancing = glancing
        self._glancing.begin()  # for SQLAlchemy; the file sees each statement by itself
        self._glancing_alone = threading.Lock()
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, role: Role = "server", limits: WriterLimits | None = None) -> "SqliteDatabase":
        """Open or create the file.

        A `server` holds the lock beside the file for its life. A `visitor` takes no lock: it is for the command line, which
        makes one short change while a server may be running, and waits for the server's transaction to end.
        Errors: SettingsError when another server holds the file, or the folder cannot give durable commits.
        """
        path = path.absolute()
        _make_folder(path.parent)
        lock = ServerLock(path) if role == "server" else None
        try:
            path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
            writer = Writer(writer_engine(path).connect, limits or WriterLimits())
            return cls(writer=writer, readers=reader_engine(path, READERS), glancing=glancing_engine(path).connect(), lock=lock)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, DBAPIError | OSError):
                reason = error.orig if isinstance(error, DBAPIError) else error.strerror
                raise SettingsError(f"{path} cannot be opened as a database: {reason}", field="data") from error
            raise

    async def glance(self, question: Callable[[Connection], T]) -> T:
        self._require_open()
        with self._glancing_alone, _infrastructure_told():
            return question(self._glancing)

    async def close(self) -> None:
        if self._closed:
            return
        await super().close()
        self._glancing.close()
        if self._lock is not None:
            self._lock.release()


class InlineDatabase(Database):
    """An empty database in memory; every call runs at once on the calling thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = engine.connect()

    @classmethod
    def open(cls) -> Self:
        return cls(memory_engine())

    async def read(self, question: Callable[[Connection], T]) -> T:
        connection = self._live()
        driver = driver_of(connection)
        with connection.begin():
            driver.execute("PRAGMA query_only=ON")
            try:
                return question(connection)
            finally:
                driver.execute("PRAGMA query_only=OFF")

    async def write(self, change: Callable[[Connection], T]) -> T:
        connection = self._live()
        with connection.begin():
            return change(connection)

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._engine.dispose()

    def _live(self) -> Connection:
        if self._connection is None:
            raise UnavailableError("the database is closed")
        return self._connection


def _result(result: T | Exception) -> T:
    if isinstance(result, Exception):
        raise result
    return result


def _ask(engine: Engine, question: Callable[[Connection], T]) -> T:
    with _infrastructure_told(), engine.connect() as connection:
        return question(connection)


@contextmanager
def _infrastructure_told() -> Iterator[None]:
    """Turn what the file or the disk did wrong into UnavailableError; leave the statement's own errors as they are."""
    try:
        yield
    except DBAPIError as error:
        if is_infrastructure(error) and error_name(error) != FORBIDDEN:
            raise unavailable(error) from error
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"the data folder {folder} cannot be made: {error.strerror}", field="data") from error
