"""What agents are told: the lease of an attempt, and the answer to a report. Pure; called by `service.py`."""

from collections.abc import Mapping
from typing import Any

from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import Execution, Holding, LifecycleState
from melanzana.protocol.peer import Directive, Lease
from melanzana.suts.connections import to_json
from melanzana.suts.records import AssignedSut


def lease_of(execution: Execution, next_seq: int, lease_seconds: float, sut: AssignedSut | None) -> Lease:
    """The attempt that `execution` is at, with the system under test that was locked for it."""
    return Lease(
        execution_id=execution.id,
        run_id=execution.run_id,
        attempt=execution.attempt,
        snapshot=execution.snapshot,
        lease_seconds=lease_seconds,
        next_seq=next_seq,
        sut=None if sut is None else _handed_over(sut),
    )


def directive_of(seen: Holding, lease_seconds: float) -> Directive:
    """What the agent of an execution in this state must know."""
    return Directive(
        next_seq=seen.next_seq,
        lease_seconds=lease_seconds,
        abort_requested=seen.state is LifecycleState.ABORTING,
        resume_requested=seen.resume_requested,
        pause_requested=seen.pause_requested,
        ended=seen.state in TERMINAL,
    )


def is_news(directive: Directive, *, paused: bool) -> bool:
    """Whether an agent that waits must hear it at once; `paused`: it stands still already."""
    must_stand = directive.pause_requested and not paused
    return directive.abort_requested or directive.resume_requested or directive.ended or must_stand


def _handed_over(sut: AssignedSut) -> Mapping[str, Any]:
    connections = [to_json(one, secrets=True) for one in sut.connections]
    return {"id": sut.id, "name": sut.name, "criteria": list(sut.criteria), "connections": connections}
