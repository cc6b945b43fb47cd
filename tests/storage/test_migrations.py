"""The migrations and the declared tables say the same."""

import importlib
import subprocess
import sys
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
    for file in package.glob("*/*store*.py"):
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


async def test_the_newest_revision_is_what_a_database_is_brought_to() -> None:
    """The name of the newest file is the revision that the database then has, and Alembic's own head."""
    database = InlineDatabase.open()
    await migrate(database)
    (revision,) = await database.read(rows("SELECT version_num FROM alembic_version"))
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert revision == migrations.newest() == script.get_current_head()
    await database.close()


def test_a_start_on_the_newest_schema_loads_no_alembic(tmp_path: Path) -> None:
    """A process that opens a database which is up to date never imports it."""
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from melanzana.storage.database import SqliteDatabase; from melanzana.storage.migrations import migrate\n"
        f"asyncio.run(migrate(SqliteDatabase.open(Path({str(tmp_path / 'data.db')!r}))))\n"
        "print('alembic' in sys.modules)"
    )
    said = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert said == ["True\n", "False\n"]


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
