"""Two servers over one PostgreSQL, everybody at once: what goes beside the turns must come out as if it had taken turns."""

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest

from melanzana.clock import SystemClock
from melanzana.errors import ConflictError, StaleAttemptError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import ClaimingAgent, LifecycleState
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.storage.postgresql import PostgresqlDatabase
from support_executions import AGENT, PASSED, REALM, STARTED, open_world, report, sut_service

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
AGENTS, RUNS = 8, 64


async def test_starts_claims_reports_aborts_and_sweeps_at_once(postgresql: str) -> None:  # noqa: PLR0915 - one world, everybody in it
    """No run is handed out twice, no line of a log is lost or doubled, and an abort that was acknowledged is never overtaken."""
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
        servers, chance = (world.executions, second), random.Random(7)
        held: Counter[str] = Counter()
        aborted: set[str] = set()
        ended: set[str] = set()
        started = [(await world.start()).id for _ in range(RUNS // 2)]

        async def start() -> None:
            for _ in range(RUNS // 2):
                started.append((await world.start()).id)

        async def abort(server: ExecutionService) -> None:
            for _ in range(RUNS // 4):
                name = chance.choice(started)
                try:
                    await server.abort(REALM, name)
                    aborted.add(name)
                except ConflictError:
                    assert (await server.get(REALM, name)).state in TERMINAL
                await asyncio.sleep(0)

        async def sweep(server: ExecutionService) -> None:
            while len(ended) < RUNS:
                await server.release_expired()
                for name in started:
                    if (await server.get(REALM, name)).state in TERMINAL:
                        ended.add(name)
                await asyncio.sleep(0.01)

        async def work(number: int) -> None:
            agent: ClaimingAgent = replace(AGENT, agent_id=number, name=f"rack-{number}")
            server, another = servers[number % 2], servers[1 - number % 2]
            while len(ended) < RUNS:
                lease = await server.claim(agent)
                if lease is None:
                    await asyncio.sleep(0.005)
                    continue
                held[lease.execution_id] += 1
                # The same report on both servers at once, as after a connection that broke.
                same = report(lease, 1, [STARTED])
                await asyncio.gather(server.report(agent, same), another.report(agent, same))
                try:
                    await another.report(agent, report(lease, 2, [PASSED]))
                except StaleAttemptError:  # pragma: no cover - would be a lease lost within seconds
                    pytest.fail("a living agent lost its lease")

        async with asyncio.timeout(90):
            await asyncio.gather(
                start(), *(abort(server) for server in servers), *(sweep(s) for s in servers), *(work(n) for n in range(AGENTS))
            )
        assert max(held.values()) == 1
        for name in started:
            execution, log = await second.get(REALM, name), await second.events(REALM, name)
            assert [line.seq for line in log] == list(range(1, len(log) + 1))
            assert sum(line.type == "RunStarted" for line in log) == held[name]
            assert sum(line.type == "ExecutionEnded" for line in log) == 1
            assert execution.state is (LifecycleState.ABORTED if name in aborted else LifecycleState.PASSED)
    finally:
        await database.close()
        await other.close()
