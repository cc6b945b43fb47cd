"""Which system under test a run gets with its claim, how long it has it, and who is told when it is free again.

`service.py` calls it inside the transaction that changes the execution: the lock is taken with the claim, moved on with each
report, and ended with the attempt. The lock of an agent that fell silent ends with its attempt, too: after lease and grace, when
the agent has stopped by its own deadline, and never before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection

from melanzana.errors import SutTakenError
from melanzana.executions.records import HELD, ClaimingAgent, ExecutionSummary, Holding, LifecycleState
from melanzana.executions.tables import executions
from melanzana.suts.records import AssignedSut, Owner, Sut, SutWish
from melanzana.suts.service import SutService, waiting_reason

E = TypeVar("E", bound=ExecutionSummary)
WAITS_FOR_AGENT = "waiting for an agent"


class Assigning:
    """The systems under test, as the queue sees them."""

    def __init__(self, suts: SutService, grace_seconds: float) -> None:
        self._suts, self._grace = suts, timedelta(seconds=grace_seconds)

    def queue(self, tx: Connection, realm: str, run_id: int, wish: SutWish | None) -> None:
        """Note what a new run needs. Raises RequestError when there is no such system under test."""
        if wish is not None:
            self._suts.ask(tx, realm, run_id, wish)

    def condition(self, tx: Connection, agent: ClaimingAgent) -> tuple[ColumnElement[bool], bool]:
        """What must hold of an execution, besides its other needs, for `agent` to claim it now; whether it is the usual one."""
        return self._suts.can_have(tx, agent.realm, agent.agent_id, executions.c.run_id)

    def waits_for(self, sut_id: str) -> ColumnElement[bool]:
        """The condition that an execution could use this system under test."""
        return self._suts.waiting_for(sut_id, executions.c.run_id)

    def take(self, tx: Connection, seen: Holding, agent: ClaimingAgent, lease_end: datetime) -> AssignedSut | None:
        """Lock one for the attempt, if it needs one. Raises SutTakenError, and then the claim must not be kept either."""
        if not self._suts.asks(tx, seen.run_id):
            return None
        owner = Owner(
            run_id=seen.run_id,
            execution_id=seen.execution_id,
            attempt=seen.attempt,
            agent_id=agent.agent_id,
            realm=agent.realm,
        )
        taken = self._suts.take(tx, owner, lease_end + self._grace)
        if taken is None:
            raise SutTakenError("the system under test was taken in the same moment; ask again")
        return taken

    def renew(self, tx: Connection, seen: Holding, lease_end: datetime) -> None:
        """The lease lives until `lease_end` now."""
        if seen.sut_id is not None:
            self._suts.prolong(tx, seen.run_id, lease_end + self._grace)

    def rearm(self, tx: Connection, lease_end: datetime) -> None:
        """As `renew`, of every lease there is."""
        self._suts.prolong_all(tx, lease_end + self._grace)

    def let_go(self, tx: Connection, before: Holding, after: Holding) -> str | None:
        """End the lock if the attempt is over. The id of what may be free now."""
        if before.sut_id is None or after.state in HELD:
            return None
        self._suts.release(tx, before.sut_id, before.run_id)
        return before.sut_id

    def forget(self, tx: Connection, run_id: int) -> None:
        """The execution is being deleted."""
        self._suts.forget(tx, run_id)

    def explained(self, tx: Connection, realm: str, found: Iterable[E]) -> tuple[E, ...]:
        """The executions, each that is queued with what it waits for."""
        rows = tuple(found)
        wishing = any(row.state is LifecycleState.QUEUED and row.wanted_sut for row in rows)
        suts = self._suts.known(tx, realm) if wishing else ()
        return tuple(_explained(row, suts) for row in rows)


def _explained(row: E, suts: Sequence[Sut]) -> E:
    if row.state is not LifecycleState.QUEUED:
        return row
    reason = waiting_reason(row.wanted_sut, suts, row.requested_agent_id) if row.wanted_sut else None
    labels = f" that offers {', '.join(row.labels)}" if row.labels else ""
    return replace(row, waiting_for=reason or WAITS_FOR_AGENT + labels)
