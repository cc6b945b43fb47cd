"""Takes a backup of a data folder while a server uses it: one consistent state of the database, and every attachment it names.

SQLite's own backup copies the whole file under one read snapshot, so writers go on meanwhile (their write-ahead log grows until
the copy is done). A row that names an attachment is written after the attachment, so the attachments are copied after the database:
there may be more of them than rows, never fewer. The master key is left out unless it is asked for. `cli/backup.py` calls.

Costs: everything is written once, the database twice into a `.tar`; attachments are read twice, never whole.
The copy is checked (`PRAGMA integrity_check`).
"""

import io
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from secrets import token_hex

from melanzana.errors import FormatError, SettingsError, UnavailableError
from melanzana.storage.backup_parts import (
    DATABASE,
    MANIFEST,
    MASTER_KEY,
    FolderSink,
    Manifest,
    Part,
    Sink,
    TarSink,
    blob_path,
    open_private,
    synchronise_folder,
)
from melanzana.storage.engines import BUSY_TIMEOUT_MS
from melanzana.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """`damaged`: names of attachments whose content on the disk is not what was put; they are not in the backup."""

    manifest: Manifest
    damaged: tuple[str, ...]


def back_up(data: Path, target: Path, *, with_secrets: bool, made_at: datetime, bucket: str | None = None) -> Backup:
    """Copy what the data folder holds now into `target`: a file when its name ends with `.tar`, else a folder.

    `bucket`: address of where attachments are kept instead of the data folder; they are left there, and the manifest names it.

    `target` appears only when it is complete and on the disk; everything is written beside it under a name that ends with `.part`.
    Errors: SettingsError when there is no database, or `target` exists or lies in the data folder; UnavailableError when the disk
    does not answer or the database is damaged, and then nothing is left.
    """
    data, target = data.absolute(), target.absolute()
    _require_places(data, target, with_secrets=with_secrets)
    draft = target.with_name(f"{target.name}.{token_hex(8)}.part")
    copy = draft.with_name(f"{draft.name}.db")
    try:
        with _infrastructure_told(), _removed(draft, copy):
            schema = _copy_database(data / DATABASE, copy)
            with closing(_sink(draft, target)) as sink:
                parts, damaged = _add_parts(sink, data, copy, with_secrets=with_secrets)
                when = made_at.astimezone(UTC).isoformat()
                manifest = Manifest(melanzana=__version__, schema=schema, made_at=when, parts=tuple(parts), attachments=bucket)
                content = manifest.encode()
                sink.add(MANIFEST, io.BytesIO(content), len(content))
                sink.finish()
            draft.rename(target)
            synchronise_folder(target.parent)
    except FormatError as error:
        raise UnavailableError("a file of the data folder changed while it was copied; take the backup again") from error
    return Backup(manifest=manifest, damaged=tuple(damaged))


def check_database(path: Path) -> str | None:
    """Look at every page of the database; gives its schema revision. Errors: UnavailableError; sqlite3.Error."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA trusted_schema=OFF")
        problems = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
        if problems != ["ok"]:
            raise UnavailableError(f"the database is damaged: {'; '.join(problems)}")
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def _require_places(data: Path, target: Path, *, with_secrets: bool) -> None:
    if not (data / DATABASE).is_file():
        raise SettingsError(f"there is no database in {data}; name the server's data folder with --data", field="data")
    if with_secrets and not (data / MASTER_KEY).is_file():
        raise SettingsError(f"there is no {MASTER_KEY} in {data}; leave --with-secrets out", field="data")
    if target.exists() or target.is_symlink():
        raise SettingsError(f"{target} exists and is left as it is; name a new file or folder")
    if target.resolve().is_relative_to(data.resolve()):
        raise SettingsError(f"{target} lies in the data folder; put the backup elsewhere, best on another disk")
    if not target.parent.is_dir():
        raise SettingsError(f"there is no folder {target.parent}; make it first")


def _sink(draft: Path, target: Path) -> Sink:
    return TarSink(draft) if target.suffix == ".tar" else FolderSink(draft)


def _copy_database(source: Path, copy: Path) -> str | None:
    """One consistent state in one file, checked and without a write-ahead log beside it; gives its schema revision."""
    open_private(copy).close()
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, isolation_level=None)) as live,
        closing(sqlite3.connect(copy, isolation_level=None)) as still,
    ):
        live.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        live.execute("PRAGMA query_only=ON")
        live.backup(still, pages=-1)
        still.execute("PRAGMA journal_mode=DELETE")
    return check_database(copy)


def _add_parts(sink: Sink, data: Path, copy: Path, *, with_secrets: bool) -> tuple[list[Part], list[str]]:
    parts, damaged = [_add_file(sink, DATABASE, copy)], []
    for digest, path in _blobs(data / "blobs"):
        if not _is_whole(path, digest):
            damaged.append(digest)
            continue
        parts.append(_add_file(sink, blob_path(digest), path))
        if parts[-1].sha256 != digest:
            raise FormatError(f"the attachment {digest} changed while it was copied")
    if with_secrets:
        parts.append(_add_file(sink, MASTER_KEY, data / MASTER_KEY))
    return parts, damaged


def _add_file(sink: Sink, name: str, path: Path) -> Part:
    with path.open("rb") as source:
        return sink.add(name, source, path.stat().st_size)


def _is_whole(path: Path, digest: str) -> bool:
    """Whether the file is what its name says; read once for that, a part at a time."""
    with path.open("rb") as source:
        return file_digest(source, "sha256").hexdigest() == digest


def _blobs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Digest and file of every attachment, in order; what is still being written has another name and is passed over."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if len(name) == 64 and path == folder.parent / blob_path(name):
                yield name, path


@contextmanager
def _removed(draft: Path, copy: Path) -> Iterator[None]:
    """Nothing half-written stays, however it ends; only a killed process leaves its `.part` behind."""
    try:
        yield
    finally:
        for path in (copy, *(copy.with_name(copy.name + suffix) for suffix in ("-journal", "-wal", "-shm"))):
            path.unlink(missing_ok=True)
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


@contextmanager
def _infrastructure_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise UnavailableError(f"the backup could not be written: {error.strerror}{place}; nothing of it was kept") from error
    except sqlite3.Error as error:
        raise UnavailableError(f"the database could not be copied: {error}; nothing of the backup was kept") from error
