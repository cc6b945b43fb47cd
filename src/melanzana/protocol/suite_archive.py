"""Suites as zip files: what may be in one, and taking it apart. Server and agent both look at every archive.

Nothing of an archive is imported here. `catalog/suites_service.py` checks what is uploaded, `runner/stored_suites.py` unpacks it.
"""

import stat
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from melanzana.errors import RequestError

#: Most files and unpacked bytes of a suite, and characters of a name in it.
MOST_FILES, MOST_BYTES, MOST_NAME = 5_000, 256 * 2**20, 400
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN = (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error)


@dataclass(frozen=True, slots=True)
class Extent:
    """What an archive comes to."""

    files: int
    size: int  #: bytes, unpacked


def check(source: IO[bytes]) -> Extent:
    """Look at all of an archive, checksums too. Raises RequestError naming what is wrong."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive)
            damaged = archive.testzip()
    except _BROKEN as error:
        raise _refused(f"it is no whole zip file ({error})") from None
    if damaged is not None:
        raise _refused(f"{damaged!r} in it is damaged")
    files = [member for member in members if not member.is_dir()]
    if not any(member.filename.endswith(".py") for member in files):
        raise _refused("there is no Python file in it")
    return Extent(len(files), sum(member.file_size for member in files))


def unpack(content: bytes, folder: Path) -> None:
    """Lay the files of an archive into a folder that exists and is empty. Raises RequestError."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for member in _members(archive):
                archive.extract(member, folder)
    except _BROKEN as error:
        raise _refused(f"it cannot be unpacked ({error})") from None


def inner_folder(text: str | None) -> str:
    """A folder inside a suite, as `sub/folder`; "" for the suite itself. Raises RequestError when it leads out of it."""
    if not text or text == ".":
        return ""
    if not _stays_inside(text):
        raise RequestError(f"{text!r} is no folder inside the stored suite", field="asset.asset_path")
    return str(PurePosixPath(text))


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Every entry, once all of them are harmless by what the archive says. `zipfile` never gives more bytes than are said."""
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise _refused(f"it has {len(members)} entries; at most {MOST_FILES} are taken")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise _refused(f"it unpacks to more than {MOST_BYTES} bytes")
    seen: set[str] = set()
    for member in members:
        _require_harmless(member)
        name = member.filename.rstrip("/")
        if name in seen:
            raise _refused(f"{name!r} is in it twice")
        seen.add(name)
    return members


def _require_harmless(member: zipfile.ZipInfo) -> None:
    name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
    if len(name) > MOST_NAME or not _stays_inside(name):
        raise _refused(f"the name {name[:80]!r} in it leads out of the suite")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(f"{name!r} in it is a link or a device")
    if member.flag_bits & 1 or member.compress_type not in _METHODS:
        raise _refused(f"{name!r} in it is encrypted or packed in a way that is not read; use deflate")


def _stays_inside(name: str) -> bool:
    parts = name.rstrip("/").split("/")
    return bool(name) and "\\" not in name and "\0" not in name and ":" not in parts[0] and not {"", ".", ".."} & set(parts)


def _refused(why: str) -> RequestError:
    return RequestError(f"the suite was not taken: {why}", field="suite")
