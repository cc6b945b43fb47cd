"""PostgreSQL: the database that any number of server processes share.

Questions run in read-only transactions of REPEATABLE READ, so all statements of one question see one snapshot. Every transaction
of changes first takes one advisory lock, so changes follow one another as they do in SQLite's file, whichever server made them: a
change may look and then write, and no two servers ever act on the same look. Group commit carries up to a hundred changes through
one turn, the lock is handed on in the order in which it was asked for, and it falls back at once when a server's connection ends
(ADR 0028). A claim still skips rows that others hold, for tools beside us that lock rows.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from melanzana.errors import SettingsError
from melanzana.storage.database import READERS, ThreadedDatabase
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


class PostgresqlDatabase(ThreadedDatabase):
    """A database of several server processes."""

    @classmethod
    def open(cls, address: str, limits: WriterLimits | None = None) -> "PostgresqlDatabase":
        """Connect; `address` is `postgresql://user:password@host:port/database`, parts that are missing as for any client of it.

        Errors: SettingsError when it cannot be reached, is too old, or acknowledges before it has written.
        """
        url = _url(address)
        writing = _engine(url, poolclass=NullPool)
        event.listen(writing, "begin", lambda connection: connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})"))
        readers = _engine(url, isolation_level="REPEATABLE READ", pool_size=READERS, max_overflow=0, pool_pre_ping=True)
        readers = readers.execution_options(postgresql_readonly=True)
        try:
            _check(readers)
            return cls(writer=Writer(writing.connect, limits or WriterLimits()), readers=readers)
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise SettingsError(f"{shown(address)} cannot be opened: {reason}", field="database") from None
        except BaseException:
            readers.dispose()
            raise

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


def _engine(url: URL, **options: Any) -> Engine:
    limits = f"-c lock_timeout={_TURN_TIMEOUT_MS} -c idle_in_transaction_session_timeout={_STANDSTILL_MS}"
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
