"""Runs the children of `support_faults.py` under strace, with one of their system calls on the database's files made to fail.

strace counts the calls of one thread, so the N-th is the same call in every run; a test goes N = 1, 2, … until nothing is hit.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import support_faults
from support_faults import FILE

#: Every call that changes a file or makes a change last.
WRITING = "pwrite64,write,fdatasync,fsync,ftruncate,fallocate,unlink"
HANG_SECONDS = 20.0


@dataclass(frozen=True)
class Outcome:
    """What became of one child."""

    folder: Path
    exit_code: int
    told: tuple[str, ...]  #: the step that was answered, or `refused` with the reason
    trace: tuple[str, ...]

    @property
    def answered(self) -> int:
        """How many steps."""
        return len(self.told) - len(self.refused)

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(what.removeprefix("refused ") for what in self.told if what.startswith("refused "))

    @property
    def injected(self) -> int:
        return sum("(INJECTED)" in line for line in self.trace)


class Tracer:
    """One server of children; each gets a folder of its own, which lasts until the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, support_faults.__file__, str(folder)]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, start_new_session=True)
        assert self._line() == "ready"

    @property
    def template(self) -> Path:
        return self._folder / "template"

    def fresh(self, name: str = "child", file: Path | None = None) -> Path:
        """A folder with a copy of this database file in it, else of the template's, and nothing else."""
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(file or self.template / FILE, folder / FILE)
        return folder

    def run(self, thread: str, call: str, fault: str, *, die: bool = False, file: Path | None = None) -> Outcome:
        """The steps with `fault` at `call` in `thread` (strace's `inject=call:fault`); `die`: kill -9 at the first refusal."""
        folder = self.fresh(file=file)
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"folder": str(folder), "thread": thread, "die": die}) + "\n")
        self._server.stdin.flush()
        pid = int(self._line())
        _wait((folder / "tid").exists)
        task = int((folder / "tid").read_text())
        with _traced(folder, task, ("-e", f"trace={WRITING},openat", "-e", f"inject={call}:{fault}")):
            _wait(lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/task/{task}/status").read_text())
            (folder / "go").touch()
            code = int(self._line(pid))
        told, trace = ((folder / name).read_text().splitlines() for name in ("told", "trace"))
        return Outcome(folder, code, tuple(told), tuple(trace))

    def _line(self, pid: int | None = None) -> str:
        """The server's next word; a child that hangs is killed, and ends with -9 where nobody expects it."""
        assert self._server.stdout is not None
        late = threading.Timer(HANG_SECONDS, lambda: None if pid is None else os.kill(pid, signal.SIGKILL))
        late.start()
        try:
            return self._server.stdout.readline().strip()
        finally:
            late.cancel()
            late.join()

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server.stdout.close()


@contextmanager
def _traced(folder: Path, task: int, options: tuple[str, ...]) -> Iterator[None]:
    paths = [word for suffix in ("", "-wal", "-shm", "-journal") for word in ("-P", str(folder / (FILE + suffix)))]
    command = ["strace", "-qqq", "-y", "-s", "0", "-o", str(folder / "trace"), *paths, *options, "-p", str(task)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
        tracer.wait(timeout=HANG_SECONDS)
    finally:
        tracer.kill()
        tracer.wait()


def _wait(question: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not question():
        assert time.monotonic() < deadline, "the child or its tracer does not come"
        time.sleep(0.001)
