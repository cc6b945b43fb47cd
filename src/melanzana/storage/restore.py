"""Makes a data folder of a backup: everything is verified before anything is written, and the database comes last.

So a restore that is killed leaves a folder without a database, and can be done again. A folder that has a database, or a server, is
refused. `cli/backup.py` calls; the next `melanzana serve` on the folder brings an older schema up to date.

Costs: the backup is read twice, and written once.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from melanzana.errors import FormatError, SettingsError, UnavailableError
from melanzana.storage.backup import check_database
from melanzana.storage.backup_parts import (
    DATABASE,
    MANIFEST,
    MASTER_KEY,
    Manifest,
    Part,
    blob_digest,
    parts_in,
    pour,
    read_manifest_part,
    synchronise_folder,
    write_part,
)
from melanzana.storage.lock import ServerLock


def restore(backup: Path, data: Path) -> Manifest:
    """Put what the backup holds into the data folder, which is made when it is missing.

    Errors: FormatError when the backup is damaged, incomplete or not one; SettingsError when there is no such backup, or the folder
    has a database, another master key or a server; UnavailableError when the disk does not answer.
    """
    backup, data = backup.absolute(), data.absolute()
    if not backup.exists():
        raise SettingsError(f"there is no backup {backup}")
    with _infrastructure_told():
        _require_room(data)
        manifest = verify(backup)
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = ServerLock(data / DATABASE)
        try:
            _require_room(data)
            _unpack(backup, data, manifest)
        finally:
            lock.release()
    return manifest


def verify(backup: Path) -> Manifest:
    """Read all of it and write nothing. Errors: FormatError; OSError."""
    found: dict[str, Part] = {}
    manifest: Manifest | None = None
    for path, size, source in parts_in(backup):
        if path in found or (path == MANIFEST and manifest):
            raise FormatError(f"{path} is in the backup twice; nothing was restored")
        if path == MANIFEST:
            manifest = read_manifest_part(source, size)
        else:
            found[path] = Part(path=path, bytes=size, sha256=pour(source, None, size))
    if manifest is None:
        raise FormatError(f"the backup has no {MANIFEST}: it is cut off or is none; nothing was restored")
    _compare(manifest, found)
    return manifest


def _compare(manifest: Manifest, found: dict[str, Part]) -> None:
    listed = {part.path: part for part in manifest.parts}
    for path in sorted(listed.keys() | found.keys() | {DATABASE}):
        if path not in found:
            raise FormatError(f"{path} is missing in the backup; nothing was restored")
        if path not in listed:
            raise FormatError(f"{path} is in the backup and not in its manifest; nothing was restored")
        if found[path] != listed[path] or blob_digest(path) not in {None, found[path].sha256}:
            raise FormatError(f"{path} in the backup is not what was backed up; nothing was restored")


def _require_room(data: Path) -> None:
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-journal"):
        if (data / name).exists():
            raise SettingsError(f"{data} has a database already ({name}); restore into a new folder", field="data")


def _unpack(backup: Path, data: Path, manifest: Manifest) -> None:
    """Write beside, check, then move into place."""
    draft = data / f".restore-{token_hex(8)}"
    draft.mkdir(mode=0o700)
    try:
        listed = {part.path: part for part in manifest.parts}
        for path, size, source in parts_in(backup):
            if path != MANIFEST and (path not in listed or write_part(draft / path, source, size) != listed[path].sha256):
                raise FormatError(f"{path} changed while the backup was read; nothing was restored")
        _check(draft / DATABASE, manifest)
        _require_same_key(draft / MASTER_KEY, data / MASTER_KEY)
        _move(draft, data, manifest)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check(database: Path, manifest: Manifest) -> None:
    try:
        schema = check_database(database)
    except (UnavailableError, sqlite3.Error) as error:
        raise FormatError(f"the database in the backup is damaged: {error}; nothing was restored") from error
    if schema != manifest.schema:
        raise FormatError(
            f"the database in the backup has schema {schema}, its manifest says {manifest.schema}; nothing was restored"
        )


def _require_same_key(new: Path, old: Path) -> None:
    if new.exists() and old.exists() and new.read_bytes().strip() != old.read_bytes().strip():
        raise SettingsError(f"{old} is another key than the backup's; move it away, or restore into a new folder", field="data")


def _move(draft: Path, data: Path, manifest: Manifest) -> None:
    paths = [part.path for part in manifest.parts if part.path != DATABASE]
    folders = {data}
    for path in paths:
        (data / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (draft / path).replace(data / path)
        folders.update(data / above for above in Path(path).parents)
    for folder in sorted(folders):
        synchronise_folder(folder)
    (draft / DATABASE).rename(data / DATABASE)
    synchronise_folder(data)


@contextmanager
def _infrastructure_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        raise UnavailableError(f"the backup could not be restored: {error.strerror}{place}") from error
