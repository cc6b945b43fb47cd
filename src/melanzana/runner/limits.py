"""How much one run may take of the machine and of time. The agent is told when it starts; nothing here is decided by the server.

Memory, processors and processes are counted over everything that a run has started (`guard.py`), open files in each process
(`worker.py`); time is kept by the agent (`attempt.py`). None: no limit. Stays free of heavy imports: the guard reads it.
"""

import contextlib
import json
import resource
from dataclasses import asdict, dataclass

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one run."""

    memory_bytes: int | None = None  #: not shared with other processes, resident
    processes: int | None = None
    cpu_seconds: float | None = None
    open_files: int | None = None  #: in each process

    @property
    def measured(self) -> bool:
        """Is there anything that must be looked at again and again?"""
        return (self.memory_bytes, self.processes, self.cpu_seconds) != (None, None, None)

    def is_exceeded(self, usage: "Usage") -> str:
        """What is too much, in a sentence; empty when nothing is."""
        if self.memory_bytes is not None and usage.memory_bytes > self.memory_bytes:
            used, most = usage.memory_bytes // MEGABYTE, self.memory_bytes // MEGABYTE
            return f"the run used {used} MB of memory and was ended: this agent allows {most} MB (--max-memory)"
        if self.processes is not None and usage.processes > self.processes:
            most = self.processes
            return f"the run had {usage.processes} processes and was ended: this agent allows {most} (--max-processes)"
        if self.cpu_seconds is not None and usage.cpu_seconds > self.cpu_seconds:
            used_seconds, allowed = f"{usage.cpu_seconds:.0f}", f"{self.cpu_seconds:g}"
            return f"the run used {used_seconds} s of processor time and was ended: this agent allows {allowed} s (--max-cpu)"
        return ""

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Limits":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run takes now."""

    memory_bytes: int
    processes: int
    cpu_seconds: float


NO_LIMITS = Limits()
#: What `melanzana agent` grants unless told otherwise; a browser with a handful of pages fits well.
DEFAULT_LIMITS = Limits(memory_bytes=4096 * MEGABYTE, processes=512, open_files=4096)
#: The same of time, in seconds.
DEFAULT_STEP_SECONDS, DEFAULT_RUN_SECONDS = 3600.0, 86_400.0


def bound_this_process(limits: Limits) -> None:
    """From now on this process and those it starts open no more files than allowed, and leave no core dumps."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.open_files is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = limits.open_files if hard == resource.RLIM_INFINITY else min(limits.open_files, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
