"""`melanzana backup` and `melanzana restore`: what they say, and how they end."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.main import app
from melanzana.errors import FormatError, SettingsError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.blob_places import in_folder
from melanzana.storage.blobs import BlobStore
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from melanzana.storage.restore import verify


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def _migrated(data: Path) -> None:
    async def make() -> None:
        database = SqliteDatabase.open(data / "melanzana.db")
        await migrate(database)
        await database.close()

    asyncio.run(make())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What a server leaves: a database of the newest schema, a master key, an attachment."""
    folder = tmp_path / "data"
    _migrated(folder)
    MasterKey.load(folder / "secrets")
    BlobStore(in_folder(folder / "blobs")).put(b"screen")
    return folder


def test_what_is_said_without_secrets(data: Path, tmp_path: Path) -> None:
    """Both commands say what was copied, and where the master key, which is not in it, is and belongs."""
    made = _run("backup", tmp_path / "b.tar", "--data", data)
    assert made.exit_code == 0
    assert "the database and 1 attachment (" in made.stdout
    assert f"the master key is not in it: keep a copy of {data / 'secrets' / 'master.key'} elsewhere" in made.stderr
    restored = _run("restore", tmp_path / "b.tar", "--data", tmp_path / "new")
    assert restored.exit_code == 0
    assert f"into {tmp_path / 'new'}" in restored.stdout
    assert f"put the master key of this database to {tmp_path / 'new' / 'secrets' / 'master.key'}" in restored.stderr
    assert not (tmp_path / "new" / "secrets").exists()


def test_what_is_said_with_secrets(data: Path, tmp_path: Path) -> None:
    """The key comes along when it is asked for, with a warning, and the restored key is one that a server takes."""
    made = _run("backup", tmp_path / "b.tar", "--data", data, "--with-secrets")
    assert "whoever reads the backup can sign tokens" in made.stderr
    restored = _run("restore", tmp_path / "b.tar", "--data", tmp_path / "new")
    assert restored.stderr == ""
    sealed = MasterKey.load(data / "secrets").seal(b"content", "name")
    assert MasterKey.load(tmp_path / "new" / "secrets").open(sealed, "name") == b"content"


def test_the_manifest_names_the_newest_schema(data: Path, tmp_path: Path) -> None:
    """The revision is the one of the last migration, so an operator sees which version a backup needs."""
    _run("backup", tmp_path / "b.tar", "--data", data)
    versions = Path(__import__("melanzana.storage.migrations", fromlist=["x"]).__file__).parent / "versions"
    assert verify(tmp_path / "b.tar").schema in {path.stem for path in versions.glob("*.py")}


def test_a_restored_database_takes_migrations(data: Path, tmp_path: Path) -> None:
    """The next start opens the restored file as its own, with a write-ahead log, and finds nothing to mend."""
    _run("backup", tmp_path / "b.tar", "--data", data)
    _run("restore", tmp_path / "b.tar", "--data", tmp_path / "new")
    _migrated(tmp_path / "new")


def test_a_damaged_attachment_ends_with_one(data: Path, tmp_path: Path) -> None:
    """A nightly job notices: the backup of all else is there, the exit code is 1, the attachment is named."""
    (blob,) = (path for path in (data / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"scream")
    made = _run("backup", tmp_path / "b.tar", "--data", data)
    assert made.exit_code == 1
    assert f"the attachment {blob.name} is damaged" in made.stderr
    assert verify(tmp_path / "b.tar").parts


@pytest.mark.parametrize("by_flag", [True, False])
def test_postgresql_has_its_own_tools(data: Path, tmp_path: Path, by_flag: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PostgreSQL both commands name the tool and what else must be kept, and never show the address."""
    address = "postgresql://user:pass-word@localhost/melanzana"
    flag = ["--database", address] if by_flag else []
    if not by_flag:
        monkeypatch.setenv("MELANZANA_DATABASE", address)
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        with pytest.raises(SettingsError) as caught:
            _run(command, tmp_path / "b.tar", "--data", data, *flag)
        assert all(part in caught.value.message for part in (tool, f"{data}/blobs", f"{data}/secrets/master.key"))
        assert "pass-word" not in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_attachments_in_a_bucket_stay_there(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bucket the backup names it instead of copying it, and restoring says how to start the server."""
    monkeypatch.setenv("MELANZANA_ATTACHMENTS", "s3://tests/melanzana")
    made = _run("backup", tmp_path / "b.tar", "--data", data)
    assert "attachments are in s3://tests/melanzana and not in it" in made.stderr
    assert verify(tmp_path / "b.tar").attachments == "s3://tests/melanzana"
    restored = _run("restore", tmp_path / "b.tar", "--data", tmp_path / "new")
    assert "start the server with --attachments s3://tests/melanzana" in restored.stderr


def test_a_file_that_is_no_backup(tmp_path: Path) -> None:
    """A wrong file is told as one, and no folder is made."""
    (tmp_path / "b.tar").write_bytes(b"PK\x03\x04" * 500)
    with pytest.raises(FormatError, match="no backup of Melanzana"):
        _run("restore", tmp_path / "b.tar", "--data", tmp_path / "new")
    assert not (tmp_path / "new").exists()
