"""Agents of a simulation: the real agent process, started again whenever it ends or crashes, on a machine that can be suspended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from melanzana.access.records import Principal
from melanzana.errors import ConflictError, SessionReplacedError
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session
from melanzana.runner.agent import Agent
from melanzana.runner.records import AgentSettings
from simulation.driving import Driving, Life, Workers
from simulation.machines import MACHINE, DriftingClock, loop
from simulation.network import Link, Server, Weather
from simulation.scenarios import Scenario
from simulation.watching import Violation
from support_history import Call, History

T = TypeVar("T")


class RemotePeer:
    """The server as one process of an agent sees it over its link; every call is noted."""

    def __init__(self, link: Link, principal: Principal, life: Life, history: History) -> None:
        self._link, self._principal, self._life, self._history = link, principal, life, history
        self._seeds: dict[str, int] = {}  #: by execution id

    async def register(self, hello: Hello) -> Session:
        return await self._link.call(lambda server: server.agents.register(self._principal, hello))

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        call = self._history.invoke("claim", agent=(session.agent_id, session.session))
        lease = await self._noted(call, lambda server: server.agents.lease(self._principal, session.session, wait_seconds))
        if lease is None:
            call.ok(execution=None)
            return None
        call.ok(execution=lease.execution_id, attempt=lease.attempt)
        seed = self._seeds[lease.execution_id] = lease.snapshot.seed
        self._life.leased[seed] = lease.attempt
        return lease

    async def report(self, session: Session, report: Report) -> Directive:
        call = self._history.invoke("report", execution=report.execution_id, attempt=report.attempt)
        directive = await self._noted(call, lambda server: server.agents.report(self._principal, session.session, report))
        call.ok(next_seq=directive.next_seq)
        if directive.abort_requested:
            key = (self._seeds[report.execution_id], report.attempt)
            self._life.aborts.setdefault(key, asyncio.get_running_loop().time())
        return directive

    async def leave(self, session: Session, *, gone: bool) -> None:
        await self._link.call(lambda server: server.agents.leave(self._principal, session.session, gone=gone))

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        raise AssertionError("no script of the simulation stores anything")

    async def suite(self, session: Session, lease: Lease) -> bytes:
        raise AssertionError("no run of the simulation has a stored suite")

    async def _noted(self, call: Call, verb: Callable[[Server], Awaitable[T]]) -> T:
        try:
            return await self._link.call(verb)
        except ConflictError:
            call.fail("conflict")
            raise


class Machine:
    """A computer with one agent: what happens to it, and the processes that serve as that agent on it."""

    def __init__(  # noqa: PLR0917 - what a machine is made of
        self, name: str, principal: Principal, weather: Weather, servers: list[Server], scenario: Scenario, driving: Driving
    ) -> None:
        self.name, self._principal, self._weather, self._servers = name, principal, weather, servers
        self._scenario, self._driving = scenario, driving
        self._clock = DriftingClock(weather.chance.uniform(1 - scenario.drift, 1 + scenario.drift))
        self.hanging: set[int] = set()
        self.history: History
        self._crash, self._twin = asyncio.Event(), asyncio.Event()
        self._lives: list[Life] = []

    def crash(self) -> None:
        """Every process of the agent is gone at once."""
        self._crash.set()

    def start_twin(self) -> None:
        """Somebody starts the agent a second time."""
        self._twin.set()

    def suspend(self, seconds: float) -> None:
        """The machine sleeps, with all that runs on it."""
        loop().suspend(self.name)
        for life in self._lives:
            life.suspended()
        loop().call_later(seconds, self.wake)

    def wake(self) -> None:
        """Everything that was due meanwhile happens now."""
        for life in self._lives:
            life.suspended()  # workers that were being started when it fell asleep
        loop().wake(self.name)

    async def run(self) -> None:
        """A supervisor: there is always one process at least, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                first = group.create_task(self._live())
                await self._until_gone(first, group)
                await asyncio.sleep(self._weather.chance.uniform(1, 40))

    async def _until_gone(self, first: asyncio.Task[None], group: asyncio.TaskGroup) -> None:
        running = {first}
        while running:
            self._twin.clear()
            twin = asyncio.create_task(self._twin.wait())
            try:
                await asyncio.wait({twin, *running}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                twin.cancel()
            if self._twin.is_set():
                running.add(group.create_task(self._live()))
            running = {task for task in running if not task.done()}

    async def _live(self) -> None:
        """One process, from its start to its end or crash."""
        life = Life(self.name, self._scenario.figures.kill_seconds, self._driving)
        self._lives.append(life)
        link = Link(self._weather, self._servers, self.name)
        chance = self._weather.chance
        settings = AgentSettings(instance=f"{chance.getrandbits(64):x}", jitter=chance.random, host=self.name)
        peer = RemotePeer(link, self._principal, life, self.history)
        workers = Workers(chance, self._scenario, life, self.hanging)
        token = MACHINE.set(self.name)
        agent = asyncio.create_task(Agent(peer, self._clock, workers, settings).run())
        MACHINE.reset(token)
        try:
            await self._until_it_ends(agent, link)
        finally:
            self._lives.remove(life)

    async def _until_it_ends(self, agent: asyncio.Task[None], link: Link) -> None:
        self._crash.clear()
        crashing = asyncio.create_task(self._crash.wait())
        try:
            await asyncio.wait({agent, crashing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.close()
            crashing.cancel()
            agent.cancel()
            loop().wake(self.name)
            with suppress(asyncio.CancelledError):
                await asyncio.gather(agent, return_exceptions=True)
        error = None if agent.cancelled() else agent.exception()
        if isinstance(error, Violation):
            raise error
        if isinstance(error, Exception) and not isinstance(error, SessionReplacedError):
            raise Violation(f"the agent gave up: {error!r}") from error
