"""The child process that walks and performs: `python -m melanzana.runner.worker FOLDER LIMITS LIFE ORDERS EVENTS`.

`process.py` starts it with a folder (the job in `job.json`, attachments go to `attachments/`), the run's limits, and three pipe
descriptors. Before anything heavy is imported it forks: the first process becomes the guard, the second does the job on its main
thread, so that code that insists on one thread (browser drivers) is at home. Descriptors 1 and 2 are captured; what is written
before that, and what the interpreter says when it crashes, goes to the file that the agent opened as standard error.
"""

# ruff: noqa: PLC0415 - the guard must stay small, so the job's imports come after the fork

import faulthandler
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from melanzana.runner.guard import PR_SET_PDEATHSIG, Guard, prctl
from melanzana.runner.limits import Limits, bound_this_process


def main(arguments: list[str]) -> NoReturn:
    """Never returns: the guard ends by signal, the job by `os._exit` so that no leftover thread can hold the process."""
    folder = Path(arguments[0])
    limits = Limits.from_text(arguments[1])
    life, orders, events = (int(text) for text in arguments[2:])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # until there is a handler: the order to abort comes by pipe, too
    guard = os.getpid()
    child = os.fork()
    if child:
        os.close(orders)
        Guard(child, life, events, limits).watch()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)
    os.close(life)
    bound_this_process(limits)
    for descriptor in (orders, events):
        os.set_inheritable(descriptor, False)  # children of action code get neither
    _work(folder, orders, events)


def _work(folder: Path, orders_fd: int, events_fd: int) -> NoReturn:
    from melanzana.runner.orders import EventWriter, OrderReader

    last_words = os.fdopen(os.dup(2), "w", encoding="utf-8")
    faulthandler.enable(last_words)
    orders, events = OrderReader(orders_fd), EventWriter(events_fd)
    try:
        _carry_out(folder, orders, events)
        events.close()
    except BaseException:
        import traceback

        traceback.print_exc(file=last_words)
        last_words.flush()
        os._exit(70)
    os._exit(0)


def _carry_out(folder: Path, orders: Any, events: Any) -> None:
    from melanzana.clock import SystemClock
    from melanzana.protocol.snapshot import Snapshot
    from melanzana.runner.capture import Capture
    from melanzana.runner.disguises import secrets_of
    from melanzana.runner.interruption import Interruption
    from melanzana.runner.masking import Masker
    from melanzana.runner.walking import Surroundings, walk_job

    interruption = Interruption()

    def on_signal(signum: int, frame: Any) -> None:
        orders.abort()
        interruption.on_signal(signum, frame)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    job = json.loads((folder / "job.json").read_text("utf-8"))
    sut = _receive_sut() if job["has_sut"] else None
    masker = Masker(secrets_of(sut, os.environ))
    with Capture(masker) as capture:
        around = Surroundings(
            emit=events.emit,
            flush=events.flush,
            orders=orders,
            clock=SystemClock(),
            interruption=interruption,
            output=capture,
            attachments=folder / "attachments",
            agent_name=job["agent_name"],
            masker=masker,
        )
        walk_job(Snapshot.from_json(job["snapshot"]), around)


def _receive_sut() -> dict[str, Any]:
    """Read the system under test, secrets and all, from standard input; action code then finds that empty, as ever."""
    from melanzana.runner.system_under_test import set_sut

    sut: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    set_sut(sut)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return sut


if __name__ == "__main__":
    main(sys.argv[1:])
