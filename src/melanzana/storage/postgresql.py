"""PostgreSQL: the database that any number of server processes share.

Questions run in read-only transactions of REPEATABLE READ, so all statements of one question see one snapshot; a glance is a
statement by itself. Changes go one of two ways (ADR 0035). What looks at many things and then writes takes turns: its transaction
first takes one advisory lock, so it follows all others of its kind, whichever server made them, as in SQLite's file. What changes
one run or one agent (`write_row`), or only adds (`write_each`), goes beside the turns on writers of its own: it locks the rows it
relies on, and every transition is a guarded UPDATE with its line in the log. Both ways share COMMITs, and locks fall back when a
server is gone.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from melanzana.errors import SettingsError
from melanzana.storage.database import READERS, ThreadedDatabase
from melanzana.storage.glances import Glances
from melanzana.storage.writer import Writer, WriterLimits

#: The advisory lock under which changes are made: the first eight letters of our name.
_TURN = int.from_bytes(b"melanzan")
#: Milliseconds: to wait for a turn before answering 503; for a server that stopped in the middle of a transaction.
_TURN_TIMEOUT_MS, _STANDSTILL_MS = 4_000, 8_000
#: Seconds: to connect; without an answer from the network until a connection counts as lost.
_CONNECT_SECONDS, _SILENCE_SECONDS = 5, 10
_SCHEMES = frozenset({"postgresql", "postgres"})
#: The oldest PostgreSQL whose statements and figures were tested.
_OLDEST = 13
T = TypeVar("T")


class PostgresqlDatabase(ThreadedDatabase):
    """A database of several server processes."""

    @classmethod
    def open(cls, address: str, limits: WriterLimits | None = None) -> "PostgresqlDatabase":
        """Connect; `address` is `postgresql://user:password@host:port/database`, parts that are missing as for any client of it.

        Errors: SettingsError when it cannot be reached, is too old, or acknowledges before it has written.
        """
        url = _url(address)
        turns = _engine(url, poolclass=NullPool)
        event.listen(turns, "begin", lambda connection: connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})"))
        readers = _engine(url, isolation_level="REPEATABLE READ", pool_size=READERS, max_overflow=0, pool_pre_ping=True)
        readers = readers.execution_options(postgresql_readonly=True)
        try:
            _check(readers)
            made = cls(writer=Writer(turns.connect, limits or WriterLimits()), readers=readers)
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise SettingsError(f"{shown(address)} cannot be opened: {reason}", field="database") from None
        except BaseException:
            readers.dispose()
            raise
        made._beside = _engine(url, poolclass=NullPool)
        made._glances = Glances(_engine(url, only_reads=True, isolation_level="AUTOCOMMIT", poolclass=NullPool))
        return made

    def __init__(self, *, writer: Writer, readers: Engine) -> None:
        super().__init__(writer=writer, readers=readers)
        self._beside: Engine | None = None
        self._glances: Glances | None = None
        #: Writers beside the turns, opened when they are first needed: for what waits for no row, and for rows. One of each, so
        #: that all agents of a server share its commits alike.
        self._lanes: dict[int, Writer] = {}

    async def glance(self, question: Callable[[Connection], T]) -> T:
        self._require_open()
        assert self._glances is not None
        return await self._glances.ask(question)

    async def close(self) -> None:
        if self._closed:
            return
        for lane in self._lanes.values():
            await asyncio.to_thread(lane.close)
        await super().close()
        if self._glances is not None:
            self._glances.close()

    def _lane(self, order: str | None) -> Writer:
        self._require_open()
        number = 1 if order else 0
        if number not in self._lanes:
            assert self._beside is not None
            self._lanes[number] = Writer(self._beside.connect, WriterLimits(again=True))
        return self._lanes[number]

    async def instant(self) -> datetime:
        """The database server's clock, the one that all servers share."""

        def question(tx: Connection) -> datetime:
            found: datetime = tx.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            return found.astimezone(UTC)

        return await self.read(question)


def is_postgresql(address: str) -> bool:
    """Whether an address names a PostgreSQL database, well formed or not."""
    return address.partition(":")[0].partition("+")[0] in _SCHEMES


def shown(address: str) -> str:
    """The address as it may be printed: without its password."""
    try:
        return _url(address).set(drivername="postgresql").render_as_string(hide_password=True)
    except SettingsError:
        return "the database's address"


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES:
        raise SettingsError("database must be an address such as postgresql://user@host:5432/name", field="database")
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL, *, only_reads: bool = False, **options: Any) -> Engine:
    reads = " -c default_transaction_read_only=on" if only_reads else ""
    limits = f"-c lock_timeout={_TURN_TIMEOUT_MS} -c idle_in_transaction_session_timeout={_STANDSTILL_MS}{reads}"
    connect = {
        "application_name": "melanzana",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": _SILENCE_SECONDS,
        "tcp_user_timeout": _SILENCE_SECONDS * 1000,
        "options": f"{url.query.get('options', '')} {limits}".strip(),
    }
    engine: Engine = create_engine(url.difference_update_query(["options"]), connect_args=connect, **options)
    return engine


def _check(engine: Engine) -> None:
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        waits = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if int(version.split(".")[0]) < _OLDEST:
        raise SettingsError(f"PostgreSQL {version} is too old; {_OLDEST} is the oldest that works", field="database")
    if waits == "off":
        raise SettingsError(
            "the database acknowledges before it has written (synchronous_commit is off); set it to on for this user or database",
            field="database",
        )
    if encoding != "UTF8":
        raise SettingsError(f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'", field="database")


def driver_address(address: str) -> str:
    """The address in the form that the driver itself takes. Raises SettingsError."""
    return _url(address).set(drivername="postgresql").render_as_string(hide_password=False)
