"""The table of changes, as a graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.executions.lifecycle import HELD, TERMINAL, Actor, Change, after, end_for, moves, who
from melanzana.executions.records import LifecycleState
from melanzana.generation.step import Verdict

states = st.sampled_from(LifecycleState)
changes = st.lists(st.sampled_from(Change), max_size=30)
ENDS = {Change.PASS, Change.FAIL, Change.ERR}


def walk(path: list[Change]) -> list[LifecycleState]:
    """Every state an execution goes through when these changes are tried one after another."""
    seen = [LifecycleState.QUEUED]
    for change in path:
        seen.append(after(seen[-1], change) or seen[-1])
    return seen


@given(changes)
def test_no_change_leads_out_of_a_terminal_state(path: list[Change]) -> None:
    """Whatever is tried in whatever order, a terminal state is the last one."""
    seen = walk(path)
    ended = next((number for number, state in enumerate(seen) if state in TERMINAL), None)
    assert ended is None or set(seen[ended:]) == {seen[ended]}


@given(changes)
def test_aborting_is_a_one_way_door(path: list[Change]) -> None:
    """After `aborting` there is only `aborting` and `aborted`."""
    seen = walk(path)
    if LifecycleState.ABORTING in seen:
        assert set(seen[seen.index(LifecycleState.ABORTING) :]) <= {LifecycleState.ABORTING, LifecycleState.ABORTED}


@given(changes)
def test_passed_needs_an_agent(path: list[Change]) -> None:
    """An execution that passed or failed was claimed before."""
    seen = walk(path)
    if {LifecycleState.PASSED, LifecycleState.FAILED} & set(seen):
        assert LifecycleState.LEASED in seen


@pytest.mark.parametrize("state", LifecycleState)
def test_every_state_can_be_reached_and_left(state: LifecycleState) -> None:
    """Every state is reached by some change from the queue, and every one that is not terminal can be ended by the server alone
    or by an agent and then the server."""
    reached = {LifecycleState.QUEUED}
    for _ in LifecycleState:
        reached |= {target for change in Change for source, target in moves(change).items() if source in reached}
    assert state in reached
    assert (state in TERMINAL) != any(state in moves(change) for change in Change)


def test_held_and_terminal_and_queued_are_all_states() -> None:
    """Each state is exactly one of: queued, held by an agent, terminal."""
    assert HELD.isdisjoint(TERMINAL)
    assert HELD | TERMINAL | {LifecycleState.QUEUED} == set(LifecycleState)


def test_a_lost_agent_leaves_no_held_state_stuck() -> None:
    """The server can let go of an execution in every held state."""
    assert set(moves(Change.LOSE)) == HELD


def test_who_may_cause_what() -> None:
    """Clients abort, agents claim, begin and end, the server does the rest."""
    by = {actor: {change for change in Change if who(change) is actor} for actor in Actor}
    assert by[Actor.CLIENT] == {Change.ABORT}
    assert by[Actor.AGENT] == {Change.CLAIM, Change.BEGIN} | ENDS
    assert by[Actor.SERVER] == {Change.REQUEUE, Change.LOSE, Change.EXPIRE}


def test_a_claim_leads_to_leased_and_nowhere_else() -> None:
    """The claim statement of the store writes `leased` for `queued`, as the table says."""
    assert dict(moves(Change.CLAIM)) == {LifecycleState.QUEUED: LifecycleState.LEASED}


@given(states, st.sampled_from(Verdict))
def test_an_end_is_its_verdict_unless_aborting(state: LifecycleState, verdict: Verdict) -> None:
    """`RunFinished` ends a held execution as its verdict says, an aborting one as aborted, and no other."""
    expected = {LifecycleState.ABORTING: LifecycleState.ABORTED}.get(state, LifecycleState(verdict))
    assert after(state, end_for(verdict)) == (expected if state in HELD else None)
