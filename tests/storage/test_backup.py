"""A backup is one consistent state, whoever writes meanwhile; one that is not whole and ours is refused and changes nothing."""

import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

import support_writer
from melanzana.errors import FormatError, SettingsError, UnavailableError
from melanzana.storage import backup as taking
from melanzana.storage.backup import Backup, back_up
from melanzana.storage.backup_parts import MANIFEST, Manifest, Part
from melanzana.storage.blob_places import in_folder
from melanzana.storage.blobs import BlobStore
from melanzana.storage.lock import ServerLock
from melanzana.storage.restore import restore

WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SHAPES = ("backup.tar", "backup")
Entry = tuple[tarfile.TarInfo, bytes]


def _execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return [row for statement in statements for row in database.execute(statement).fetchall()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a row, two attachments and a master key."""
    folder = tmp_path / "data"
    blobs = BlobStore(in_folder(folder / "blobs"))
    for content in (b"screen", b"log" * 1_000):
        blobs.put(content)
    _execute(folder / "melanzana.db", "PRAGMA journal_mode=WAL", "CREATE TABLE notes (n INTEGER)", "INSERT INTO notes VALUES (7)")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "master.key").write_bytes(b"key\n")
    return folder


def _take(data: Path, target: Path, *, with_secrets: bool = False) -> Backup:
    return back_up(data, target, with_secrets=with_secrets, made_at=WHEN)


def _files(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: content for name, content in files.items() if not name.startswith("melanzana.db")}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_secrets", [False, True])
def test_what_was_backed_up_comes_back(data: Path, tmp_path: Path, shape: str, with_secrets: bool) -> None:
    """Rows and attachments come back from both shapes, the master key only when it was asked for; nothing else is left."""
    made = _take(data, tmp_path / shape, with_secrets=with_secrets).manifest
    assert restore(tmp_path / shape, tmp_path / "new") == made
    kept = {name: content for name, content in _files(data).items() if with_secrets or not name.startswith("secrets")}
    assert _files(tmp_path / "new") == kept
    assert _execute(tmp_path / "new" / "melanzana.db", "SELECT n FROM notes") == [(7,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["data", "new", shape])
    assert sorted(path.name for path in (tmp_path / "new").iterdir() if not path.name.startswith("melanzana")) == sorted(
        {name.split("/")[0] for name in kept}
    )


def test_the_manifest_says_what_when_and_by_whom(data: Path, tmp_path: Path) -> None:
    """Each part with its size and SHA-256, the version, the schema's revision and the instant, in a file only the owner reads."""
    _execute(
        data / "melanzana.db", "CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('0042_x')"
    )
    _take(data, tmp_path / "backup")
    manifest = json.loads((tmp_path / "backup" / MANIFEST).read_text("utf-8"))
    assert (manifest["format"], manifest["schema"], manifest["made_at"]) == (1, "0042_x", "2026-05-04T03:02:01+00:00")
    for part in manifest["parts"]:
        content = (tmp_path / "backup" / part["path"]).read_bytes()
        assert (part["bytes"], part["sha256"]) == (len(content), sha256(content).hexdigest())
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").rglob("*") if path.is_file()} == {0o600}


def test_the_tar_is_one_that_others_read(data: Path, tmp_path: Path) -> None:
    """Unpacked with Python's tarfile, the file is the folder that can be restored."""
    _take(data, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar", "r:") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert restore(tmp_path / "unpacked", tmp_path / "new").schema is None


@pytest.fixture
def writer(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that appends rows to the database of a data folder, and says which were acknowledged."""
    command = [sys.executable, support_writer.__file__, str(tmp_path / "busy" / "melanzana.db"), "kill"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_a_backup_under_load_has_every_row_acknowledged_before_it(tmp_path: Path, writer: "subprocess.Popen[str]") -> None:
    """While a server process appends: none acknowledged before the backup began is missing, the copy is whole, writing goes on."""
    assert writer.stdout is not None
    acknowledged: set[int] = set()
    for number in range(4):
        acknowledged.update(json.loads(next(writer.stdout))["acknowledged"] for _ in range(300))
        _take(tmp_path / "busy", tmp_path / f"{number}.tar")
        acknowledged_later = json.loads(next(writer.stdout))["acknowledged"]
        restore(tmp_path / f"{number}.tar", tmp_path / f"{number}")
        copy = tmp_path / f"{number}" / "melanzana.db"
        kept = [row[0] for row in _execute(copy, "SELECT n FROM notes WHERE length(body) = 2000 ORDER BY n")]
        assert acknowledged <= set(kept)
        assert kept == list(range(len(kept)))
        assert _execute(copy, "PRAGMA integrity_check") == [("ok",)]
        acknowledged.add(acknowledged_later)
    assert writer.poll() is None


def test_a_damaged_attachment_is_left_out_and_named(data: Path, tmp_path: Path) -> None:
    """One attachment that the disk has spoilt does not cost the backup of all else; the result names it."""
    digest = sha256(b"screen").hexdigest()
    next(path for path in data.rglob(digest)).write_bytes(b"scream")
    made = _take(data, tmp_path / "backup.tar")
    assert made.damaged == (digest,)
    assert restore(tmp_path / "backup.tar", tmp_path / "new") == made.manifest


def test_a_damaged_database_gives_no_backup(data: Path, tmp_path: Path) -> None:
    """A database whose pages are spoilt is told now, not when the backup is needed, and no file is left."""
    _execute(data / "melanzana.db", "CREATE INDEX by_n ON notes (n)", "PRAGMA wal_checkpoint(TRUNCATE)")
    pages = bytearray((data / "melanzana.db").read_bytes())
    pages[-4096:] = b"\x55" * 4096
    (data / "melanzana.db").write_bytes(pages)
    with pytest.raises(UnavailableError, match=r"damaged|malformed"):
        _take(data, tmp_path / "backup.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_interrupted_backup_leaves_nothing(data: Path, tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails half way there is no backup under any name."""

    def full(_: Path) -> Iterable[tuple[str, Path]]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(taking, "_blobs", full)
    with pytest.raises(UnavailableError, match="No space left on device"):
        _take(data, tmp_path / shape)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_places_where_no_backup_goes(data: Path, tmp_path: Path) -> None:
    """An existing file, the data folder itself, a missing folder, a data folder without a database or key: each told."""
    (tmp_path / "old.tar").write_bytes(b"precious")
    (data / "secrets" / "master.key").unlink()
    refusals: list[tuple[Path, Path, bool, str]] = [
        (data, tmp_path / "old.tar", False, "exists and is left as it is"),
        (data, data / "backup.tar", False, "lies in the data folder"),
        (data, tmp_path / "none" / "backup.tar", False, "there is no folder"),
        (tmp_path, tmp_path / "backup.tar", False, "there is no database"),
        (data, tmp_path / "backup.tar", True, "there is no secrets/master.key"),
    ]
    for folder, target, with_secrets, message in refusals:
        with pytest.raises(SettingsError, match=message):
            _take(folder, target, with_secrets=with_secrets)
    assert (tmp_path / "old.tar").read_bytes() == b"precious"


def test_folders_that_are_not_restored_into(data: Path, tmp_path: Path) -> None:
    """A folder with a database, with a server, or with the key of another database is left as it is."""
    _take(data, tmp_path / "backup.tar", with_secrets=True)
    before = (data / "melanzana.db").read_bytes()
    with pytest.raises(SettingsError, match="has a database already"):
        restore(tmp_path / "backup.tar", data)
    assert (data / "melanzana.db").read_bytes() == before
    (tmp_path / "served").mkdir()
    lock = ServerLock(tmp_path / "served" / "melanzana.db")
    with pytest.raises(SettingsError, match="another Melanzana server"):
        restore(tmp_path / "backup.tar", tmp_path / "served")
    lock.release()
    (tmp_path / "keyed" / "secrets").mkdir(parents=True)
    (tmp_path / "keyed" / "secrets" / "master.key").write_bytes(b"other\n")
    with pytest.raises(SettingsError, match="another key"):
        restore(tmp_path / "backup.tar", tmp_path / "keyed")
    assert _files(tmp_path / "keyed") == {"secrets/master.key": b"other\n"}
    with pytest.raises(SettingsError, match="there is no backup"):
        restore(tmp_path / "nothing.tar", tmp_path / "new")


def _refused(backup: Path, folder: Path) -> str:
    """The reason; the folder is not even made."""
    with pytest.raises(FormatError) as caught:
        restore(backup, folder)
    assert not folder.exists()
    return caught.value.message


def test_a_truncated_backup_is_refused(data: Path, tmp_path: Path) -> None:
    """Cut anywhere before the end of its manifest, a backup is refused before anything is written."""
    _take(data, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    last = whole.rindex(b"}") + 1
    for length in {*range(0, last, 509), *range(0, last, 512), last - 1}:
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        _refused(tmp_path / "cut.tar", tmp_path / "new")


def test_a_changed_byte_is_refused(data: Path, tmp_path: Path) -> None:
    """A bit that flipped in any part, or in the manifest's figures, is noticed before anything is written."""
    _take(data, tmp_path / "backup")
    for path in sorted(path for path in (tmp_path / "backup").rglob("*") if path.is_file()):
        good = path.read_bytes()
        at = good.index(b'"sha256": "') + 12 if path.name == MANIFEST else len(good) // 2
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        _refused(tmp_path / "backup", tmp_path / "new")
        path.write_bytes(good)
    restore(tmp_path / "backup", tmp_path / "new")


def _entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object) -> Entry:
    header = tarfile.TarInfo(name)
    header.size, header.type = len(content), kind
    for field, value in fields.items():
        setattr(header, field, value)
    return header, content


def _manifest(*named: tuple[str, bytes]) -> bytes:
    parts = tuple(Part(path=path, bytes=len(content), sha256=sha256(content).hexdigest()) for path, content in named)
    return Manifest(melanzana="0.1.0", schema=None, made_at=WHEN.isoformat(), parts=parts).encode()


def _pack(target: Path, *entries: Entry) -> None:
    """Bytes as they are told, also those that tarfile itself would not write."""
    packed = io.BytesIO()
    for header, content in entries:
        packed.write(header.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512))
    target.write_bytes(packed.getvalue() + bytes(1024))


NAMES = (
    "../escaped",
    "/tmp/escaped",
    "blobs/../../escaped",
    "blobs/ab/cd/../../../escaped",
    "blobs\\..\\escaped",
    "./melanzana.db",
    "melanzana.toml",
    "secrets/../melanzana.db",
    "blobs/ab/cd/" + "ef" * 32,
    "melanzana.db\n",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """Whatever a backup does not hold by its format is refused by name, listed in its manifest or not."""
    for listed in ((name, b"evil"), ("melanzana.db", b"")):
        _pack(tmp_path / "evil.tar", _entry(name, b"evil"), _entry("melanzana.db"), _entry(MANIFEST, _manifest(listed)))
        assert "does not belong in a backup" in _refused(tmp_path / "evil.tar", tmp_path / "new")
    _pack(tmp_path / "evil.tar", _entry(MANIFEST, _manifest((name, b"evil"))))
    assert "does not belong in a backup" in _refused(tmp_path / "evil.tar", tmp_path / "new")


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
KINDS += [tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_entries_that_are_no_plain_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    """Links, devices, pipes, holes and headers that rename the next entry do not come into a data folder."""
    _pack(tmp_path / "evil.tar", _entry("melanzana.db", kind=kind, linkname="/etc/passwd"))
    assert "not a plain file" in _refused(tmp_path / "evil.tar", tmp_path / "new")


def test_links_in_a_backup_folder_are_refused(data: Path, tmp_path: Path) -> None:
    """A folder whose parts are links to somewhere else is no backup."""
    _take(data, tmp_path / "backup")
    (tmp_path / "backup" / "melanzana.db").rename(tmp_path / "elsewhere")
    (tmp_path / "backup" / "melanzana.db").symlink_to(tmp_path / "elsewhere")
    assert "not a plain file" in _refused(tmp_path / "backup", tmp_path / "new")


def _hostile() -> dict[str, tuple[Entry, ...]]:
    text, database = b"no database at all", ("melanzana.db", b"no database at all")
    blob = "blobs/ab/cd/abcd" + "0" * 60
    return {
        "twice": (_entry(*database), _entry(*database), _entry(MANIFEST, _manifest(database))),
        "no manifest": (_entry(*database),),
        "missing in the backup": (_entry(MANIFEST, _manifest(database)),),
        "not in its manifest": (_entry(*database), _entry("secrets/master.key"), _entry(MANIFEST, _manifest(database))),
        "not what was backed up": (_entry(*database), _entry(blob, text), _entry(MANIFEST, _manifest(database, (blob, text)))),
        "cut off": (_entry("melanzana.db", size=1 << 62),),
        "not a plain file": (_entry("melanzana.db", size=-512),),
        "has format 2": (_entry(MANIFEST, _manifest(database).replace(b'"format": 1', b'"format": 2')),),
        "manifest of the backup cannot be read": (_entry(MANIFEST, b'{"format": 1, "parts": [1]}'),),
        "manifest of the backup is damaged": (_entry(MANIFEST, _manifest(database).replace(b'"bytes": 18', b'"bytes": "18"')),),
        "manifest of the backup is too large": (_entry(MANIFEST, size=1 << 40),),
    }


@pytest.mark.parametrize("reason", list(_hostile()))
def test_made_up_backups_are_refused(tmp_path: Path, reason: str) -> None:
    """What contradicts itself is refused with its reason before anything is written."""
    _pack(tmp_path / "evil.tar", *_hostile()[reason])
    assert reason in _refused(tmp_path / "evil.tar", tmp_path / "new")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"null", b"[]", b"{}", b"\xff", b'{"format": 1}', b'{"format": 1, "parts": null}']
)
def test_manifests_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    """A manifest of another shape is a message, never a crash."""
    _pack(tmp_path / "evil.tar", _entry(MANIFEST, content))
    assert _refused(tmp_path / "evil.tar", tmp_path / "new")


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    """A backup whose digests agree but whose database cannot be read leaves a folder without one."""
    database = ("melanzana.db", b"no database at all, and long enough" * 100)
    _pack(tmp_path / "evil.tar", _entry(*database), _entry(MANIFEST, _manifest(database)))
    with pytest.raises(FormatError, match="database in the backup is damaged"):
        restore(tmp_path / "evil.tar", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["melanzana.db.lock"]


def test_a_restore_that_was_killed_can_be_done_again(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database comes last: until then the same command works again on the same folder."""
    _take(data, tmp_path / "backup.tar")
    rename: Callable[[Path, Path], Path] = Path.rename

    def fails(path: Path, target: Path) -> Path:
        if target == tmp_path / "new" / "melanzana.db":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(UnavailableError, match="Input/output error"):
        restore(tmp_path / "backup.tar", tmp_path / "new")
    monkeypatch.undo()
    restore(tmp_path / "backup.tar", tmp_path / "new")
    assert _execute(tmp_path / "new" / "melanzana.db", "SELECT n FROM notes") == [(7,)]
