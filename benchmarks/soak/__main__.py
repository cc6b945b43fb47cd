"""A server under load with everything around it failing, for 25 minutes, and a verdict of one line.

`make soak` (both engines), or `python benchmarks/soak [sqlite|postgresql] [--seconds 40]`. Loopback only; only processes started
here are killed; at most 7,500 starts and 750,000 steps. The agents are coroutines of this process over the product's own agent code
and two real processes; all speak to the server through a proxy. Exit code 0 when every promise was kept.
"""

import argparse
import asyncio
import contextlib
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import pytest
import structlog
from fleet import Played, Real, seen_lost
from judging import Judgement, judge
from load import MODEL, Load
from plan import PHASES, Phase, Plan, cut, whole
from proxy import Proxy
from stores import Store, store
from watching import Notes, Sample, sample

from support_server import Script, ServerProcess, create_client, free_port

REAL_AGENTS = 2


@dataclass
class Soak:
    """Everything that takes part."""

    plan: Plan
    store: Store
    server: ServerProcess
    proxy: Proxy
    load: Load
    notes: Notes
    chance: random.Random
    played: list[Played] = field(default_factory=list)
    real: list[Real] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)  #: by phase
    _beside: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        loading = asyncio.create_task(self.load.go_on())
        try:
            for phase in PHASES:
                await self._phase(phase)
        finally:
            loading.cancel()
            await asyncio.gather(loading, *self._beside, return_exceptions=True)

    async def _phase(self, phase: Phase) -> None:
        _say(f"{phase.name:<24}{self.plan.length(phase):>6.0f} s" + (f"   {self.store.fault}" if phase.broken_store else ""))
        self.load.phase, self.proxy.bad = phase, phase.bad_network
        for agent in self.played:
            assert agent.peer is not None
            agent.peer.twice_part = phase.twice_part * self.plan.more
        faults = [asyncio.create_task(work) for work in self._faults(phase)]
        faults.append(asyncio.create_task(self._sample(phase)))
        try:
            await (self._drained(phase) if phase.drain else asyncio.sleep(self.plan.length(phase)))
            if phase.broken_store:
                await faults[0]
        finally:
            for fault in faults:
                fault.cancel()
            await asyncio.gather(*faults, return_exceptions=True)
        if phase.broken_store:
            await self._usable()

    def _faults(self, phase: Phase) -> list:
        works = []
        if phase.kill_agents:
            works.append(self._kill_agents(self.plan.every(phase.kill_agents)))
        if phase.kill_server:
            works.append(self._kill_server(max(self.plan.every(phase.kill_server), 4.0)))
        if phase.broken_store:
            works.append(self._break_store(self.plan.length(phase) / 4))
        return works

    async def _kill_agents(self, every: float) -> None:
        """By turns one that holds a run in this process, and a real process."""
        while True:
            await asyncio.sleep(every / 2)
            busy = [agent for agent in self.played if agent.peer is not None and agent.peer.holding]
            if busy:
                agent = self.chance.choice(busy)
                for execution, attempt in (await agent.kill()).items():
                    task = asyncio.create_task(seen_lost(self.load.look, execution, attempt, self.notes))
                    self._beside.add(task)
                    task.add_done_callback(self._beside.discard)
                self.notes.agents_killed += 1
                agent.start()
            await asyncio.sleep(every / 2)
            process = self.chance.choice(self.real)
            await asyncio.to_thread(process.kill)
            self.notes.agents_killed += 1
            process.again()
            await asyncio.sleep(every)

    async def _kill_server(self, every: float) -> None:
        while True:
            await asyncio.sleep(every / 2)
            await asyncio.shield(asyncio.to_thread(self._server_again))
            await asyncio.sleep(every / 2)

    def _server_again(self) -> None:
        self.server.kill()
        self.notes.servers_killed += 1
        self.server.start()

    async def _break_store(self, seconds: float) -> None:
        """Whole for a moment, broken, whole again; mended whatever happens."""
        process = self.server.process
        assert process is not None
        await asyncio.sleep(seconds / 2)
        before = self.notes.statuses[503]
        await asyncio.to_thread(self.store.break_down, process.pid)
        try:
            until = time.monotonic() + max(seconds, 1.5)
            while time.monotonic() < until:
                await self.load.ask("GET", "/readyz")  # a write, whatever else is asked just now
                await asyncio.sleep(0.2)
        finally:
            await asyncio.to_thread(self.store.mend, process.pid)
        if self.notes.statuses[503] == before:
            self.notes.broken.append("the store was broken and nobody was answered 503: the fault was not felt")

    async def _usable(self) -> None:
        """The server writes again, by itself."""
        began = time.monotonic()
        while time.monotonic() - began < 15:
            answer = await self.load.ask("GET", "/readyz")
            if answer is not None and answer.status_code == 200:
                return
            await asyncio.sleep(0.2)
        self.notes.broken.append("the server did not recover within 15 s of its store")

    async def _sample(self, phase: Phase) -> None:
        taken = self.samples.setdefault(phase.name, [])
        while True:
            process = self.server.process
            if process is not None and (one := sample(process.pid, self.store.log_bytes)) is not None:
                taken.append(one)
            await asyncio.sleep(min(5.0, max(0.5, 5.0 * self.plan.pace)))

    async def _drained(self, phase: Phase) -> None:
        """Nothing new; all that was asked for ends. A cut gets the time that its last runs need."""
        deadline = time.monotonic() + max(self.plan.length(phase), 30.0)
        while time.monotonic() < deadline:
            if await self.load.under_way() == 0:
                return
            await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def prepared(plan: Plan, kept: Store, folder: Path, notes: Notes) -> AsyncIterator[Soak]:
    """A server, a proxy before it, a script, and all agents."""
    chance = random.Random(7)
    port = free_port()
    server = ServerProcess(kept.data, ("--no-agent", "--log-level", "ERROR", "--port", str(port), *plan.lease), port)
    await asyncio.to_thread(server.start)
    proxy = Proxy(port, chance)
    await proxy.start()
    url = f"http://127.0.0.1:{proxy.port}"
    keys = await asyncio.to_thread(create_client, kept.data, folder, "soak")
    soak = Soak(plan, kept, server, proxy, Load(url, keys, plan, notes, chance), notes, chance)
    try:
        with Script(server.url, keys) as script:
            soak.load.model = script.call("POST", "/ai/models", (200, 201), json={"name": "Soak", "modeljson": MODEL})["id"]
            soak.load.suite = _suite(folder, plan)
            soak.real = [Real(script, url, folder, f"real-{number}") for number in range(REAL_AGENTS)]
            for number in range(plan.agents):
                soak.played.append(Played(url, _keys(script, url, f"soak-{number}"), plan, notes, chance))
        for agent in soak.played:
            agent.start()
        yield soak
    finally:
        for agent in soak.played:
            await agent.kill()
        for process in soak.real:
            await asyncio.to_thread(process.end)
        await soak.load.close()
        await proxy.stop()
        await asyncio.to_thread(server.stop)


def _keys(script: Script, url: str, name: str) -> dict[str, str]:
    made = script.call("POST", "/ai/agents", 201, json={"name": name})
    text = script.call("POST", "/ai/agents/generate_secrets", json={"agent_id": made["id"], "host_url": url})
    return {"name": name, **dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)}


def _suite(folder: Path, plan: Plan) -> str:
    """Action code whose runs take as long as those of the agents of this process."""
    suite = folder / "suite"
    suite.mkdir()
    pause = plan.report_every * 5 / 50
    (suite / "soak_steps.py").write_text(f"import time\n\n\ndef look() -> None:\n    time.sleep({pause:.3f})\n")
    return str(suite)


async def soaked(plan: Plan, engine: str) -> Judgement:
    notes = Notes()
    with tempfile.TemporaryDirectory(prefix="melanzana-soak-") as text, store(engine, Path(text), whole=plan.pace == 1.0) as kept:
        with pytest.MonkeyPatch.context() as patch:
            if kept.address is not None:
                patch.setenv("MELANZANA_DATABASE", kept.address)
            async with prepared(plan, kept, Path(text), notes) as soak:
                await soak.run()
        return judge(plan, engine, kept, notes, soak.samples)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    asked = argparse.ArgumentParser(description="A server under load, with everything around it failing.")
    asked.add_argument("engine", nargs="*", default=[], help="sqlite, postgresql, or both when none is named")
    asked.add_argument("--seconds", type=float, help="a cut of so many seconds instead of 25 minutes")
    given = asked.parse_args()
    plan = whole() if given.seconds is None else cut(given.seconds)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8_192), hard), hard))
    good = True
    for engine in given.engine or ["sqlite", "postgresql"]:
        _say(f"-- soak on {engine}: {plan.agents} agents, {plan.seconds:.0f} s")
        judgement = asyncio.run(soaked(plan, engine))
        for line in judgement.lines():
            _say(line)
        good = good and judgement.good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
