"""The WebDAV server of the example, in a process of its own."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WEBDAV = Path(__file__).parents[1] / "examples" / "webdav"


@contextlib.contextmanager
def running_webdav(fault: str | None = None) -> Iterator[str]:
    """The URL of a running server, healthy or with a planted fault. It must be quiet, and end well when told to."""
    command = [sys.executable, "-W", "error", str(WEBDAV / "server.py"), *(["--fault", fault] if fault else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)
    assert (process.returncode, *rest) == (0, "", ""), "the server ended badly or was not quiet"
