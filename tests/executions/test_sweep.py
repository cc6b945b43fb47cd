"""Lost agents: found in time, never by mistake."""

from dataclasses import replace

import pytest

from melanzana.errors import RequestError, StaleAttemptError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import SweepResult
from melanzana.protocol.events import Event
from support_executions import AGENT, PASSED, REALM, STARTED, STEP, STEP_BEGUN, World, open_world, report

pytestmark = pytest.mark.anyio
OTHER = replace(AGENT, agent_id=2, name="rack-2")


@pytest.fixture
async def world() -> World:
    world = await open_world()
    assert await world.executions.release_expired() == SweepResult(rearmed=0)
    return world


async def seconds_until(world: World, state: str, run_id: int, limit: int = 120) -> int:
    """How long, with a sweep each second, until the execution is in `state`."""
    for second in range(1, limit + 1):
        await world.sweep_for(1)
        if (await world.executions.get(REALM, run_id)).state == state:
            return second
    raise AssertionError(f"run {run_id} is not {state} after {limit} s")


async def test_a_lost_agent_shows_within_31_seconds(world: World) -> None:
    """From the last report of an agent that had performed steps to the error that names it: lease, grace and one sweep."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [STARTED, replace(STEP, performed=True)]))
    assert await seconds_until(world, "error", lease.run_id) <= world.figures.visible_seconds == 31
    execution = await world.executions.get(REALM, lease.run_id)
    assert (execution.verdict, execution.reason) == ("error", "agent_lost")
    assert "agent 1 fell silent" in execution.message
    with pytest.raises(StaleAttemptError):
        await world.executions.report(AGENT, report(lease, 3, [PASSED]))


async def test_heartbeats_keep_a_lease(world: World) -> None:
    """An agent that reports every 5 s keeps its run for as long as it likes."""
    lease = await world.claimed()
    for _ in range(60):
        await world.sweep_for(5)
        await world.executions.report(AGENT, report(lease))
    assert await world.state(lease) == "leased"


async def test_work_that_was_not_begun_goes_to_another_agent(world: World) -> None:
    """A dry run performs nothing: a lost agent's is queued again, for the second and third attempt; then it is an error."""
    execution = await world.start(perform=False)
    for attempt in (1, 2, 3):
        lease = await world.executions.claim(AGENT)
        assert lease is not None
        assert lease.attempt == attempt
        await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP]))
        await seconds_until(world, "queued" if attempt < 3 else "error", execution.run_id)
    log = await world.log(execution)
    assert [line.type for line in log].count("ExecutionRequeued") == 2
    assert [line.seq for line in log] == list(range(1, len(log) + 1))
    assert [line.attempt for line in log if line.agent_seq == 1] == [1, 2, 3]


async def test_a_lease_that_never_arrived_goes_to_another_agent(world: World) -> None:
    """An agent that never confirmed its lease has started no worker: the work is queued again, also when it performs code."""
    lease = await world.claimed()
    await seconds_until(world, "queued", lease.run_id)


@pytest.mark.parametrize("events", [[], [STARTED], [STARTED, STEP_BEGUN]])
async def test_work_that_may_have_begun_is_not_repeated(world: World, events: list[Event]) -> None:
    """From the report that confirms the lease on, code may run before anything is heard of it: a lost agent ends the execution."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, events))
    await seconds_until(world, "error", lease.run_id)


async def test_the_start_may_say_what_becomes_of_lost_work(world: World) -> None:
    """`requeue`: another attempt even after steps, and a third, then an error. `error`: the end at once. A rerun says the same."""
    execution = await world.start(on_agent_lost="requeue")
    for attempt in (1, 2, 3):
        lease = await world.executions.claim(AGENT)
        assert lease is not None
        await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP_BEGUN]))
        await seconds_until(world, "queued" if attempt < 3 else "error", execution.run_id)
    never = await world.claimed(on_agent_lost="error")
    await seconds_until(world, "error", never.run_id)
    again = await world.start(model=None, rerun_of=never.run_id)
    assert (await world.executions.get(REALM, again.run_id)).snapshot.on_agent_lost == "error"
    with pytest.raises(RequestError, match="it may be requeue, error"):
        await world.start(on_agent_lost="shrug")


async def test_an_older_attempt_cannot_speak(world: World) -> None:
    """When the lost agent comes back, its attempt is stale, whoever has the execution now."""
    first = await world.claimed()
    await seconds_until(world, "queued", first.run_id)
    with pytest.raises(StaleAttemptError):
        await world.executions.report(AGENT, report(first, 1, [STARTED]))
    second = await world.executions.claim(OTHER)
    assert second is not None
    await world.executions.report(OTHER, report(second, 1, [STARTED]))
    with pytest.raises(StaleAttemptError):
        await world.executions.report(AGENT, report(first, 1, [PASSED]))
    assert await world.state(second) == "running"


async def test_an_aborting_execution_of_a_lost_agent_is_aborted(world: World) -> None:
    """Nobody is left to report the end: it ends as aborted all the same, and says that the agent was lost."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP_BEGUN]))
    await world.executions.abort(REALM, lease.execution_id)
    await seconds_until(world, "aborted", lease.run_id)
    assert (await world.executions.get(REALM, lease.run_id)).reason == "agent_lost"


async def test_a_restart_of_the_server_loses_nobody(world: World) -> None:
    """However long the server was down, its first sweep gives every lease a new period."""
    lease = await world.claimed()
    world.clock.advance(3600)
    world.restart()
    assert (await world.executions.release_expired()).rearmed == 1
    assert await world.sweep_for(19) == [SweepResult()] * 19
    await world.executions.report(AGENT, report(lease, 1, [STARTED]))
    assert await world.state(lease) == "running"


async def test_a_stall_of_the_server_loses_nobody(world: World) -> None:
    """A gap of more than 5 s between sweeps is our own fault, not the agents'."""
    lease = await world.claimed()
    world.clock.advance(60)
    assert (await world.executions.release_expired()).rearmed == 1
    await world.sweep_for(10)
    assert await world.state(lease) == "leased"


async def test_a_server_that_always_stalls_still_finds_the_lost(world: World) -> None:
    """Sweeps that are always late re-arm only now and then, so a dead agent does not live for ever."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP_BEGUN]))
    for _ in range(30):
        world.clock.advance(6)
        await world.executions.release_expired()
    assert await world.state(lease) == "error"


async def test_a_jump_of_the_wall_clock_loses_nobody(world: World) -> None:
    """Leases are counted on a clock that does not jump; not even forwards by an hour, or back."""
    lease = await world.claimed()
    for hours in (1, -2):
        world.clock.at = world.clock.at.replace(hour=(world.clock.at.hour + hours) % 24)
        await world.sweep_for(10)
        await world.executions.report(AGENT, report(lease))
    world.clock.at = world.clock.at.replace(year=2029)
    world.restart()
    await world.executions.release_expired()
    assert await seconds_until(world, "error", lease.run_id) <= 31


async def test_most_agents_lost_at_once_are_not_believed_at_first(world: World) -> None:
    """When more than half of the leases lapse in one sweep the sweep holds, one period long; those that speak again keep theirs."""
    leases = [await world.claimed(replace(AGENT, agent_id=number)) for number in range(1, 7)]
    results = await world.sweep_for(31)
    assert results[-1] == SweepResult(held=6)
    for number, lease in enumerate(leases[:4], 1):
        await world.executions.report(replace(AGENT, agent_id=number), report(lease, 1, [STARTED]))
    await world.sweep_for(1)
    assert [await world.state(lease) for lease in leases] == ["running"] * 4 + ["queued"] * 2


async def test_a_hold_ends(world: World) -> None:
    """Agents that are really gone are found all the same, one period later."""
    leases = [await world.claimed(replace(AGENT, agent_id=number)) for number in range(1, 6)]
    await world.sweep_for(31 + int(world.figures.hold_seconds))
    assert [await world.state(lease) for lease in leases] == ["queued"] * 5


async def test_few_leases_are_no_crowd(world: World) -> None:
    """With three leases, losing all three is believed at once."""
    leases = [await world.claimed(replace(AGENT, agent_id=number)) for number in range(1, 4)]
    await world.sweep_for(31)
    assert [await world.state(lease) for lease in leases] == ["queued"] * 3


async def test_what_nobody_takes_ends_after_a_day(world: World) -> None:
    """An execution that no agent could take for 24 hours ends as an error that says so; a younger one waits on."""
    old = await world.start(labels=("mainframe",))
    world.clock.advance(23 * 3600)
    await world.executions.release_expired()
    young = await world.start(labels=("mainframe",))
    world.clock.advance(3590)
    await world.sweep_for(12)
    execution = await world.executions.get(REALM, old.run_id)
    assert (execution.state, execution.reason) == ("error", "queue_expired")
    assert "within 24 hours" in execution.message
    assert await world.state(young) == "queued"


async def test_figures_fit_into_each_other() -> None:
    """Three heartbeats may be lost in a lease; the kill fits into the grace; a held report is answered before the lease ends."""
    figures = LeaseFigures()
    assert 4 * figures.heartbeat_seconds <= figures.lease_seconds
    assert figures.kill_seconds < figures.grace_seconds
    assert figures.heartbeat_seconds * 1.1 < figures.lease_seconds / 2
    assert figures.visible_seconds <= 31
