"""Starts per second and step events per second, durable, over HTTP against a real server on this machine.

Run it with `make bench`, or `python benchmarks/server.py`. It starts `melanzana serve --no-agent` on a free loopback port with a
temporary data folder, sends bounded load from this process, and prints the median of five slices. Server and load share the
machine's cores, so quote ratios and medians, not single figures.
"""

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

SLICES, SLICE_SECONDS, CALLERS, BATCH = 5, 2.0, 16, 100
MODEL = {
    "model": "Bench",
    "start": "A",
    "states": {"A": {"actions": {"go": "B"}}, "B": {"actions": {"back": "A", "leave": "exit"}}},
}
MELANZANA = [sys.executable, "-m", "melanzana.cli.main"]


async def measure(name: str, act: Callable[[int], Awaitable[int]]) -> None:
    """Print how many things per second `CALLERS` concurrent callers get done; `act` returns how many it did."""
    rates = []
    for _ in range(SLICES):
        started = time.perf_counter()
        counts = await asyncio.gather(*(_until(started + SLICE_SECONDS, act, caller) for caller in range(CALLERS)))
        rates.append(sum(counts) / (time.perf_counter() - started))
    low, middle, high = min(rates), statistics.median(rates), max(rates)
    print(f"{name:<42}{middle:>9.0f}/s   (slices {low:.0f} to {high:.0f})")


async def _until(deadline: float, act: Callable[[int], Awaitable[int]], caller: int) -> int:
    done = 0
    while time.perf_counter() < deadline:
        done += await act(caller)
    return done


async def bench(url: str, credentials: dict[str, str]) -> None:
    limits = httpx.Limits(max_connections=CALLERS * 2, max_keepalive_connections=CALLERS * 2)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:
        await authenticate(http, credentials)
        model = await post(http, "/ai/models", {"name": "Bench", "modeljson": MODEL})
        token_path = re.sub(r"^https?://[^/]+", "", credentials["token_url"])

        async def grant(_caller: int) -> int:
            await http.post(token_path, data={"grant_type": "client_credentials", **credentials})
            return 1

        async def start(_caller: int) -> int:
            # An agent that does not exist keeps the executions queued, so that only the start is measured.
            await post(http, "/execution_service/api/v1/executions", {"model_id": model["id"], **waiting})
            return 1

        agent = await post(http, "/ai/agents", {"name": "bench"})
        waiting = {"agent": {"agent_id": str(agent["id"])}, "asset": {"asset_path": "unused"}}
        await measure("grants (RS256, client row read)", grant)
        await measure("starts (snapshot and event, one commit)", start)
        await measure_steps(http, url, agent["id"])


async def measure_steps(http: httpx.AsyncClient, url: str, agent_id: int) -> None:
    ini = (await http.post("/ai/agents/generate_secrets", json={"agent_id": agent_id, "host_url": url})).text
    values = dict(line.split(" = ", 1) for line in ini.splitlines() if " = " in line)
    async with httpx.AsyncClient(base_url=url, timeout=30) as agent:
        await authenticate(agent, values)
        session = await post(agent, "/agent_service/api/v1/sessions", {"capabilities": ["python"], "instance": "bench"})
        leases = [await lease(agent, session) for _ in range(CALLERS)]
        sent = [1] * CALLERS

        async def report(caller: int) -> int:
            events = [step(sent[caller] + n, leases[caller]) for n in range(BATCH)]
            body = {"session": session["session"], **leases[caller], "first_seq": sent[caller], "events": events}
            await post(agent, "/agent_service/api/v1/reports", body)
            sent[caller] += BATCH
            return BATCH

        await measure(f"step events (reports of {BATCH})", report)


async def lease(agent: httpx.AsyncClient, session: dict) -> dict:
    given = await post(agent, "/agent_service/api/v1/leases", {"session": session["session"], "wait_seconds": 5})
    element = next(iter(given["snapshot"]["model"]["states"]))
    return {"execution_id": given["execution_id"], "attempt": given["attempt"], "_element": element}


def step(number: int, given: dict) -> dict:
    return {
        "type": "StepFinished",
        "number": number,
        "iteration": 1,
        "kind": "state",
        "element_id": given["_element"],
        "name": "A",
        "verdict": "passed",
        "at_seconds": number / 1000,
        "duration_seconds": 0.001,
        "performed": True,
    }


async def authenticate(http: httpx.AsyncClient, credentials: dict[str, str]) -> None:
    path = re.sub(r"^https?://[^/]+", "", credentials["token_url"])
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    }
    answer = await http.post(path, data=form)
    http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


async def post(http: httpx.AsyncClient, path: str, body: dict) -> dict:
    answer = await http.post(path, json=body)
    if answer.is_error:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text}")
    return answer.json()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
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
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                ready = server.stdout.readline()
                url = re.search(r"is ready at (\S+)", ready).group(1)
                csv = Path(folder, "bench.csv")
                subprocess.run(
                    [*MELANZANA, "client", "create", "--name", "bench", "--data", folder, "--csv", str(csv)],
                    check=True,
                    capture_output=True,
                )
                names, row = csv.read_text().splitlines()
                asyncio.run(bench(url, dict(zip(names.split(","), row.split(","), strict=True))))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
