"""One server process per database file.

SQLite lets several processes write, but unfairly: one takes nearly all turns. So the server takes this lock for its life; the
kernel gives it back when the process ends, however it ends. Visitors (the command line) do not take it.
"""

import os
import sys
from pathlib import Path

from melanzana.errors import SettingsError


class ServerLock:
    """Holds `<file>.lock` until `release`."""

    def __init__(self, database: Path) -> None:
        """Errors: SettingsError when another server, in this process or another, holds the lock, or it cannot be made."""
        path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise SettingsError(f"the lock file {path} cannot be made: {error.strerror}", field="data") from error
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise SettingsError(
                f"another Melanzana server already uses {database}; stop it, or give this one another data folder",
                field="data",
            ) from None

    def release(self) -> None:
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
