"""What the soak notes while it runs: calls for the history checker, how long things took, and what the server needs."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from support_history import History


@dataclass(slots=True)
class Notes:
    """Everything that is counted. Times are monotonic seconds."""

    history: History = field(default_factory=History)
    statuses: Counter[int] = field(default_factory=Counter)
    starts: int = 0
    steps: int = 0
    reports_twice: int = 0
    agents_killed: int = 0
    servers_killed: int = 0
    start_seconds: list[float] = field(default_factory=list)  #: of starts that were accepted at the first try
    lost_seconds: list[float] = field(default_factory=list)
    abort_seconds: list[float] = field(default_factory=list)
    aborted_at: dict[str, float] = field(default_factory=dict)
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)  #: state and attempt of executions that were looked at
    broken: list[str] = field(default_factory=list)  #: what must not happen, in sentences

    def ended(self, execution: str) -> None:
        """The agent's last word on an execution was acknowledged."""
        if (asked := self.aborted_at.pop(execution, None)) is not None:
            self.abort_seconds.append(time.monotonic() - asked)


class Transport(httpx.AsyncHTTPTransport):
    """Counts the statuses of all answers. Without certificates, which loopback does not need and which cost much to load."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(verify=False)
        self._notes = notes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        self._notes.statuses[answer.status_code] += 1
        if answer.status_code == 500:
            self._notes.broken.append(f"{request.method} {request.url.path} was answered 500")
        return answer


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server needed at one moment."""

    at: float
    resident: float  #: MB
    files: int  #: open descriptors
    log: float  #: MB of the write-ahead log


def sample(pid: int, log: Callable[[], int]) -> Sample | None:
    """None when the process is just gone."""
    with contextlib.suppress(OSError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        return Sample(time.monotonic(), resident, files, log() / 2**20)
    return None


def slope(samples: list[Sample]) -> float:
    """Of resident memory, MB a minute, by least squares."""
    if len(samples) < 3:
        return 0.0
    times = [each.at / 60 for each in samples]
    middle, level = sum(times) / len(times), sum(each.resident for each in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at in times)
    return sum((at - middle) * (each.resident - level) for at, each in zip(times, samples, strict=True)) / spread


def late(seconds: list[float], part: float) -> float:
    """The value that this part of all do not exceed; 0 when there are none."""
    ranked = sorted(seconds)
    return ranked[min(int(len(ranked) * part), len(ranked) - 1)] if ranked else 0.0
