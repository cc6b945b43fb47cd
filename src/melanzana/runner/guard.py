"""Watches over one worker from a process of its own, so that no run outlives its lease and nothing it started outlives the run.

`worker.py` forks: the first process stays here, does nothing but wait, and leads the process group; its child performs. The guard
ends everything when the agent is gone (the life pipe closes), when the deadline passes that the agent keeps pushing on, when the
run takes more of the machine than it may, and when the child has ended. It works also while action code holds the interpreter lock
or the agent's event loop stands still.

Ending everything means SIGKILL for every descendant, also those that left the group (on Linux the guard adopts orphans), then for
the group, the guard included. The group's number cannot be given to anybody else while the guard lives in it.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from melanzana.runner.limits import Limits, Usage

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: How long the guard looks for descendants that are still there; then only the group is left to kill.
_PATIENCE_SECONDS = 1.5
#: How often it looks what the run takes of the machine.
MEASURE_SECONDS = 1.0


def prctl(option: int, argument: int) -> None:
    """Ask the Linux kernel; elsewhere, and where it is forbidden, nothing happens."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


class Guard:
    """Waits for the worker `child`; `life` brings deadlines from the agent, `events` takes to it how the run ended."""

    def __init__(self, child: int, life: int, events: int, limits: Limits) -> None:
        self._child, self._life, self._events, self._limits = child, life, events, limits
        self._measures = limits.measured
        self._next_measure = time.monotonic() + MEASURE_SECONDS
        self._deadline: float | None = None
        self._unread = b""
        self._wakeup, write_end = os.pipe()
        os.set_blocking(write_end, False)
        os.set_blocking(self._wakeup, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._pass_on)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        prctl(PR_SET_CHILD_SUBREAPER, 1)

    def watch(self) -> NoReturn:
        """Wait for an end, then bring it about for everybody."""
        status: int | None = None
        with contextlib.suppress(OSError, ValueError):
            while status is None and self._agent_lives() and not self._too_late() and not self._too_much():
                status = self._reap()
                if status is None:
                    self._wait()
            status = self._reap() if status is None else status
        if status is not None:
            self._tell({"exit": status})
        end_everything()

    def _tell(self, word: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            os.write(self._events, b"\n" + json.dumps(word).encode() + b"\n")

    def _too_much(self) -> bool:
        if not self._measures or time.monotonic() < self._next_measure:
            return False
        self._next_measure = time.monotonic() + MEASURE_SECONDS
        exceeded = self._limits.is_exceeded(usage(os.getpid()))
        if exceeded:
            self._tell({"limit": exceeded})
        return bool(exceeded)

    def _pass_on(self, signum: int, frame: Any) -> None:  # noqa: ARG002 - the signature of signal handlers
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signum)

    def _wait(self) -> None:
        ends = [self._deadline, self._next_measure if self._measures else None]
        left = [max(0.0, end - time.monotonic()) for end in ends if end is not None]
        seconds = min(left) if left else None
        ready, _, _ = select.select([self._life, self._wakeup], [], [], seconds)
        if self._wakeup in ready:
            os.read(self._wakeup, 512)

    def _agent_lives(self) -> bool:
        """Read what the agent sent: lines with a deadline on the machine's monotonic clock. False at the end of the pipe."""
        while select.select([self._life], [], [], 0)[0]:
            data = os.read(self._life, 4096)
            if not data:
                return False
            *lines, self._unread = (self._unread + data).split(b"\n")
            if lines:
                self._deadline = float(lines[-1])
        return True

    def _too_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _reap(self) -> int | None:
        """The child's exit status (negative: the signal that killed it) once it has ended; orphans are buried along the way."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == self._child:
                    return os.waitstatus_to_exitcode(status)
                if pid == 0:
                    break
        return None


def end_everything() -> NoReturn:
    """Kill every descendant, wait until none is left (orphans come to the guard), then end the group and oneself."""
    latest = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < latest:
        _bury()
        left = descendants(os.getpid())
        if not left:
            break
        for pid in left:  # somebody may fork while we look, hence the rounds
            _kill(pid)
        time.sleep(0.002)
    os.killpg(0, signal.SIGKILL)
    os._exit(1)  # not reached


def _bury() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(root: int) -> tuple[int, ...]:
    """Process ids of all living descendants of `root`; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return tuple(found)


def usage(root: int) -> Usage:
    """What the living descendants of `root` take, which must be this process: the time of those it has buried counts, too."""
    page, tick = os.sysconf("SC_PAGESIZE"), os.sysconf("SC_CLK_TCK")
    memory, ticks, found = 0, 0, descendants(root)
    for pid in found:
        with contextlib.suppress(OSError, ValueError, IndexError):
            statm = Path(f"/proc/{pid}/statm").read_text("ascii").split()
            memory += (int(statm[1]) - int(statm[2])) * page  # what is shared would be counted once for each that shares it
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    buried = os.times()
    seconds = ticks / tick + buried.children_user + buried.children_system
    return Usage(memory_bytes=memory, processes=len(found), cpu_seconds=seconds)


def _processes() -> Iterator[tuple[int, int]]:
    """(pid, parent) of every process that is not a zombie."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                yield int(folder.name), int(fields[1])


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
