"""Brings a database to the newest schema, in one transaction.

`versions/` holds one file a revision, in one line: `0001_auth` ← `0002_catalog` ← … Each room writes its own. Nobody runs
Alembic's command line in production; `migrate` is called at every start. Alembic itself is loaded only where there is something to
do: it costs a start more than everything else that a database at the newest schema needs.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from melanzana.errors import SettingsError
from melanzana.storage.database import Database

_FOLDER = Path(__file__).parent


async def migrate(database: Database) -> None:
    """Apply every revision that is missing; all or none.

    Errors: SettingsError when the database was made by a newer Melanzana.
    """
    if await database.read(_revision) != newest():
        await database.write(upgrade)


def newest() -> str:
    """The revision that this Melanzana brings a database to."""
    return max(path.stem for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def _revision(tx: Connection) -> str | None:
    """The revision of the database; None while it has no schema."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def upgrade(tx: Connection, revision: str = "head") -> None:
    """The same on a connection whose transaction the caller owns; `revision`: up to there only."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

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
