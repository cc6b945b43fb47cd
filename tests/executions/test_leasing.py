"""Claiming and reporting: who gets what, what is stored, what is answered. The order of the protocol itself is held by
`tests/protocol/peer_conformance.py`."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from melanzana.errors import ConflictError, NotFoundError, RequestError, StaleAttemptError
from melanzana.executions.records import ClaimingAgent, LifecycleState
from melanzana.generation.step import Verdict
from melanzana.protocol.events import LogWritten, RunFinished, RunPaused, StepFinished
from support_executions import AGENT, PASSED, REALM, STARTED, STEP, World, open_world, report

pytestmark = pytest.mark.anyio
OTHER = replace(AGENT, agent_id=2, name="rack-2")


@pytest.fixture
async def world() -> World:
    return await open_world()


async def test_the_oldest_comes_first(world: World) -> None:
    """Executions are handed out in the order they were started."""
    started = [await world.start() for _ in range(3)]
    claimed = [await world.executions.claim(AGENT) for _ in range(3)]
    assert [lease.run_id for lease in claimed if lease] == [execution.run_id for execution in started]
    assert await world.executions.claim(AGENT) is None


@pytest.mark.parametrize(
    ("fields", "capabilities", "fits"),
    [
        ({"perform": True}, {"python"}, True),
        ({"perform": True}, {"dry"}, False),
        ({"perform": False}, {"dry"}, True),
        ({"perform": False}, {"python"}, False),
        ({"labels": ("chrome",)}, {"python"}, False),
        ({"labels": ("chrome",)}, {"python", "chrome", "linux"}, True),
        ({"agent_id": 2}, {"python"}, False),
        ({"agent_id": 1}, {"python"}, True),
    ],
)
async def test_work_goes_to_agents_that_can_do_it(
    world: World, fields: dict[str, object], capabilities: set[str], fits: bool
) -> None:
    """Capabilities cover every need, and an agent that was asked for by id is the only one."""
    await world.start(**fields)
    lease = await world.executions.claim(replace(AGENT, capabilities=frozenset(capabilities)))
    assert (lease is not None) == fits


async def test_an_agent_of_another_realm_gets_nothing(world: World) -> None:
    """Work never crosses realms, and neither do reports."""
    lease = await world.claimed()
    await world.start()
    stranger = replace(AGENT, realm="other")
    assert await world.executions.claim(stranger) is None
    with pytest.raises(NotFoundError):
        await world.executions.report(stranger, report(lease, 1, [STARTED]))


async def test_a_start_wakes_an_agent_that_fits(world: World) -> None:
    """Of two waiting agents only the one that can do the work gets it, and it gets it at once."""
    dry = asyncio.create_task(world.executions.claim(replace(OTHER, capabilities=frozenset({"dry"})), 25))
    able = asyncio.create_task(world.executions.claim(AGENT, 25))
    await asyncio.sleep(0)
    await world.start()
    async with asyncio.timeout(2):
        lease = await able
    assert lease is not None
    assert not dry.done()
    world.executions.waker.close()
    assert await dry is None


async def test_a_stopping_server_lets_held_requests_go(world: World) -> None:
    """A waker that closes answers every held lease and report, and nothing is held after it."""
    lease = await world.claimed()
    held = [
        asyncio.create_task(world.executions.claim(OTHER, 25)),
        asyncio.create_task(world.executions.report(AGENT, report(lease, wait_seconds=5))),
    ]
    await asyncio.sleep(0)
    world.executions.waker.close()
    async with asyncio.timeout(2):
        nothing, directive = await asyncio.gather(*held)
        assert await world.executions.claim(OTHER, 25) is None
    assert nothing is None
    assert not directive.ended


async def test_the_log_keeps_both_numberings(world: World) -> None:
    """Lines are numbered without gaps; an agent's events carry its own numbers besides."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP]))
    await world.executions.report(AGENT, report(lease, 3, [PASSED]))
    log = await world.log(lease)
    assert [line.seq for line in log] == list(range(1, len(log) + 1))
    assert [(line.type, line.agent_seq) for line in log] == [
        ("ExecutionQueued", None),
        ("ExecutionLeased", None),
        ("RunStarted", 1),
        ("StepFinished", 2),
        ("RunFinished", 3),
        ("ExecutionEnded", None),
    ]
    assert log[3].event() == STEP
    assert log[0].event() is None
    assert await world.executions.events(REALM, lease.run_id, after=4) == log[4:]


async def test_the_record_of_a_run(world: World) -> None:
    """Start, end, verdict, reason and message are those of the run; a second attempt does not blur them."""
    lease = await world.claimed()
    world.clock.advance(2)
    await world.executions.report(AGENT, report(lease, 1, [STARTED]))
    world.clock.advance(3)
    failed = RunFinished(verdict="failed", reason="step_not_passed", message="the lamp is off")
    await world.executions.report(AGENT, report(lease, 2, [failed]))
    execution = await world.executions.get(REALM, lease.execution_id)
    assert (execution.state, execution.verdict) == (LifecycleState.FAILED, Verdict.FAILED)
    assert (execution.reason, execution.message) == ("step_not_passed", "the lamp is off")
    assert execution.started_at is not None
    assert execution.ended_at is not None
    assert (execution.started_at - execution.created_at).total_seconds() == 2
    assert (execution.ended_at - execution.started_at).total_seconds() == 3


async def test_a_run_may_end_before_it_began(world: World) -> None:
    """An agent that cannot start at all reports only the end."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [RunFinished(verdict="error", reason="setup_failed")]))
    assert await world.state(lease) == "error"


async def test_aborting_wins_over_every_verdict(world: World) -> None:
    """An abort that came first makes the end `aborted`; one that comes after the end is a conflict that names the state."""
    for verdict in Verdict:
        lease = await world.claimed()
        await world.executions.report(AGENT, report(lease, 1, [STARTED]))
        assert await world.executions.abort(REALM, lease.execution_id) == "aborting"
        assert await world.executions.abort(REALM, lease.execution_id) == "aborting"
        await world.executions.report(AGENT, report(lease, 2, [RunFinished(verdict=verdict, reason="exit")]))
        execution = await world.executions.get(REALM, lease.run_id)
        assert (execution.state, execution.verdict, execution.reason) == ("aborted", None, "aborted")
        assert await world.executions.abort(REALM, lease.execution_id) == "aborted"
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [PASSED]))
    with pytest.raises(ConflictError) as caught:
        await world.executions.abort(REALM, lease.execution_id)
    assert caught.value.detail["state"] == "passed"


async def test_a_queued_execution_is_aborted_at_once(world: World) -> None:
    """Nobody has to be told: it has ended, and no agent gets it."""
    execution = await world.start()
    assert await world.executions.abort(REALM, execution.id) == "aborted"
    assert await world.executions.claim(AGENT) is None
    assert [line.type for line in await world.log(execution)] == ["ExecutionQueued", "AbortRequested", "ExecutionEnded"]


async def test_only_a_paused_run_continues(world: World) -> None:
    """Continuing what is not paused is a conflict; pausing and continuing show in record and log."""
    lease = await world.claimed()
    with pytest.raises(ConflictError):
        await world.executions.resume(REALM, lease.execution_id)
    await world.executions.report(AGENT, report(lease, 1, [STARTED, RunPaused(step=3)]))
    assert (await world.executions.get(REALM, lease.run_id)).paused
    for _ in range(2):
        await world.executions.resume(REALM, lease.execution_id, "client:ci")
    assert [line.type for line in await world.log(lease)].count("ResumeRequested") == 1


BAD = [
    [RunFinished(verdict="splendid", reason="exit")],
    [replace(STEP, verdict="skipped")],
    [LogWritten(message="x", severity="LOUD")],
    [replace(STEP, at_seconds=float("nan"))],
    [replace(STEP, data={"x": float("inf")})],
    [LogWritten(message="\ud800")],
    [PASSED, STEP],
]


@pytest.mark.parametrize("events", BAD, ids=range(len(BAD)))
async def test_what_cannot_be_stored_is_refused_whole(world: World, events: list[StepFinished]) -> None:
    """A report with one bad event stores nothing of it, and the run goes on."""
    lease = await world.claimed()
    with pytest.raises(RequestError):
        await world.executions.report(AGENT, report(lease, 1, [STARTED, *events]))
    assert (await world.executions.report(AGENT, report(lease))).next_seq == 1
    assert await world.state(lease) == "leased"


async def test_the_database_itself_keeps_what_has_ended(world: World) -> None:
    """An UPDATE that would leave a terminal state, or change a line of the log, is refused by the database."""
    lease = await world.claimed()
    await world.executions.report(AGENT, report(lease, 1, [PASSED]))
    for statement in ("UPDATE executions SET state = 'running'", "UPDATE execution_events SET body = '{}'"):
        with pytest.raises(IntegrityError, match=r"terminal state is final|the log is kept"):
            await world.database.write(lambda tx, sql=statement: tx.execute(text(sql)))


async def test_deleting_is_for_what_has_ended(world: World) -> None:
    """A live execution cannot be deleted; an ended one goes with its log, its tags and its key."""
    execution = await world.start("key", tags=("a",))
    with pytest.raises(ConflictError):
        await world.executions.delete(REALM, execution.id)
    await world.executions.abort(REALM, execution.id)
    await world.executions.delete(REALM, execution.id)
    with pytest.raises(NotFoundError):
        await world.executions.events(REALM, execution.id)
    assert (await world.start("key", tags=("a",))).run_id > execution.run_id


async def test_a_fence_that_raises_stops_claim_and_report(world: World) -> None:
    """What the fence says counts inside the transaction: nothing is claimed, renewed or stored."""
    lease = await world.claimed()
    await world.start()

    def fence(_tx: object) -> None:
        raise StaleAttemptError("not you")

    with pytest.raises(StaleAttemptError):
        await world.executions.claim(AGENT, 0.0, fence)
    with pytest.raises(StaleAttemptError):
        await world.executions.report(AGENT, report(lease, 1, [PASSED]), fence)
    assert await world.state(lease) == "leased"
    assert await world.executions.busy_agents(REALM) == {1}


async def test_an_agent_may_hold_several(world: World) -> None:
    """Capabilities and identity are asked for, not a number of runs: an agent with slots claims once for each."""
    leases = [
        await world.claimed(ClaimingAgent(agent_id=7, session=1, realm=REALM, capabilities=AGENT.capabilities)) for _ in "abc"
    ]
    assert len({lease.run_id for lease in leases}) == 3
