"""One process of `melanzana serve --workers`: takes its orders from its standard input, and serves on the socket it was given.

`workers.py` starts it. The orders are one line of JSON; the end of the input after it means that whoever started this process is
gone, and then it stops as after SIGTERM.
"""

import json
import os
import signal
import socket
import sys
import threading

from melanzana.errors import MelanzanaError, SettingsError
from melanzana.server.process import Post, serve_on
from melanzana.server.settings import ServerSettings


def main() -> int:
    """Serve until told to stop; the exit code."""
    orders = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    post = Post(announces=orders["announces"], does_duties=orders["does_duties"], told_ready=lambda: _tell_ready(orders["ready"]))
    try:
        serve_on(socket.socket(fileno=orders["listening"]), ServerSettings(**orders["settings"]), post)
    except MelanzanaError as error:
        sys.stderr.write(f"melanzana: {error.message}\n")
        return 2 if isinstance(error, SettingsError) else 3  # as the command line ends with them
    return 0


def _stop_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_ready(descriptor: int) -> None:
    os.write(descriptor, b"1")
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
