"""The migrations and the declared tables say the same."""

import importlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import melanzana
from melanzana.errors import SettingsError
from melanzana.storage import migrations
from melanzana.storage.database import InlineDatabase, SqliteDatabase
from melanzana.storage.migrations import migrate
from melanzana.storage.postgresql import PostgresqlDatabase
from melanzana.storage.schema import metadata
from support_storage import rows, statement

pytestmark = pytest.mark.anyio


def _import_every_store() -> None:
    """Tables are declared in the `store` modules of the rooms."""
    package = Path(melanzana.__file__).parent
    for file in package.glob("*/store*.py"):
        importlib.import_module(f"melanzana.{file.parent.name}.{file.stem}")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_schema_is_what_the_rooms_declare(engine: str, request: pytest.FixtureRequest) -> None:
    """After every migration the tables are exactly those that the rooms' stores declare, on both engines."""
    _import_every_store()
    postgresql = engine == "postgresql"
    database = PostgresqlDatabase.open(request.getfixturevalue("postgresql")) if postgresql else InlineDatabase.open()
    await migrate(database)

    def differences(tx: Connection) -> list[object]:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "target_metadata": metadata})
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []
    await database.close()


async def test_names_of_constraints() -> None:
    """Primary keys carry derived names, so a later migration can name what it changes."""
    database = InlineDatabase.open()
    await migrate(database)
    unnamed = await database.read(
        rows("SELECT name FROM sqlite_master WHERE name IN ('realms', 'clients') AND sql NOT LIKE '%CONSTRAINT pk_%'")
    )
    assert unnamed == []
    await database.close()


async def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    """A database that is up to date stays as it is."""
    database = SqliteDatabase.open(tmp_path / "test.db")
    await migrate(database)
    before = await database.read(rows("SELECT sql FROM sqlite_master ORDER BY name"))
    await migrate(database)
    assert await database.read(rows("SELECT sql FROM sqlite_master ORDER BY name")) == before
    await database.close()


async def test_newer_database_is_refused() -> None:
    """A database of a version to come is refused with what to do."""
    database = InlineDatabase.open()
    await migrate(database)
    await database.write(statement("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(SettingsError, match="newer"):
        await migrate(database)
    await database.close()


def test_revisions_form_one_line() -> None:
    """There is one first revision, one last, no branch, and each file is named after its revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    revisions = list(script.walk_revisions())
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert [revision.revision for revision in revisions] == sorted((revision.revision for revision in revisions), reverse=True)
    assert all(Path(revision.path).stem == revision.revision for revision in revisions)
