"""Brings a database to the newest schema, in one transaction.

`versions/` holds one file a revision, in one line: `0001_auth` ← `0002_catalog` ← … Each room writes its own. Nobody runs
Alembic's command line in production; `migrate` is called at every start.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from melanzana.errors import SettingsError
from melanzana.storage.database import Database

_FOLDER = Path(__file__).parent


async def migrate(database: Database) -> None:
    """Apply every revision that is missing; all or none.

    Errors: SettingsError when the database was made by a newer Melanzana.
    """
    await database.write(upgrade)


def upgrade(tx: Connection, revision: str = "head") -> None:
    """The same on a connection whose transaction the caller owns; `revision`: up to there only."""
    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise SettingsError(
            f"the database has a schema this Melanzana does not know ({error}); run the version that wrote it, or a newer one",
            field="data",
        ) from error
