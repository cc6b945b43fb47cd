"""What a failed statement means, on either engine: the statement's own mistake, or the file, the disk, the network, the server.

`writer.py` and `database.py` ask; a service only ever sees the statement's own errors or `UnavailableError`.
"""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from melanzana.errors import UnavailableError

#: Primary SQLite result codes that say "the file, the disk or the lock", not "your statement":
#: BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT FULL CANTOPEN PROTOCOL NOTADB.
_SQLITE_CODES = frozenset({5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26})

#: Classes of SQLSTATE that say the same on PostgreSQL: connection, transaction rolled back by the server (deadlock), resources,
#: operator intervention, system error, internal error.
_POSTGRESQL_CLASSES = frozenset({"08", "40", "53", "57", "58", "XX"})
#: lock_not_available and the two time limits of an idle or long transaction.
_POSTGRESQL_STATES = frozenset({"55P03", "25P03", "25P04"})

#: What a question gets that tries to write: a mistake in our code, not a state of the disk.
FORBIDDEN = "SQLITE_READONLY"


def is_infrastructure(error: BaseException) -> bool:
    """Did the file, the disk, a lock or the server fail, rather than the statement?"""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _SQLITE_CODES
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state[:2] in _POSTGRESQL_CLASSES or state in _POSTGRESQL_STATES
    return error.connection_invalidated or (_is_postgresql(error) and isinstance(error, OperationalError | InterfaceError))


def is_lost(error: BaseException) -> bool:
    """Is the connection gone, so that whether its last statement took effect is not known?"""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def may_reappear(error: BaseException) -> bool:
    """Was it the synchronisation of a whole, written change that failed, so that recovery would take it for committed?"""
    return error_name(error) == "SQLITE_IOERR_FSYNC"


def was_taken_back(error: BaseException) -> bool:
    """Did PostgreSQL give up the transaction for the sake of another one? Nothing of it is kept, and it may be tried again."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", "")) in {"40001", "40P01"}


def is_open(connection: Connection) -> bool:
    """Does the transaction still stand, so that going back to a savepoint can mend it?"""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    return driver.info.transaction_status.name in {"INTRANS", "INERROR"}


def unavailable(error: BaseException) -> UnavailableError:
    """The answer to a caller whose change was not committed."""
    name = error_name(error)
    return UnavailableError(f"the database does not answer now ({name}); nothing was changed, send it again", reason=name)


def undecided(error: BaseException) -> UnavailableError:
    """The answer to a caller whose COMMIT was sent and never answered."""
    return UnavailableError(
        "the database was lost while it was keeping the change; look whether it took effect before you send it again",
        reason=f"commit unknown ({error_name(error)})",
    )


def error_name(error: BaseException) -> str:
    """SQLite's name of the result code (`SQLITE_FULL`), the driver's class of a PostgreSQL error (`DiskFull`), else our class."""
    cause = getattr(error, "orig", None)
    return str(getattr(cause, "sqlite_errorname", type(error if cause is None else cause).__name__))


def _is_postgresql(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("psycopg")
