"""How an agent and the server talk: a few verbs, always spoken by the agent.

Order of calls. `register` once per process; then, over and over: `lease` until it returns work; `report` while the run goes on; the
report whose last event is `RunFinished` ends it. `store` may be called at any time while a lease is held. `leave` says that no more
work is wanted, and, with `gone`, that the process ends.

Who blocks. `lease` is held by the server up to `wait_seconds` and returns None when nothing came. `report` with no events is the
heartbeat: it is held up to `wait_seconds` and answers at once when there is something to say, so an abort arrives without
polling. Every `report`, empty or not, renews the lease; the agent counts its own deadline from the moment it SENT one.

What may be resent. Everything. Events are numbered from 1 within an attempt: the server stores each number once, in order, and
answers with `next_seq`, the number it wants next. A report that starts later than that stores nothing: go back to `next_seq`.

How it ends. `StaleAttemptError` (the attempt is not the current one any more: lost, ended or given to somebody else) and
`SessionReplacedError` (another process registered as this agent) mean: stop the run now and report nothing more for it.
`AgentDrainedError` as the answer to `lease` means: somebody asked this process to end with its last run.
`UnavailableError` means: try again until the deadline. `abort_requested` is a one-way door: finish what abort demands and report
`RunFinished`; whatever its verdict, the execution ends as aborted.

Implementations: `runner/http_peer.py` over HTTP, and the server's agents service itself (`agents/service.py`), on which the
simulator runs. Both pass `tests/protocol/peer_conformance.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from melanzana.protocol.events import Event
from melanzana.protocol.snapshot import Snapshot

#: Grows when an older side could no longer understand; the server serves this version and the one before.
PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What an agent says of itself."""

    capabilities: frozenset[str]  #: e.g. `python`; `dry` = performs no code; free labels such as `chrome` are matched literally
    host: str = ""
    version: str = ""
    protocol: int = PROTOCOL_VERSION
    instance: str = ""  #: random, one per process: a `register` resent with the same one is answered with the same session


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the server answers to `register`: the agent's identity in this process and every figure it must keep to."""

    agent_id: int
    agent_name: str
    session: int  #: grows by one with each registration; only the newest may speak
    heartbeat_seconds: float  #: report at least this often (± 10 %)
    lease_seconds: float  #: a lease lives this long after the last report
    kill_seconds: float  #: between SIGTERM and SIGKILL of the run's process group
    poll_seconds: float  #: longest `wait_seconds` of `lease`


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One attempt at one execution, handed to one agent. `attempt` is the fencing token on everything the agent says of it."""

    execution_id: str
    run_id: int
    attempt: int
    snapshot: Snapshot
    lease_seconds: float
    next_seq: int = 1  #: 1 for a fresh attempt
    #: what the run is made against: `id`, `name`, `criteria`, `connections` with their secrets; None: nothing was locked
    sut: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A batch of numbered events; none is a heartbeat."""

    execution_id: str
    attempt: int
    first_seq: int = 1  #: number of the first event in the batch; of the next one to come when the batch is empty
    events: tuple[Event, ...] = ()
    wait_seconds: float = 0.0  #: how long an empty report may be held


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """The server's answer to a report."""

    next_seq: int
    lease_seconds: float
    abort_requested: bool = False
    resume_requested: bool = False  #: somebody continued a paused run
    #: somebody wants the run to stand still at its next step boundary; true until they let it go on
    pause_requested: bool = False
    ended: bool = False  #: the execution has reached its end with this report (or had before)


class Peer(Protocol):
    """The server, as an agent sees it. Raises StaleAttemptError, SessionReplacedError, InvalidTokenError and UnavailableError."""

    async def register(self, hello: Hello) -> Session: ...

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None: ...

    async def report(self, session: Session, report: Report) -> Directive: ...

    async def leave(self, session: Session, *, gone: bool) -> None:
        """Take no more work from now on; `gone`: and this process has nothing left to say. Nothing depends on the answer."""
        ...

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        """Keep `content` for the run and return its SHA-256 in hex; the same content is kept once."""
        ...

    async def suite(self, session: Session, lease: Lease) -> bytes:
        """The zip file of the stored suite that the run is to use. Raises NotFoundError when it has none, or it was deleted."""
        ...
