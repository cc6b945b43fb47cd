"""What an agent asks of the process that walks and performs: the interface between `agent.py` and whatever runs a job.

`process.py` runs a job in a child process, `scripted.py` plays a script; both pass `tests/runner/worker_conformance.py`, so what
is proven of the agent over scripts holds over processes. `melanzana run` starts the same workers without any agent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from melanzana.protocol.events import Event
from melanzana.protocol.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one worker does from its start to its end."""

    snapshot: Snapshot
    agent_name: str  #: for `RunStarted`
    alive_seconds: float | None = None  #: the worker must be dead after this time unless `extend` said otherwise; None: no limit
    traceparent: str = ""  #: what spans of action code are children of (W3C Trace Context); given on as TRACEPARENT
    sut: Mapping[str, Any] | None = field(default=None, repr=False)  #: what the lease says of the system under test


class Worker(Protocol):
    """One job under way. Methods that are not async return at once, and none of them fails because the worker is gone."""

    async def receive(self) -> tuple[Event, ...]:
        """The next events, in order, at least one; `()` once the worker has ended and everything was received."""
        ...

    async def content(self, sha256: str) -> bytes:
        """The bytes of an `AttachmentStored` that was received. Raises NotFoundError when they are gone."""
        ...

    def extend(self, seconds: float) -> None:
        """Let the worker live until `seconds` from now; it kills itself and its children when that time passes."""
        ...

    def pause(self) -> None:
        """Let the walk stand still before its next step, until `resume`."""
        ...

    def resume(self) -> None:
        """Continue a paused walk; one that was told to pause and has not yet, does not."""
        ...

    def abort(self) -> None:
        """Stop after the step that is being performed; then the model's cleanup, if it asks for one."""
        ...

    def terminate(self) -> None:
        """Interrupt the step that is being performed (SIGTERM), so that its teardown runs."""
        ...

    async def kill(self) -> None:
        """End the worker and every process it started, now, and wait until they are gone. May be called at any time, repeatedly."""
        ...

    async def close(self) -> None:
        """`kill`, and let go of everything that was kept for this job. Nothing may be asked afterwards."""
        ...

    def epitaph(self) -> str:
        """How the worker ended, when that was not by itself: its exit status or signal. Meaningful once `receive` gave `()`."""
        ...


class WorkerFactory(Protocol):
    """Where workers come from."""

    async def start(self, job: Job) -> Worker:
        """A worker that has begun with `job`. Raises UnavailableError when none can be started."""
        ...
