"""Which changes an execution may go through, and who may cause them. Pure; the only place that says so.

`store.move` turns one row of this table into one guarded UPDATE; nothing else writes a state.

    queued ──claim──▶ leased ──begin──▶ running ──pass, fail, err──▶ passed, failed, error
      ▲ │ └─abort──────▶ aborted ◀──any end, lose── aborting ◀──abort── (leased, running)
      │ └───expire─────▶ error
      └────requeue────── (leased, running)          (leased, running) ──lose──▶ error

`aborting` is a one-way door: whatever its agent reports, it becomes `aborted`. No change leads out of a terminal state.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from melanzana.executions.records import HELD, TERMINAL, LifecycleState
from melanzana.generation.step import Verdict

__all__ = ["HELD", "TERMINAL", "Actor", "Change", "after", "end_for", "moves", "who"]

_Q, _L, _R, _A = LifecycleState.QUEUED, LifecycleState.LEASED, LifecycleState.RUNNING, LifecycleState.ABORTING
_PASSED, _FAILED, _ERROR, _ABORTED = (
    LifecycleState.PASSED,
    LifecycleState.FAILED,
    LifecycleState.ERROR,
    LifecycleState.ABORTED,
)


class Actor(StrEnum):
    CLIENT = "client"
    AGENT = "agent"
    SERVER = "server"


class Change(StrEnum):
    """What can happen to an execution."""

    CLAIM = "claim"  #: an agent takes it: a new attempt
    BEGIN = "begin"  #: the agent has begun to walk
    PASS = "pass"  # noqa: S105 - a verdict  #: the agent reports the end, by verdict
    FAIL = "fail"
    ERR = "err"
    ABORT = "abort"  #: a client wants it to end
    REQUEUE = "requeue"  #: its agent is lost and nothing was performed: somebody else may try
    LOSE = "lose"  #: its agent is lost
    EXPIRE = "expire"  #: no agent took it in time


def _ends(as_state: LifecycleState) -> dict[LifecycleState, LifecycleState]:
    return {_L: as_state, _R: as_state, _A: _ABORTED}


_TABLE: dict[Change, tuple[Actor, dict[LifecycleState, LifecycleState]]] = {
    Change.CLAIM: (Actor.AGENT, {_Q: _L}),
    Change.BEGIN: (Actor.AGENT, {_L: _R}),
    Change.PASS: (Actor.AGENT, _ends(_PASSED)),
    Change.FAIL: (Actor.AGENT, _ends(_FAILED)),
    Change.ERR: (Actor.AGENT, _ends(_ERROR)),
    Change.ABORT: (Actor.CLIENT, {_Q: _ABORTED, _L: _A, _R: _A}),
    Change.REQUEUE: (Actor.SERVER, {_L: _Q, _R: _Q}),
    Change.LOSE: (Actor.SERVER, {_L: _ERROR, _R: _ERROR, _A: _ABORTED}),
    Change.EXPIRE: (Actor.SERVER, {_Q: _ERROR}),
}


def who(change: Change) -> Actor:
    """Who may cause the change."""
    return _TABLE[change][0]


def moves(change: Change) -> Mapping[LifecycleState, LifecycleState]:
    """Every state the change applies to, with the state it leads to."""
    return MappingProxyType(_TABLE[change][1])


def after(state: LifecycleState, change: Change) -> LifecycleState | None:
    """The state that follows; None when the change cannot happen in `state`."""
    return _TABLE[change][1].get(state)


def end_for(verdict: Verdict) -> Change:
    """The change that an agent's `RunFinished` with this verdict is."""
    return {Verdict.PASSED: Change.PASS, Verdict.FAILED: Change.FAIL, Verdict.ERROR: Change.ERR}[verdict]
