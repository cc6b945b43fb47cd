"""Attachments and other large contents, named by the SHA-256 of what is in them.

The name is the content's own digest, so putting twice is one object, nothing is ever changed in place, and a damaged file is
noticed when it is read. A row of the database that names a blob is written after the blob: `put` returns when the content
is on the disk. Plain functions that block; a service calls them with `asyncio.to_thread`.
"""

import os
import re
from hashlib import sha256
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from melanzana.errors import NotFoundError, SettingsError, TooLargeError, UnavailableError

#: Largest content by default, in bytes: a screenshot is well under 10 MB.
MAXIMUM_BYTES = 10 * 1024 * 1024
_DIGEST = re.compile("[0-9a-f]{64}")


class BlobStore:
    """Contents in a local folder, spread over `ab/cd/abcd…`."""

    def __init__(self, folder: Path, *, maximum_bytes: int = MAXIMUM_BYTES) -> None:
        """Errors: SettingsError when the folder cannot be made."""
        self._folder = folder.absolute()
        self._maximum = maximum_bytes
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store = LocalStore(self._folder)
        except (OSError, BaseError) as error:
            raise SettingsError(f"the blob folder {folder} cannot be used: {error}", field="data") from error

    def put(self, content: bytes) -> str:
        """Keep the content; gives its SHA-256 in lower-case hex.

        Errors: TooLargeError over the limit; UnavailableError when the disk does not take it.
        """
        if len(content) > self._maximum:
            raise TooLargeError(f"the content has {len(content)} bytes; at most {self._maximum} are kept", maximum=self._maximum)
        digest = sha256(content).hexdigest()
        try:
            self._store.put(_path(digest), content)  # to a temporary name, then renamed
            _synchronise(self._folder / _path(digest))
        except (OSError, BaseError) as error:
            raise UnavailableError("the content could not be written to the disk; send it again") from error
        return digest

    def get(self, digest: str) -> bytes:
        """The content of that SHA-256.

        Errors: NotFoundError when there is none; UnavailableError when it cannot be read or is not what was put.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError("a content is named by 64 lower-case hexadecimal digits")
        try:
            content = bytes(self._store.get(_path(digest)).bytes())
        except FileNotFoundError:
            raise NotFoundError(f"there is no content {digest}") from None
        except (OSError, BaseError) as error:
            raise UnavailableError("the content cannot be read from the disk now") from error
        if sha256(content).hexdigest() != digest:
            raise UnavailableError(f"the content {digest} is damaged on the disk; restore it from a backup")
        return content


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _synchronise(file: Path) -> None:
    """Make the file and the entries that lead to it survive a power cut."""
    for path in (file, file.parent, file.parent.parent, file.parent.parent.parent):
        if path.is_dir() and os.name == "nt":
            continue  # Windows cannot open folders, and needs no such call
        descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
