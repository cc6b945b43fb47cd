"""A content on its way in: hashed and counted while it arrives, so that it is never whole in memory.

Its name is only known when all of it has come. Until then it lies in memory while it is small, and then in a file without a name,
which is gone with the process. `agents/api.py` fills one, `blobs.py` keeps it.
"""

import tempfile
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from melanzana.errors import TooLargeError, UnavailableError

#: Bytes up to which a draft stays in memory.
IN_MEMORY_BYTES = 256 * 1024


class Draft:
    """A content that is written once and then read by whoever keeps it; to be used as a context."""

    def __init__(self, folder: Path | None, maximum_bytes: int) -> None:
        self._maximum = maximum_bytes
        self._digest = sha256()
        self.size = 0
        place = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=place)  # noqa: SIM115 - closed by `__exit__`

    def write(self, chunk: bytes) -> None:
        """Errors: TooLargeError as soon as it is over the limit; UnavailableError when the disk does not take it."""
        self.size += len(chunk)
        if self.size > self._maximum:
            raise TooLargeError(f"the content has more than {self._maximum} bytes; no more are kept", maximum=self._maximum)
        self._digest.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise UnavailableError("the content could not be written to the disk; send it again") from error

    @property
    def digest(self) -> str:
        """SHA-256 of what was written so far, in lower-case hex."""
        return self._digest.hexdigest()

    def opened(self) -> IO[bytes]:
        """What was written, from its beginning."""
        self._file.seek(0)
        return cast(IO[bytes], self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
