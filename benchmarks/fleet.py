"""Several servers and a fleet of agents: how soon work is taken, how soon an abort is heard, and how evenly work is shared.

`python benchmarks/fleet.py [sqlite|postgresql]`: one server on SQLite, two on a PostgreSQL of its own (synchronous writes on), loopback only.
Agents are coroutines of this process that speak the protocol of real ones, so they share the machine's cores with the servers: quote
medians, and ratios of figures of one run. Bounded: 8 agents, 400 timed starts, 100 aborts, 800 runs that are shared out.
"""

import asyncio
import collections
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from server import MELANZANA, MODEL, authenticate, post

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
AGENTS, STARTS, ABORTS, SHARED = 8, 400, 100, 800
ANYWHERE = {"agent": {"agent_id": "any"}, "asset": {"asset_path": "unused"}}
EXECUTIONS = "/execution_service/api/v1/executions"


@contextlib.contextmanager
def servers(engine: str, folder: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Addresses of running servers, and credentials of a client."""
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        if engine == "postgresql":
            import psycopg

            import support_postgresql

            cluster = stack.enter_context(support_postgresql.cluster())
            with psycopg.connect(cluster.address(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = on")
                connection.execute("SELECT pg_reload_conf()")
            environment["MELANZANA_DATABASE"] = cluster.fresh_database()
        urls = []
        for _ in range(2 if engine == "postgresql" else 1):
            command = [
                *MELANZANA,
                "serve",
                "--no-agent",
                "--port",
                "0",
                "--data",
                folder,
                "--log-level",
                "ERROR",
                "--starts-per-minute",
                "0",
            ]
            command += ["--public-url", "http://fleet.example"]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
            stack.callback(process.terminate)
            process.stdout.readline()
            urls.append(_address(process.pid))
        csv = Path(folder, "fleet.csv")
        client = [*MELANZANA, "client", "create", "--name", "fleet", "--data", folder, "--csv", str(csv)]
        subprocess.run(client, check=True, capture_output=True, env=environment)
        names, row = csv.read_text().splitlines()
        yield urls, dict(zip(names.split(","), row.split(","), strict=True))


def _address(pid: int) -> str:
    """Where the process listens, as the kernel knows it: the public address says nothing of the port."""
    inodes = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return f"http://127.0.0.1:{int(fields[1].split(':')[1], 16)}"
    raise SystemExit("the server listens nowhere")


class Agent:
    """One identity at one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http, self.session, self.id = http, 0, 0

    async def join(self, script: httpx.AsyncClient, name: str, url: str) -> None:
        self.id = (await post(script, "/ai/agents", {"name": name}))["id"]
        answer = await script.post("/ai/agents/generate_secrets", json={"agent_id": self.id, "host_url": url})
        await authenticate(self.http, dict(line.split(" = ", 1) for line in answer.text.splitlines() if " = " in line))
        hello = {"capabilities": ["python"], "instance": name}
        self.session = (await post(self.http, "/agent_service/api/v1/sessions", hello))["session"]

    async def take(self) -> dict | None:
        body = {"session": self.session, "wait_seconds": 5}
        answer = await self.http.post("/agent_service/api/v1/leases", json=body)
        return answer.json() if answer.status_code == 200 and answer.content not in {b"", b"null"} else None

    async def report(self, lease: dict, events: list[dict], wait: float = 0) -> dict:
        body = {"session": self.session, "execution_id": lease["execution_id"], "attempt": lease["attempt"]}
        return await post(
            self.http, "/agent_service/api/v1/reports", body | {"first_seq": 1, "events": events, "wait_seconds": wait}
        )

    async def finish(self, lease: dict) -> None:
        await self.report(lease, [{"type": "RunFinished", "verdict": "passed", "reason": "exit"}])


async def claims(script: httpx.AsyncClient, agents: list[Agent], model: str) -> None:
    """From the answer to a start until an idle agent has the lease, one at a time: half load and less."""
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
        started = await post(script, EXECUTIONS, {"model_id": model, **ANYWHERE})
        acknowledged = time.perf_counter()
        starts.append(acknowledged - began)
        while started["execution_id"] not in seen:  # noqa: ASYNC110 - a waiter to wake would be measured, too
            await asyncio.sleep(0.0005)
        waits.append(max(0.0, seen[started["execution_id"]] - acknowledged))
    stop.set()
    await asyncio.gather(*tasks)
    _say("start until it is acknowledged", starts)
    _say("from there until an agent has it", waits)


async def aborts(script: httpx.AsyncClient, agents: list[Agent], model: str) -> None:
    """From the request to abort until the agent hears it on its held report."""
    heard = []
    for number in range(ABORTS):
        agent = agents[number % len(agents)]
        body = {"model_id": model, "asset": {"asset_path": "unused"}, "agent": {"agent_id": str(agent.id)}}
        started = await post(script, EXECUTIONS, body)
        lease = await agent.take()
        waiting = asyncio.create_task(agent.report(lease, [], 9))
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        await script.delete(f"{EXECUTIONS}/{started['execution_id']}")
        directive = await waiting
        heard.append(time.perf_counter() - began)
        if not directive["abort_requested"]:
            raise SystemExit("an abort was not heard")
        await agent.finish(lease)
    _say("abort until the agent hears it", heard)


async def sharing(scripts: list[httpx.AsyncClient], agents: list[Agent], model: str) -> None:
    """Who gets what of a full queue, and whether anything is handed out twice."""
    for number in range(SHARED):
        await post(scripts[number % len(scripts)], EXECUTIONS, {"model_id": model, **ANYWHERE})
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


async def bench(urls: list[str], credentials: dict[str, str]) -> None:
    async with contextlib.AsyncExitStack() as stack:

        async def http(url: str) -> httpx.AsyncClient:
            return await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))

        scripts = [await http(url) for url in urls]
        for script in scripts:
            await authenticate(script, credentials)
        model = (await post(scripts[0], "/ai/models", {"name": "Fleet", "modeljson": MODEL}))["id"]
        agents = [Agent(await http(urls[number % len(urls)])) for number in range(AGENTS)]
        for number, agent in enumerate(agents):
            await agent.join(scripts[0], f"fleet-{number}", re.sub(r"/$", "", urls[number % len(urls)]))
        await claims(scripts[-1], agents, model)
        await aborts(scripts[-1], agents, model)
        await sharing(scripts, agents, model)


def main() -> None:
    for engine in sys.argv[1:] or ["sqlite", "postgresql"]:
        print(f"-- {engine}, {2 if engine == 'postgresql' else 1} server(s), {AGENTS} agents")
        with tempfile.TemporaryDirectory() as folder, servers(engine, folder) as (urls, credentials):
            asyncio.run(bench(urls, credentials))


if __name__ == "__main__":
    main()
