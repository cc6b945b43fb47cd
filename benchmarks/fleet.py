"""Several servers and a fleet of agents: how soon work is taken, how soon an abort is heard, and how evenly work is shared.

`python benchmarks/fleet.py [sqlite|postgresql]`: one server on SQLite, two on a PostgreSQL of its own (synchronous writes on), loopback only.
Agents are coroutines of this process that speak the protocol of real ones, so they share the machine's cores with the servers: quote
medians, and ratios of figures of one run. Bounded: 8 agents, 400 timed starts, 100 aborts, 800 runs that are shared out.
"""

import asyncio
import collections
import statistics
import sys
import time

from deployment import EXECUTIONS, MODEL, Deployment, agent_credentials, deployed, token
from load import Connection

PROTOCOL = "/agent_service/api/v1"
AGENTS, STARTS, ABORTS, SHARED = 8, 400, 100, 800
ANYWHERE = {"agent": {"agent_id": "any"}, "asset": {"asset_path": "unused"}}


class Agent:
    """One identity at one server."""

    def __init__(self, url: str) -> None:
        self.url, self.session, self.id = url, 0, 0
        self.http: Connection | None = None

    async def join(self, script: str, name: str) -> None:
        self.id, keys = agent_credentials(self.url, script, name)
        self._token = token(self.url, keys)
        self.http = await Connection.open(self.url, self._token)
        self.session = (await self.http.post(f"{PROTOCOL}/sessions", {"capabilities": ["python"], "instance": name}))["session"]

    async def again(self) -> None:
        """A fresh connection: one that was idle for a while is closed by the server."""
        self.http.close()
        self.http = await Connection.open(self.url, self._token)

    async def take(self) -> dict | None:
        return await self.http.post(f"{PROTOCOL}/leases", {"session": self.session, "wait_seconds": 5})

    async def report(self, lease: dict, events: list[dict], wait: float = 0) -> dict:
        body = {"session": self.session, "execution_id": lease["execution_id"], "attempt": lease["attempt"]}
        return await self.http.post(f"{PROTOCOL}/reports", body | {"first_seq": 1, "events": events, "wait_seconds": wait})

    async def finish(self, lease: dict) -> None:
        await self.report(lease, [{"type": "RunFinished", "verdict": "passed", "reason": "exit"}])


async def claims(script: Connection, agents: list[Agent], model: str) -> None:
    """From the answer to a start until an idle agent has the lease, one at a time: half load and less."""
    await asyncio.gather(*(agent.again() for agent in agents))
    seen: dict[str, float] = {}
    stop = asyncio.Event()

    async def work(agent: Agent) -> None:
        while not stop.is_set():
            lease = await agent.take()
            if lease is not None:
                seen[lease["execution_id"]] = time.perf_counter()
                await agent.finish(lease)

    tasks = [asyncio.create_task(work(agent)) for agent in agents]
    starts, waits = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        started = await script.post(EXECUTIONS, {"model_id": model, **ANYWHERE})
        acknowledged = time.perf_counter()
        starts.append(acknowledged - began)
        while started["execution_id"] not in seen:  # noqa: ASYNC110 - a waiter to wake would be measured, too
            await asyncio.sleep(0.0005)
        waits.append(max(0.0, seen[started["execution_id"]] - acknowledged))
    stop.set()
    await asyncio.gather(*tasks)
    _say("start until it is acknowledged", starts)
    _say("from there until an agent has it", waits)


async def aborts(script: Connection, agents: list[Agent], model: str) -> None:
    """From the request to abort until the agent hears it on its held report."""
    await asyncio.gather(*(agent.again() for agent in agents))
    heard = []
    for number in range(ABORTS):
        agent = agents[number % len(agents)]
        body = {"model_id": model, "asset": {"asset_path": "unused"}, "agent": {"agent_id": str(agent.id)}}
        started = await script.post(EXECUTIONS, body)
        lease = await agent.take()
        waiting = asyncio.create_task(agent.report(lease, [], 9))
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        await script.send("DELETE", f"{EXECUTIONS}/{started['execution_id']}")
        directive = await waiting
        heard.append(time.perf_counter() - began)
        if not directive["abort_requested"]:
            raise SystemExit("an abort was not heard")
        await agent.finish(lease)
    _say("abort until the agent hears it", heard)


async def sharing(scripts: list[Connection], agents: list[Agent], model: str) -> None:
    """Who gets what of a full queue, and whether anything is handed out twice."""
    for number in range(SHARED):
        await scripts[number % len(scripts)].post(EXECUTIONS, {"model_id": model, **ANYWHERE})
    await asyncio.gather(*(agent.again() for agent in agents))
    taken: collections.Counter[str] = collections.Counter()
    shares: collections.Counter[int] = collections.Counter()
    done = asyncio.Event()

    async def work(agent: Agent) -> None:
        while not done.is_set():
            lease = await agent.take()
            if lease is None:
                continue
            taken[lease["execution_id"]] += 1
            if len(taken) <= SHARED * 3 // 4:  # the last ones go to whoever is still there
                shares[agent.id] += 1
            await agent.finish(lease)
            if len(taken) == SHARED:
                done.set()

    began = time.perf_counter()
    tasks = [asyncio.create_task(work(agent)) for agent in agents]
    await done.wait()
    seconds = time.perf_counter() - began
    await asyncio.gather(*tasks)
    print(f"{'claims with their ends':<40}{SHARED / seconds:>8.0f}/s")
    fair = max(shares.values()) / min(shares.values()) if len(shares) == len(agents) else float("inf")
    print(f"{'handed out twice; most to least agent':<40}{sum(n > 1 for n in taken.values()):>8}; {fair:.2f}")


def _say(name: str, seconds: list[float]) -> None:
    ranked = sorted(seconds)
    middle, late = statistics.median(ranked) * 1000, ranked[int(len(ranked) * 0.99) - 1] * 1000
    print(f"{name:<40}{middle:>8.1f} ms median, {late:.1f} ms p99")


async def bench(site: Deployment) -> None:
    bearer = token(site.urls[0], site.credentials)

    async def scripts() -> list[Connection]:
        return [await Connection.open(url, bearer) for url in site.urls]

    model = (await (await scripts())[0].post("/ai/models", {"name": "Fleet", "modeljson": MODEL}))["id"]
    agents = [Agent(site.urls[number % len(site.urls)]) for number in range(AGENTS)]
    for number, agent in enumerate(agents):
        await agent.join(bearer, f"fleet-{number}")
    await claims((await scripts())[-1], agents, model)
    await aborts((await scripts())[-1], agents, model)
    await sharing(await scripts(), agents, model)


def main() -> None:
    for engine in sys.argv[1:] or ["sqlite", "postgresql"]:
        servers = 2 if engine == "postgresql" else 1
        print(f"-- {engine}, {servers} server(s), {AGENTS} agents", flush=True)
        with deployed(engine, servers) as site:
            asyncio.run(bench(site))


if __name__ == "__main__":
    main()
