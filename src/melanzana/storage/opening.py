"""Opens the database that the settings name: PostgreSQL by its address, else the file in the data folder.

The server and the commands that work beside it both come here.
"""

from pathlib import Path

from melanzana.errors import SettingsError
from melanzana.storage.bus import Bus, LonelyBus
from melanzana.storage.database import Database, Role, SqliteDatabase

FILE = "melanzana.db"


def open_database(folder: Path, address: str | None, role: Role = "server") -> Database:
    """`address`: of a PostgreSQL database; None for the file in `folder`.

    Errors: SettingsError when it cannot be opened, or another server holds the file.
    """
    if address is None:
        return SqliteDatabase.open(folder / FILE, role=role)
    from melanzana.storage.postgresql import PostgresqlDatabase, is_postgresql  # noqa: PLC0415 - slow to load

    if not is_postgresql(address):
        raise SettingsError("database must be an address such as postgresql://user@host:5432/name", field="database")
    return PostgresqlDatabase.open(address)


def open_bus(address: str | None, database: str | None) -> Bus:
    """How the servers of one database tell each other news: over NATS when its address is given, else over PostgreSQL.

    Errors: SettingsError for an address that is not one of NATS.
    """
    if address is not None:
        from melanzana.storage.nats_bus import NatsBus  # noqa: PLC0415 - slow to load

        if not address.startswith(("nats://", "tls://")):
            raise SettingsError("bus must be an address such as nats://host:4222", field="bus")
        return NatsBus(address)
    if database is None:
        return LonelyBus()
    from melanzana.storage.notify import NotifyBus  # noqa: PLC0415 - slow to load

    return NotifyBus(database)


def exists(folder: Path, address: str | None) -> bool:
    """Whether there may be a database already: a file that is there, or a server that holds one."""
    return address is not None or (folder / FILE).exists()
