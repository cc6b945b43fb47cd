"""Two servers over one PostgreSQL: claimers on both, and never one system under test in two hands."""

import asyncio
import random
from dataclasses import replace

import pytest

from melanzana.access.records import Actor
from melanzana.clock import SystemClock
from melanzana.executions.records import ClaimingAgent
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.storage.postgresql import PostgresqlDatabase
from melanzana.suts.records import SutDraft, SutWish
from support_executions import AGENT, PASSED, REALM, STARTED, open_world, report, sut_service

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
WHO = Actor(kind="command_line", id="tests", name="tests")
SUTS, AGENTS, RUNS = 3, 8, 32


async def test_claimers_on_two_servers_never_share_one(postgresql: str) -> None:
    """Eight agents on two servers carry out 32 runs on three systems under test, each of which one agent has at a time."""
    database, other = PostgresqlDatabase.open(postgresql), PostgresqlDatabase.open(postgresql)
    try:
        world = await open_world(database=database, clock=SystemClock())
        second = ExecutionService(
            other,
            world.clock,
            world.figures,
            Waker(),
            catalog=world.catalog,
            suts=sut_service(other, world.clock),
            randomness=random.Random(3),
        )
        for number in range(SUTS):
            await world.suts.create(REALM, SutDraft(name=f"till-{number}", criteria=("till",)), actor=WHO)
        for _ in range(RUNS):
            await world.start(sut=SutWish(criteria=("till",)))
        in_use: set[str] = set()
        done: list[str] = []

        async def work(server: ExecutionService, agent: ClaimingAgent) -> None:
            while len(done) < RUNS:
                lease = await server.claim(agent)
                if lease is None:
                    await asyncio.sleep(0.005)
                    continue
                assert lease.sut is not None
                assert lease.sut["id"] not in in_use
                in_use.add(lease.sut["id"])
                await server.report(agent, report(lease, 1, [STARTED]))
                in_use.remove(lease.sut["id"])
                await server.report(agent, report(lease, 2, [PASSED]))
                done.append(lease.sut["name"])

        crew = [replace(AGENT, agent_id=number, name=f"rack-{number}") for number in range(1, AGENTS + 1)]
        async with asyncio.timeout(60):
            await asyncio.gather(*(work((world.executions, second)[agent.agent_id % 2], agent) for agent in crew))
        assert (len(done), set(done)) == (RUNS, {f"till-{number}" for number in range(SUTS)})
        assert [sut.lock for sut in await world.suts.list(REALM)] == [None] * SUTS
    finally:
        await database.close()
        await other.close()
