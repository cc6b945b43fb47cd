"""One simulated stretch of time: a server, agents, clients and trouble, all of it decided by one seed.

For `TROUBLE_SECONDS` the network is bad, the server restarts, agents crash or are cut off. Then it is quiet, and all that was
accepted must end. The services and the agent are the real ones; only workers are scripted.
"""

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from melanzana.errors import ConflictError, MelanzanaError, NotFoundError, SessionReplacedError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import LifecycleState, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.protocol.events import Event, RunFinished, RunPaused, RunStarted, StepFinished, StepStarted
from melanzana.runner.agent import Agent
from melanzana.runner.records import AgentSettings
from melanzana.runner.scripted import Cue, Dies, Hangs, Lasts, Script, ScriptedWorker
from melanzana.runner.workers import Job
from simulation.network import Link, RemotePeer, Server, Weather
from simulation.watching import Violation, WatchedDatabase, Watcher
from support_agents import new_agent
from support_executions import CLIENT, REALM, fresh_database, open_world
from support_virtual_time import LoopClock, VirtualLoop

TROUBLE_SECONDS = 300.0
#: Long enough for three attempts to be lost one after another, and for the runs after that.
QUIET_SECONDS = 600.0
AGENTS, EXECUTIONS = 4, 12
CALL_SECONDS = 10.0


class TickingLoop(VirtualLoop):
    """Wakes sleepers at the next whole millisecond, as schedulers do.

    Without a tick, one who sleeps for what is left on a slow clock comes ever closer to the deadline and never gets there.
    """

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return super().call_at((math.floor(when * 1000) + 1) / 1000, callback, *args, context=context)


def simulate(simulation: "Simulation") -> float:
    """Play a simulation to its end; gives the simulated seconds. Raises Violation."""
    with asyncio.Runner(loop_factory=TickingLoop) as runner:
        return runner.run(simulation.run())


class DriftingClock(LoopClock):
    """The clock of another machine: up to 2 % too fast or too slow."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def monotonic(self) -> float:
        return super().monotonic() * self._rate


class TellingWorker(ScriptedWorker):
    """Remembers what it handed over."""

    def __init__(self, job: Job, script: Script) -> None:
        super().__init__(job, script)
        self.told: list[Event] = []

    async def receive(self) -> tuple[Event, ...]:
        events = await super().receive()
        self.told.extend(events)
        return events


class Workers:
    """A factory of scripted workers, watched."""

    def __init__(self, chance: random.Random, watcher: Watcher, hanging: set[int]) -> None:
        self._chance, self._watcher, self._hanging = chance, watcher, hanging

    async def start(self, job: Job) -> TellingWorker:
        await asyncio.sleep(self._chance.uniform(0, 0.5))
        worker = TellingWorker(job, self._script(job))
        self._watcher.begin(job.snapshot.seed, worker)
        return worker

    def _script(self, job: Job) -> Script:
        """A few steps and an end; everything it tells carries a mark of its own, so that no other worker could have told it."""
        chance, mark = self._chance, f"{self._chance.getrandbits(64):x}"
        cues: list[Cue] = [RunStarted(agent=job.agent_name, version=mark)]
        for number in range(1, chance.randint(2, 7)):
            cues += self._step(number, mark, job.snapshot.perform)
        if job.snapshot.seed in self._hanging:
            return Script(cues=(*cues, Hangs()), stubborn=chance.random() < 0.5)
        if chance.random() < 0.1:
            return Script(cues=(*cues, Dies()))
        verdict = chance.choice(["passed", "passed", "failed"])
        return Script(cues=(*cues, RunFinished(verdict=verdict, reason="stop_condition")), stubborn=chance.random() < 0.2)

    def _step(self, number: int, mark: str, performed: bool) -> list[Cue]:
        begun = StepStarted(number=number, kind="action", element_id="a", name=mark, at_seconds=float(number))
        done = StepFinished(
            number=number,
            iteration=1,
            kind="action",
            element_id="a",
            name=mark,
            verdict="passed",
            at_seconds=float(number),
            performed=performed,
        )
        lasts = Lasts(self._chance.uniform(0.1, 12.0))
        return [*([begun] if performed else []), lasts, done, *([RunPaused(step=number)] if self._chance.random() < 0.05 else [])]


@dataclass(kw_only=True)
class Simulation:
    """Everything of one seed."""

    seed: int
    service: type[ExecutionService] = ExecutionService
    watcher: Watcher = field(default_factory=Watcher)
    hanging: set[int] = field(default_factory=set)  #: seeds of executions that somebody will abort and whose worker waits for it
    crashes: list[asyncio.Event] = field(default_factory=lambda: [asyncio.Event() for _ in range(AGENTS)])

    async def run(self) -> float:
        """Play it to its end; gives the simulated seconds. Raises Violation."""
        self.chance = random.Random(self.seed)
        self.weather = Weather(self.chance)
        self.database = WatchedDatabase(await fresh_database(), self.watcher)
        self.world = await open_world(LeaseFigures(sweep_seconds=2.0), self.database, LoopClock())
        self.world.seeds = random.Random(self.seed)
        self.server = Server(self.world, self.service)
        self.server.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._play()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        self._check_server()
        await self.database.read(self.watcher.look_at_the_end)
        await self.database.close()
        return loop.time() - began

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            agents = [group.create_task(self._agent(number)) for number in range(AGENTS)]
            clients = [group.create_task(self._client(number)) for number in range(EXECUTIONS)]
            await self._trouble()
            await self._quiet(clients)
            for task in (*agents, *clients):
                task.cancel()
            self.server.kill()

    def _check_server(self) -> None:
        for failure in self.server.failures:
            raise failure if isinstance(failure, Violation) else Violation(f"the server failed: {failure!r}") from failure

    # --- trouble ------------------------------------------------------------

    async def _trouble(self) -> None:
        chance, loop = self.chance, asyncio.get_running_loop()
        end = loop.time() + TROUBLE_SECONDS
        while loop.time() < end:
            await asyncio.sleep(chance.uniform(5, 60))
            self._check_server()
            kind = chance.random()
            if kind < 0.3:
                await self._down(chance.uniform(0.5, 60))
            elif kind < 0.6:
                who = f"agent {chance.randrange(AGENTS)}"
                self.weather.cut_off.add(who)
                loop.call_later(chance.uniform(1, 120), self.weather.cut_off.discard, who)
            else:
                chance.choice(self.crashes).set()
        self.weather.calm()

    async def _down(self, seconds: float) -> None:
        self.server.kill()
        await asyncio.sleep(seconds)
        self.server.start()

    async def _quiet(self, clients: list[asyncio.Task[None]]) -> None:
        end = asyncio.get_running_loop().time() + QUIET_SECONDS
        while asyncio.get_running_loop().time() < end and not await self._all_ended(clients):
            await asyncio.sleep(5)

    async def _all_ended(self, clients: list[asyncio.Task[None]]) -> bool:
        live = await self.database.read(self._count_live)
        return live == 0 and all(client.done() for client in clients)

    @staticmethod
    def _count_live(tx: Connection) -> int:
        question = text("SELECT count(*) FROM executions WHERE state IN ('queued', 'leased', 'running', 'aborting')")
        return int(tx.execute(question).scalar_one())

    # --- agents ------------------------------------------------------------

    async def _agent(self, number: int) -> None:
        """A supervisor: starts an agent process again whenever it ends or crashes."""
        name = f"agent {number}"
        principal = await new_agent(self.server.agents, f"rack-{number}")
        clock = DriftingClock(self.chance.uniform(0.98, 1.02))
        for life in range(10_000):
            link = Link(self.weather, self.server, name)
            settings = AgentSettings(instance=f"{name}/{life}", jitter=self.chance.random, host=name)
            workers = Workers(self.chance, self.watcher, self.hanging)
            agent = asyncio.create_task(Agent(RemotePeer(link, principal), clock, workers, settings).run())
            await self._until_it_ends(agent, link, self.crashes[number])
            await asyncio.sleep(self.chance.uniform(1, 40))

    @staticmethod
    async def _until_it_ends(agent: asyncio.Task[None], link: Link, crash: asyncio.Event) -> None:
        crash.clear()
        crashing = asyncio.create_task(crash.wait())
        try:
            await asyncio.wait({agent, crashing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.close()
            crashing.cancel()
            agent.cancel()
            await asyncio.gather(crashing, return_exceptions=True)
            (error,) = await asyncio.gather(agent, return_exceptions=True)
        if isinstance(error, Violation):
            raise error
        if isinstance(error, Exception) and not isinstance(error, SessionReplacedError):
            raise Violation(f"the agent gave up: {error!r}") from error

    # --- clients ------------------------------------------------------------

    async def _client(self, number: int) -> None:
        chance, link = self.chance, Link(self.weather, self.server, "client")
        await asyncio.sleep(chance.uniform(0, 0.8 * TROUBLE_SECONDS))
        seed, performs = self.seed * 1000 + number, chance.random() < 0.5
        aborts = chance.random() < 0.4
        if aborts and chance.random() < 0.3:
            self.hanging.add(seed)
        request = StartRequest(model=self.world.model_uuid, seed=seed, perform=performs)
        key = f"key-{number}"
        started = await self._persist(link, lambda server: server.executions.start(request, CLIENT, key))
        assert started is not None
        self.watcher.acknowledge(key, started.id)
        if chance.random() < 0.2:
            again = await self._persist(link, lambda server: server.executions.start(request, CLIENT, key))
            self.watcher.acknowledge(key, again.id if again else "nothing")
        if aborts:
            await asyncio.sleep(chance.uniform(0, 60))
            await self._abort(link, started.id)
        await self._follow(link, started.id)

    async def _abort(self, link: Link, execution_id: str) -> None:
        state = await self._persist(link, lambda server: server.executions.abort(REALM, execution_id, "client"))
        if state in {LifecycleState.ABORTING, LifecycleState.ABORTED}:
            self.watcher.abort_accepted.add(execution_id)

    async def _follow(self, link: Link, execution_id: str) -> None:
        """Continue the run whenever it is paused, until it has ended."""
        while True:
            await asyncio.sleep(10)
            found = await self._persist(link, lambda server: server.executions.get(REALM, execution_id))
            if found is None or found.ended_at is not None:
                return
            if found.paused:
                await self._persist(link, lambda server: server.executions.resume(REALM, execution_id))

    async def _persist(self, link: Link, verb):  # type: ignore[no-untyped-def]
        """Ask again and again until there is an answer; None for a conflict."""
        while True:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    return await link.call(verb)
            except (ConflictError, NotFoundError):
                return None
            except (MelanzanaError, TimeoutError):
                await asyncio.sleep(self.chance.uniform(0.5, 5))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
