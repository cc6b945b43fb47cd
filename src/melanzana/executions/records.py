"""What the server knows of an execution: the request, its state, its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from melanzana.generation.step import Verdict
from melanzana.graph.model import Scalar
from melanzana.protocol.events import Event, event_from_json
from melanzana.protocol.snapshot import Snapshot
from melanzana.suts.records import SutWish

#: Capability that an agent needs to perform code, and the one to generate a path without performing any.
PERFORMS = "python"
DRY = "dry"
#: What the tag of an execution begins with that is a step of a task instance; the instance's id follows.
TASK_TAG = "task_instance:"


class LifecycleState(StrEnum):
    """Where an execution stands. `lifecycle.py` says who may change it to what."""

    QUEUED = "queued"  #: waits for an agent
    LEASED = "leased"  #: handed to an agent that has not begun
    RUNNING = "running"  #: an agent walks (or is paused)
    ABORTING = "aborting"  #: to be ended by its agent; can only become ABORTED
    PASSED = "passed"
    FAILED = "failed"  #: the system under test did something wrong
    ERROR = "error"  #: the test could not be carried out
    ABORTED = "aborted"


TERMINAL = frozenset({LifecycleState.PASSED, LifecycleState.FAILED, LifecycleState.ERROR, LifecycleState.ABORTED})
#: States in which an agent holds the execution and its lease must be renewed.
HELD = frozenset({LifecycleState.LEASED, LifecycleState.RUNNING, LifecycleState.ABORTING})


class Reason(StrEnum):
    """Why the server itself ended an execution. An agent's own reasons are `generation.step.EndReason`."""

    AGENT_LOST = "agent_lost"
    QUEUE_EXPIRED = "queue_expired"
    ABORTED = "aborted"


class OnAgentLost(StrEnum):
    """What becomes of an execution whose agent was lost, when the start says so; by itself: `REQUEUE` until code may have been
    performed, `ERROR` from then on."""

    REQUEUE = "requeue"  #: another attempt, whatever was performed; as many as `LeaseFigures.max_attempts`
    ERROR = "error"  #: the end, even if nothing was performed


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What a client asks for, in our words. At least one of `model`, `rerun_of` and `script` is given.

    None means "not said": then the documented default counts, or, of a rerun, what the first run did.
    """

    model: int | str | None = None  #: integer id or uuid
    model_version: int | None = None  #: None: the newest
    test_case: int | str | None = None  #: integer id, id in the model, or name; a directed test
    rerun_of: int | None = None  #: run id of an earlier execution whose snapshot is used again
    script: str | None = None
    recorded: Mapping[str, Any] | None = None  #: steps that `replay()` follows (`generation.recorded`)
    agent_id: int | None = None  #: only this agent may take it
    perform: bool | None = None  #: False: a dry run
    suite: str | None = None  #: folder of the action code on the agent; inside the stored suite, if one is named
    suite_version: str | None = None  #: id of a stored suite's version, or id or name of a suite, whose newest is meant
    step_pause_seconds: float | None = None
    path: str | None = None
    stop_condition: str | None = None
    iterations: int | None = None
    max_actions: int | None = None
    seed: int | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    on_error: str | None = None
    on_agent_lost: str | None = None  #: an `OnAgentLost`
    labels: tuple[str, ...] = ()  #: capabilities the agent must have, literally
    sut: SutWish | None = None  #: the system under test to lock
    tags: tuple[str, ...] = ()
    traceparent: str = ""  #: the trace that the start call is part of
    ignored_fields: tuple[str, ...] = ()  #: fields of the call that mean nothing here, as `asset.asset_version_id` of a dry run


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """An execution as lists show it: everything but the snapshot, with what of the snapshot people look for."""

    id: str  #: uuid
    run_id: int  #: the same over all attempts
    realm: str
    state: LifecycleState
    attempt: int  #: 0 until an agent took it
    verdict: Verdict | None
    reason: str | None  #: an `EndReason` or a `Reason`; None until the end
    message: str
    model_id: str  #: uuid
    model_version: int
    model_name: str
    test_case: str | None  #: id in the model
    path: str
    seed: int
    perform: bool
    agent_id: int | None  #: the agent of the current attempt; None while queued
    requested_agent_id: int | None
    labels: tuple[str, ...]
    tags: tuple[str, ...]
    ignored_fields: tuple[str, ...]
    paused: bool
    pause_requested: bool = False  #: somebody wants it to stand still; true until they let it go on
    created_at: datetime
    created_by: str  #: client_id of a program, name of a person
    wanted_sut: SutWish | None = None  #: what must be free, and is locked, for it to be carried out
    sut_id: str | None = None  #: uuid of the system under test of the current or last attempt; None while queued
    waiting_for: str | None = None  #: in a sentence, while queued; computed, never stored
    started_at: datetime | None  #: when the current attempt's agent began to walk
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(ExecutionSummary):
    """An execution with its plan."""

    snapshot: Snapshot = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One line of an execution's log. Server events (`ExecutionQueued`, `ExecutionEnded`, …) have no `agent_seq`."""

    run_id: int
    seq: int  #: from 1, without gaps
    attempt: int
    agent_seq: int | None  #: the number the agent gave it, from 1 within its attempt
    at: datetime  #: the server's instant
    type: str
    body: Mapping[str, Any]

    def event(self) -> Event | None:
        """The protocol event, of an agent's event or of a `LogWritten` of the server; None of the server's own kinds."""
        if self.agent_seq is None and self.type != "LogWritten":
            return None
        return event_from_json({"type": self.type, **self.body})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions a list shows, newest first."""

    states: frozenset[LifecycleState] = frozenset()  #: empty: all
    tag: str | None = None
    model_id: str | None = None  #: uuid
    test_case: str | None = None  #: id in the model
    before: int | None = None  #: only runs with a smaller number; to go through a long list, which offsets do not
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPage:
    items: tuple[ExecutionSummary, ...]
    total: int  #: on all pages


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimingAgent:
    """Who asks for work or reports on it."""

    agent_id: int
    session: int
    realm: str
    capabilities: frozenset[str] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a run keeps."""

    sha256: str
    size: int  #: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What decides whether an agent's report counts, and what it is told."""

    execution_id: str
    run_id: int
    realm: str
    state: LifecycleState
    attempt: int
    requested_agent_id: int | None
    agent_id: int | None
    session: int | None
    sut_id: str | None  #: which system under test the attempt has
    reason: str | None
    next_seq: int  #: number of the next agent event of this attempt
    log_seq: int  #: number of the last line of the log
    paused: bool
    resume_requested: bool
    pause_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """A lease whose agent fell silent."""

    execution_id: str
    run_id: int
    attempt: int
    performed: bool  #: whether code of a step may have been performed in this attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What one sweep did; run ids."""

    requeued: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()  #: ended: as an error, or as aborted when that was asked for
    expired: tuple[int, ...] = ()
    held: int = 0  #: lapsed leases that were left alone because too many lapsed at once
    rearmed: int = 0  #: leases given a new period because the server itself had stood still

    @classmethod
    def of(cls, moved: "Sequence[Holding]", expired: tuple[int, ...]) -> "SweepResult":
        """`moved`: executions of lost agents as they are now."""
        waits = LifecycleState.QUEUED
        requeued = tuple(seen.run_id for seen in moved if seen.state is waits)
        return cls(requeued=requeued, lost=tuple(seen.run_id for seen in moved if seen.state is not waits), expired=expired)
