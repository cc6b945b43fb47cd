"""Durable starts and step events per second over HTTP, SQLite and PostgreSQL side by side in one run.

`python benchmarks/throughput.py [sqlite] [postgresql]`. Closed loop for the peak, then an open loop at half of it for the p99. The load
is made by this process on the same cores, so the CPU time of the server's own process stands beside each rate. Token lifetimes are
those of the product, so a run is short on purpose.
"""

import asyncio
import json
import sys

from deployment import EXECUTIONS, MODEL, Deployment, agent_credentials, deployed, token
from load import Connection, Rate, closed, open_loop, percentile

CALLERS, BATCH = 32, 100


async def bench(site: Deployment) -> None:
    bearer = token(site.urls[0], site.credentials)
    agent, keys = agent_credentials(site.urls[0], bearer, "bench")
    script = await Connection.open(site.urls[0], bearer)
    model = await script.post("/ai/models", {"name": "Bench", "modeljson": MODEL})
    # An agent that never asks keeps the executions queued, so that only the start is measured.
    start_body = {"model_id": model["id"], "agent": {"agent_id": str(agent)}, "asset": {"asset_path": "unused"}}
    body = json.dumps(start_body).encode()

    async def start(caller: int) -> int:
        await connections[caller].post(EXECUTIONS, body)
        return 1

    # Events first: a queue of thousands is no part of what they cost.
    await events(site, keys, script, body)
    connections = [await Connection.open(site.urls[number % len(site.urls)], bearer) for number in range(CALLERS)]
    peak = await closed(start, site.pids, CALLERS, slices=3, seconds=1.0)
    say("starts", peak)
    waits = await open_loop(start, peak.per_second / 2, 3.0, CALLERS)
    print(f"    at half of it: p50 {percentile(waits, 0.5) * 1000:.1f} ms, p99 {percentile(waits, 0.99) * 1000:.1f} ms")


async def events(site: Deployment, keys: dict[str, str], script: Connection, start: bytes) -> None:
    bearer = token(site.urls[0], keys)
    agents = [await Connection.open(site.urls[number % len(site.urls)], bearer) for number in range(CALLERS)]
    session = (await agents[0].post("/agent_service/api/v1/sessions", {"capabilities": ["python"], "instance": "bench"}))["session"]
    heads, sent = [], [1] * CALLERS
    for connection in agents:
        await script.post(EXECUTIONS, start)
        lease = await connection.post("/agent_service/api/v1/leases", {"session": session, "wait_seconds": 5})
        heads.append({"session": session, "execution_id": lease["execution_id"], "attempt": lease["attempt"]})
    element = next(iter(lease["snapshot"]["model"]["states"]))
    # The events are made once: what is measured is the server.
    made = ",".join(json.dumps(step(number, element)) for number in range(1, BATCH + 1))

    async def report(caller: int) -> int:
        head = json.dumps(heads[caller])[:-1]
        body = f'{head}, "first_seq": {sent[caller]}, "events": [{made}]}}'.encode()
        await agents[caller].post("/agent_service/api/v1/reports", body)
        sent[caller] += BATCH
        return BATCH

    say(f"step events (reports of {BATCH})", await closed(report, site.pids, 16, slices=3, seconds=1.5))


def step(number: int, element: str) -> dict[str, object]:
    return {
        "type": "StepFinished",
        "number": number,
        "iteration": 1,
        "kind": "state",
        "element_id": element,
        "name": "A",
        "verdict": "passed",
        "at_seconds": number / 1000,
        "duration_seconds": 0.001,
        "performed": True,
    }


def say(name: str, rate: Rate) -> None:
    low, high = min(rate.slices), max(rate.slices)
    print(f"  {name:<36}{rate.per_second:>9.0f}/s  ({low:.0f} to {high:.0f}; server {rate.cpu_ms:.3f} ms CPU each)", flush=True)


def main(engines: list[str]) -> None:
    for engine in engines or ["sqlite", "postgresql"]:
        with deployed(engine) as site:
            print(engine, flush=True)
            asyncio.run(bench(site))


if __name__ == "__main__":
    main(sys.argv[1:])
