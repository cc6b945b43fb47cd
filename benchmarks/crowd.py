"""A thousand connected agents: what they cost one server.

`python benchmarks/crowd.py [sqlite] [postgresql] [--agents N]`. Every agent has an identity, a connection and a run of its own, and reports
every five seconds as real ones do, to renew its lease; all agents are coroutines
of this process. Printed: the server's share of one core and its memory.
"""

import asyncio
import itertools
import resource
import sys
import time

from deployment import EXECUTIONS, MODEL, Deployment, agent_credentials, deployed, token
from load import Connection, cpu_seconds, percentile, resident_mb

AGENTS, HEARTBEAT_SECONDS, WATCHED_SECONDS, JOINING = 1_000, 5.0, 20.0, 8


class Member:
    """One agent at work on one run."""

    def __init__(self, connection: Connection, agent: int, session: int) -> None:
        self.connection, self.agent, self.session = connection, agent, session
        self.head: dict[str, object] = {}

    async def take(self) -> None:
        lease = await self.connection.post("/agent_service/api/v1/leases", {"session": self.session, "wait_seconds": 5})
        self.head = {"session": self.session, "execution_id": lease["execution_id"], "attempt": lease["attempt"]}

    async def beat(self) -> None:
        answer = await self.connection.post("/agent_service/api/v1/reports", self.head)
        if answer["ended"]:
            raise SystemExit("a living agent lost its run")


async def join(site: Deployment, script: str, number: int, model: int) -> Member:
    agent, keys = await asyncio.to_thread(agent_credentials, site.urls[0], script, f"crowd-{number}")
    connection = await Connection.open(site.urls[0], await asyncio.to_thread(token, site.urls[0], keys))
    hello = {"capabilities": ["python"], "instance": f"crowd-{number}"}
    session = (await connection.post("/agent_service/api/v1/sessions", hello))["session"]
    starter = await Connection.open(site.urls[0], script)
    await starter.post(EXECUTIONS, {"model_id": model, "agent": {"agent_id": str(agent)}, "asset": {"asset_path": "unused"}})
    starter.close()
    member = Member(connection, agent, session)
    await member.take()
    return member


async def bench(site: Deployment, agents: int) -> None:
    script = token(site.urls[0], site.credentials)
    model = (await (await Connection.open(site.urls[0], script)).post("/ai/models", {"name": "Crowd", "modeljson": MODEL}))["id"]
    idle_mb, crowd, numbers = resident_mb(site.pids[0]), [], itertools.count()
    over = asyncio.Event()
    waits: list[float] = []

    async def beating(member: Member) -> None:
        while not over.is_set():
            began = time.perf_counter()
            await member.beat()
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(HEARTBEAT_SECONDS * 0.9)  # a connection that is idle for five seconds is closed

    beats: list[asyncio.Task[None]] = []

    async def joining() -> None:
        for number in numbers:
            if number >= agents:
                return
            member = await join(site, script, number, model)
            crowd.append(member)
            beats.append(asyncio.create_task(beating(member)))

    await asyncio.gather(*(joining() for _ in range(JOINING)))
    waits.clear()
    share, mb = await watched(site)
    waits.sort()
    late = f"p50 {percentile(waits, 0.5) * 1000:.1f} ms, p99 {percentile(waits, 0.99) * 1000:.1f} ms"
    print(
        f"  {len(crowd):,} at work: {share:.0f} % of a core, {mb:.0f} MB (before: {idle_mb:.0f}); a heartbeat takes {late}",
        flush=True,
    )
    over.set()
    await asyncio.gather(*beats)


async def watched(site: Deployment) -> tuple[float, float]:
    """Percent of one core over a while, and megabytes at its end."""
    before = cpu_seconds(site.pids)
    await asyncio.sleep(WATCHED_SECONDS)
    return (cpu_seconds(site.pids) - before) / WATCHED_SECONDS * 100, resident_mb(site.pids[0])


def main(arguments: list[str]) -> None:
    agents = int(arguments[arguments.index("--agents") + 1]) if "--agents" in arguments else AGENTS
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    for engine in [name for name in arguments if name in {"sqlite", "postgresql"}] or ["sqlite", "postgresql"]:
        with deployed(engine) as site:
            print(engine, flush=True)
            asyncio.run(bench(site, agents))


if __name__ == "__main__":
    main(sys.argv[1:])
