"""What a backup consists of: the names that may stand in it, its manifest, and its two shapes, a `.tar` file and a folder.

A backup holds `melanzana.db`, `blobs/ab/cd/<sha-256>`, perhaps `secrets/master.key`, and last `manifest.json` with the size and
SHA-256 of every part: a file that was cut off has no manifest. `backup.py` writes with a sink, `restore.py` reads with `parts_in`.
Parts are streamed; what is held in memory is the manifest, about 150 bytes an attachment.
"""

import io
import json
import os
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from melanzana.errors import FormatError

MANIFEST, DATABASE, MASTER_KEY = "manifest.json", "melanzana.db", "secrets/master.key"
#: Raised when an older Melanzana could not restore the backup any more.
FORMAT = 1
_BLOB = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MANIFEST_BYTES = 1 << 30
_CHUNK, _BLOCK = 1 << 20, tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`schema`: the revision of the database, None when it has none; `made_at`: ISO 8601 in UTC, when the copy began.

    `attachments`: address of the bucket that keeps them, when they are not in the backup.
    """

    melanzana: str
    schema: str | None
    made_at: str
    parts: tuple[Part, ...]
    format: int = FORMAT
    attachments: str | None = None

    @property
    def has_key(self) -> bool:
        return any(part.path == MASTER_KEY for part in self.parts)

    def encode(self) -> bytes:
        values = asdict(self)
        if self.attachments is None:
            del values["attachments"]  # which older versions do not know
        return json.dumps(values, indent=1).encode()


def decode_manifest(content: bytes) -> Manifest:
    """Errors: FormatError for anything that `Manifest.encode` does not write."""
    try:
        values = json.loads(content)
        if isinstance(values, dict) and values.get("format") != FORMAT:
            raise FormatError(
                f"the backup has format {values.get('format')!r}, this Melanzana reads {FORMAT}; use the one that made it"
            )
        manifest = Manifest(**{**values, "parts": tuple(Part(**part) for part in values["parts"])})
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FormatError("the manifest of the backup cannot be read; the file is damaged or is no backup") from None
    for part in manifest.parts:
        require_known(part.path)
        if type(part.bytes) is not int or not isinstance(part.sha256, str) or not _SHA256.fullmatch(part.sha256):
            raise FormatError(f"the manifest of the backup is damaged at {part.path}")
    return manifest


def require_known(path: object) -> str:
    """The name, when it is one that a backup of ours can hold: nothing else is ever written. Errors: FormatError."""
    if isinstance(path, str) and (path in {MANIFEST, DATABASE, MASTER_KEY} or _BLOB.fullmatch(path)):
        return path
    raise FormatError(f"{path!r} does not belong in a backup; nothing was restored")


def blob_path(digest: str) -> str:
    return f"blobs/{digest[:2]}/{digest[2:4]}/{digest}"


def blob_digest(path: str) -> str | None:
    """What the content of an attachment must have as its SHA-256; None for another part."""
    found = _BLOB.fullmatch(path)
    return found[3] if found else None


def pour(source: BinaryIO, target: BinaryIO | None, size: int) -> str:
    """Copy `size` bytes, or only read them; gives their SHA-256. Errors: FormatError when the source ends before."""
    digest = sha256()
    while size:
        chunk = source.read(min(size, _CHUNK))
        if not chunk:
            raise FormatError("the backup is cut off; nothing was restored")
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
        size -= len(chunk)
    return digest.hexdigest()


class Sink(ABC):
    """Takes the parts of a backup, one after the other."""

    @abstractmethod
    def add(self, path: str, source: BinaryIO, size: int) -> Part:
        """Errors: OSError; FormatError when `source` has less than `size` bytes."""

    @abstractmethod
    def finish(self) -> None:
        """Everything is on the disk when this returns. Errors: OSError."""

    def close(self) -> None:
        """Let go of what is open, finished or not."""
        return


class TarSink(Sink):
    """One file. The headers are plain ones, which `tar` of any system reads."""

    def __init__(self, path: Path) -> None:
        self._file = open_private(path)

    def add(self, path: str, source: BinaryIO, size: int) -> Part:
        header = tarfile.TarInfo(path)
        header.size, header.mode = size, 0o600
        self._file.write(header.tobuf(tarfile.GNU_FORMAT))
        digest = pour(source, self._file, size)
        self._file.write(bytes(-size % _BLOCK))
        return Part(path=path, bytes=size, sha256=digest)

    def finish(self) -> None:
        with self._file:
            self._file.write(bytes(2 * _BLOCK))
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class FolderSink(Sink):
    """A folder with a file for each part."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder

    def add(self, path: str, source: BinaryIO, size: int) -> Part:
        return Part(path=path, bytes=size, sha256=write_part(self._folder / path, source, size))

    def finish(self) -> None:
        synchronise_folders(self._folder)


def write_part(file: Path, source: BinaryIO, size: int) -> str:
    """A new file on the disk, with the folders that lead to it; gives its SHA-256."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_private(file) as target:
        digest = pour(source, target, size)
        target.flush()
        os.fsync(target.fileno())
    return digest


def open_private(path: Path) -> BinaryIO:
    """A new file that its owner alone may read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")


def synchronise_folders(top: Path) -> None:
    """Make the entries of the folder and of all folders in it survive a power cut."""
    if os.name == "nt":
        return  # Windows cannot open folders, and needs no such call
    for folder, _, _ in os.walk(top):
        synchronise_folder(Path(folder))


def synchronise_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parts_in(backup: Path) -> "Iterator[tuple[str, int, BinaryIO]]":
    """Name, size and content of every part; the content is to be read before the next part is asked for.

    Errors: FormatError for a name, a kind of file or a header that no backup of ours has; OSError.
    """
    return _in_folder(backup) if backup.is_dir() else _in_tar(backup)


def read_manifest_part(source: BinaryIO, size: int) -> Manifest:
    """Errors: FormatError."""
    if size > _MANIFEST_BYTES:
        raise FormatError("the manifest of the backup is too large to be one")
    content = io.BytesIO()
    pour(source, content, size)
    return decode_manifest(content.getvalue())


def _in_folder(folder: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    for place, folders, names in os.walk(folder):
        for name in [*names, *(each for each in folders if (Path(place) / each).is_symlink())]:
            path = Path(place) / name
            known = require_known(path.relative_to(folder).as_posix())
            if path.is_symlink() or not path.is_file():
                raise FormatError(f"{known} in the backup is not a plain file; nothing was restored")
            with path.open("rb") as source:
                yield known, path.stat().st_size, source


def _in_tar(path: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Headers are read here one by one: the kinds that make readers follow links or trust a second header are refused unread."""
    with path.open("rb") as file:
        while any(block := file.read(_BLOCK)):
            name, size = _header(block)
            content = file.tell()
            yield name, size, file
            file.seek(content + size + -size % _BLOCK)


def _header(block: bytes) -> tuple[str, int]:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError):
        raise FormatError("this is no backup of Melanzana, or it is damaged or cut off; nothing was restored") from None
    if header.type != tarfile.REGTYPE or header.size < 0:
        raise FormatError(f"{header.name!r} in the backup is not a plain file; nothing was restored")
    return require_known(header.name), header.size
