"""Who gets a system under test, when, and for how long: over the real queue, with a clock that is moved by hand."""

import asyncio
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.access.records import Actor
from melanzana.errors import ConflictError, RequestError
from melanzana.executions.records import ClaimingAgent, LifecycleState
from melanzana.protocol.peer import Lease
from melanzana.suts.records import Sut, SutDraft, SutStatus, SutWish
from support_executions import AGENT, PASSED, REALM, STARTED, STEP, STEP_BEGUN, World, open_world, report

pytestmark = pytest.mark.anyio
WHO = Actor(kind="command_line", id="tests", name="tests")
OTHER = replace(AGENT, agent_id=2, name="rack-2")
TILL = SutWish(criteria=("till",))
PASSWORD = {"connection_type": "VNC", "host": "till-1", "password": "canary-9911"}


@pytest.fixture
async def world() -> World:
    world = await open_world()
    await world.executions.release_expired()
    return world


async def make(world: World, name: str, *tags: str, **more: object) -> Sut:
    return await world.suts.create(REALM, SutDraft(name=name, criteria=tags, **more), actor=WHO)  # type: ignore[arg-type]


async def claim(world: World, agent: ClaimingAgent = AGENT) -> Lease:
    lease = await world.executions.claim(agent)
    assert lease is not None
    return lease


def name_of(lease: Lease) -> str:
    assert lease.sut is not None
    return str(lease.sut["name"])


async def finish(world: World, lease: Lease, agent: ClaimingAgent = AGENT) -> None:
    await world.executions.report(agent, report(lease, 1, [STARTED, PASSED]))


async def test_a_claim_locks_and_the_end_unlocks(world: World) -> None:
    """With the lease comes the system under test, secrets and all; the lock names its owner and is gone with the run's end."""
    sut = await make(world, "till-1", "till", connections=(PASSWORD,))
    execution = await world.start(sut=SutWish(sut_id=sut.id))
    lease = await claim(world)
    assert lease.sut is not None
    assert (lease.sut["id"], lease.sut["connections"][0]["password"]) == (sut.id, "canary-9911")
    held = await world.suts.get(REALM, sut.id)
    assert held.lock is not None
    assert (held.status, held.lock.execution_id, held.lock.agent_id) == (SutStatus.LOCKED, execution.id, 1)
    await finish(world, lease)
    freed = await world.suts.get(REALM, sut.id)
    assert (freed.status, freed.last_used_at) == (SutStatus.UNLOCKED, held.lock.taken_at)
    assert (await world.executions.get(REALM, execution.id)).sut_id == sut.id
    assert "canary" not in json.dumps([dict(line.body) for line in await world.log(lease)])


async def test_waiting_shows_its_reason_and_holds_up_nobody(world: World) -> None:
    """A run whose system under test is taken stays queued and says so; one behind it that needs none goes first."""
    await make(world, "till-1", "till")
    first, second, free = await world.start(sut=TILL), await world.start(sut=TILL), await world.start()
    lease = await claim(world)
    assert lease.run_id == first.run_id
    waiting = await world.executions.get(REALM, second.run_id)
    assert waiting.state is LifecycleState.QUEUED
    assert waiting.waiting_for == f"waiting for a system under test: till-1 is locked by run {first.run_id}"
    assert (await claim(world, OTHER)).run_id == free.run_id
    assert await world.executions.claim(OTHER) is None
    await finish(world, lease)
    assert (await world.executions.get(REALM, second.run_id)).waiting_for == "waiting for an agent"
    assert (await claim(world, OTHER)).run_id == second.run_id
    page = await world.executions.list(REALM)
    assert [item.waiting_for for item in page.items] == [None, None, None]


async def test_the_one_used_longest_ago_is_chosen(world: World) -> None:
    """Of several that match, one never used comes first, then the one used longest ago, then the smaller id."""
    suts = sorted([await make(world, f"till-{number}", "till") for number in (1, 2, 3)], key=lambda sut: sut.id)
    await make(world, "desk", "desk")
    order = []
    for _ in range(5):
        await world.start(sut=TILL)
        lease = await claim(world)
        order.append(name_of(lease))
        world.clock.advance(1.0)
        await finish(world, lease)
    names = [sut.name for sut in suts]
    assert order == [*names, *names[:2]]


async def test_every_criterion_must_be_met(world: World) -> None:
    """Criteria narrow: one that has only some of them is never given; an id with criteria must be that one and have them."""
    both = await make(world, "both", "till", "windows")
    half = await make(world, "half", "till")
    await world.start(sut=SutWish(criteria=("windows", "till")))
    assert name_of(await claim(world)) == "both"
    with pytest.raises(RequestError, match="there is no system under test with the criteria linux"):
        await world.start(sut=SutWish(criteria=("linux",)))
    with pytest.raises(RequestError, match="there is no system under test"):
        await world.start(sut=SutWish(sut_id=half.id, criteria=("windows",)))
    with pytest.raises(RequestError, match="there is no system under test nobody"):
        await world.start(sut=SutWish(sut_id="nobody"))
    assert (await world.executions.list(REALM)).total == 1
    assert both.criteria == ("till", "windows")


async def test_only_allowed_agents_get_it(world: World) -> None:
    """A system under test that names environments is given to these agents only, and the reason says why others wait."""
    await make(world, "till-1", "till", environments=(2,))
    execution = await world.start(sut=TILL, agent_id=1)
    assert await world.executions.claim(AGENT) is None
    assert "may not be used by the agent" in str((await world.executions.get(REALM, execution.run_id)).waiting_for)
    second = await world.start(sut=TILL)
    assert await world.executions.claim(AGENT) is None
    assert (await claim(world, OTHER)).run_id == second.run_id


async def test_a_disabled_one_is_given_to_nobody(world: World) -> None:
    """Disabled while a run has it, it stays locked; then nobody gets it, and who waits is told so."""
    sut = await make(world, "till-1", "till")
    await world.start(sut=TILL)
    lease = await claim(world)
    draft = SutDraft(name="till-1", criteria=("till",), enabled=False)
    assert (await world.suts.replace(REALM, sut.id, draft, actor=WHO)).status is SutStatus.LOCKED
    with pytest.raises(ConflictError, match="has 'till-1'"):
        await world.suts.delete(REALM, sut.id, actor=WHO)
    await finish(world, lease)
    waiting = await world.start(sut=TILL)
    assert await world.executions.claim(AGENT) is None
    assert "till-1 is disabled" in str((await world.executions.get(REALM, waiting.run_id)).waiting_for)
    await world.suts.delete(REALM, sut.id, actor=WHO)
    assert "there is no system under test" in str((await world.executions.get(REALM, waiting.run_id)).waiting_for)


async def test_a_lost_agents_lock_outlives_its_deadline(world: World) -> None:
    """A silent agent has stopped by 0.95 of its lease; only lease and grace later does somebody else get what it had."""
    await make(world, "till-1", "till")
    await world.start(sut=TILL)
    lease = await claim(world)
    await world.executions.report(AGENT, report(lease, 1, [STARTED, STEP_BEGUN, STEP]))
    silent_since = world.clock.monotonic()
    await world.start(sut=TILL)
    while (other := await world.executions.claim(OTHER)) is None:
        await world.sweep_for(1)
    passed = world.clock.monotonic() - silent_since
    assert world.figures.lease_seconds + world.figures.grace_seconds < passed <= world.figures.visible_seconds
    assert (name_of(other), await world.state(lease)) == ("till-1", "error")


async def test_a_requeued_run_waits_again(world: World) -> None:
    """A run of a lost agent that may be repeated gets a system under test anew; heartbeats move the lock's end on."""
    sut = await make(world, "till-1", "till")
    execution = await world.start(sut=TILL, on_agent_lost="requeue")
    lease = await claim(world)
    before = (await world.suts.get(REALM, sut.id)).lock
    await world.sweep_for(10)
    await world.executions.report(AGENT, report(lease))
    after = (await world.suts.get(REALM, sut.id)).lock
    assert before is not None and after is not None
    assert (after.expires_at - before.expires_at).total_seconds() == 10
    await world.sweep_for(32)
    assert await world.state(execution) == "queued"
    assert (await world.suts.get(REALM, sut.id)).lock is None
    again = await claim(world, OTHER)
    assert (again.attempt, name_of(again)) == (2, "till-1")


async def test_an_abort_frees_it_when_the_agent_has_stopped(world: World) -> None:
    """Aborting keeps the lock until the agent reports its end."""
    sut = await make(world, "till-1", "till")
    await world.start(sut=TILL)
    lease = await claim(world)
    await world.executions.abort(REALM, lease.run_id)
    assert (await world.suts.get(REALM, sut.id)).status is SutStatus.LOCKED
    await finish(world, lease)
    assert (await world.state(lease), (await world.suts.get(REALM, sut.id)).status) == ("aborted", SutStatus.UNLOCKED)


async def test_the_end_of_a_run_takes_no_lock_of_another(world: World) -> None:
    """After a forced unlock the next run has the lock, and the late end of the first does not touch it."""
    sut = await make(world, "till-1", "till")
    await world.start(sut=TILL)
    first = await claim(world)
    taken = await world.suts.force_unlock(REALM, sut.id, actor=WHO)
    assert taken is not None and taken.run_id == first.run_id
    await world.start(sut=TILL)
    second = await claim(world, OTHER)
    await finish(world, first)
    lock = (await world.suts.get(REALM, sut.id)).lock
    assert lock is not None and lock.run_id == second.run_id


async def test_a_rerun_asks_for_what_the_first_run_asked_for(world: World) -> None:
    """A repeated run needs the same unless it says otherwise, and a dry one needs nothing."""
    sut, desk = await make(world, "till-1", "till"), await make(world, "desk", "desk")
    first = await world.start(sut=TILL)
    again = await world.start(model=None, rerun_of=first.run_id, perform=None)
    other = await world.start(model=None, rerun_of=first.run_id, sut=SutWish(sut_id=desk.id))
    dry = await world.start(model=None, rerun_of=first.run_id, perform=False)
    assert [run.wanted_sut for run in (again, other, dry)] == [TILL, SutWish(sut_id=desk.id), None]
    ignoring = await world.start(perform=False, sut=SutWish(sut_id=sut.id))
    assert ignoring.ignored_fields == ("sut.sut_id",)


async def test_news_of_a_free_one_wakes_a_waiting_agent(world: World) -> None:
    """An agent whose claim is held gets the run in the moment its system under test is free, without polling."""
    await make(world, "till-1", "till")
    await world.start(sut=TILL)
    lease = await claim(world)
    waiting = await world.start(sut=TILL)
    held = asyncio.create_task(world.executions.claim(OTHER, 25.0))
    while ("queue", REALM) not in world.waker._waiters:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not held.done()
    await finish(world, lease)
    async with asyncio.timeout(2.0):
        given = await held
    assert given is not None and given.run_id == waiting.run_id


@given(seed=st.integers(0, 2**32), suts=st.integers(1, 4), agents=st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_none_is_ever_assigned_twice(seed: int, suts: int, agents: int) -> None:
    """N agents claim, fall silent, finish and are lost in any order over M systems under test: each lock has one living owner."""
    asyncio.run(_scramble(random.Random(seed), suts, agents))


async def _scramble(rng: random.Random, suts: int, agents: int) -> None:
    world = await open_world()
    await world.executions.release_expired()
    for number in range(suts):
        await make(world, f"till-{number}", "till", f"odd-{number % 2}")
    crew = [replace(AGENT, agent_id=number, name=f"rack-{number}") for number in range(1, agents + 1)]
    held: dict[int, tuple[Lease, float]] = {}
    for _ in range(60):
        move, agent = rng.choice(["start", "claim", "finish", "beat", "abort", "pass"]), rng.choice(crew)
        if move == "start":
            await world.start(sut=rng.choice([TILL, SutWish(criteria=("till", "odd-0")), None]))
        elif move == "claim" and agent.agent_id not in held:
            lease = await world.executions.claim(agent)
            if lease is not None:
                held[agent.agent_id] = (lease, world.clock.monotonic())
        elif agent.agent_id in held:
            await _act(world, move, agent, held, rng)
        _check_alone(world, held)
        await _check_locks(world)


async def _act(world: World, move: str, agent: ClaimingAgent, held: dict[int, tuple[Lease, float]], rng: random.Random) -> None:
    lease, _ = held[agent.agent_id]
    if move == "abort" and await world.state(lease) in {"leased", "running", "aborting"}:
        await world.executions.abort(REALM, lease.run_id)
    elif move == "pass":
        await world.sweep_for(rng.choice([1, 9, 40]))
    elif move in {"beat", "finish"}:
        events = [STARTED, PASSED] if move == "finish" else []
        try:
            await world.executions.report(agent, report(lease, 1, events))
            held[agent.agent_id] = (lease, world.clock.monotonic())
        except ConflictError:
            move = "finish"
        if move == "finish":
            del held[agent.agent_id]


def _check_alone(world: World, held: dict[int, tuple[Lease, float]]) -> None:
    """Of all agents that may still be at work, by their own deadline, no two are at work on one system under test."""
    deadline = world.clock.monotonic() - world.figures.lease_seconds
    at_work = [lease.sut["id"] for lease, heard in held.values() if lease.sut is not None and heard >= deadline]
    assert len(at_work) == len(set(at_work))


async def _check_locks(world: World) -> None:
    """Every lock belongs to a run that is held, and every such run that has one has its lock."""
    locks = {sut.lock.run_id: sut.id for sut in await world.suts.list(REALM) if sut.lock is not None}
    page = await world.executions.list(REALM)
    living = {
        run.run_id: run.sut_id for run in page.items if run.state in {"leased", "running", "aborting"} and run.sut_id is not None
    }
    assert locks == living
