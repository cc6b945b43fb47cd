"""One simulated stretch of time: servers, agents, clients and trouble, all of it decided by one seed and one scenario.

For `trouble_seconds` things go wrong. Then it is quiet, and all that was accepted must end. The services and the agent are the real
ones; only workers are scripted.
"""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, text

from melanzana.access.records import Actor
from melanzana.executions.service import ExecutionService
from melanzana.suts.records import SutDraft
from simulation.agents import Machine
from simulation.clients import Client
from simulation.database import FaultyDatabase
from simulation.driving import Driving
from simulation.machines import DriftingClock, TickingLoop, loop
from simulation.network import Link, Server, Weather
from simulation.scenarios import DENSE, Scenario
from simulation.watching import Violation, Watcher
from support_agents import new_agent
from support_executions import REALM, fresh_database, open_world
from support_history import History, HistoryError, check

_WHO = Actor(kind="command_line", id="tests", name="tests")


@dataclass(frozen=True, slots=True)
class Played:
    """What a simulation was."""

    seconds: float
    messages: int
    faults: int


def simulate(simulation: "Simulation") -> Played:
    """Play a simulation to its end. Raises Violation."""
    with asyncio.Runner(loop_factory=TickingLoop) as runner:
        return runner.run(simulation.run())


@dataclass(kw_only=True)
class Simulation:
    """Everything of one seed."""

    seed: int
    scenario: Scenario = DENSE
    service: type[ExecutionService] = ExecutionService
    history: History = field(default_factory=History)
    hanging: set[int] = field(default_factory=set)

    async def run(self) -> Played:
        """Play it to its end. Raises Violation."""
        await self._set_up()
        began = loop().time()
        try:
            await self._play()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        self._check_failures()
        claims = [call for call in self.history.calls if call.verb == "claim" and call.answer.get("execution")]
        self.watcher.arrived = {(call.answer["execution"], call.answer["attempt"]) for call in claims}
        await self.database.look(self.watcher.look_at_the_end)
        try:
            check(self.history, await self.database.look(self.watcher.found))
        except HistoryError as error:
            raise Violation(str(error)) from None
        await self.database.close()
        return Played(loop().time() - began, self.weather.messages, self.weather.faults)

    async def _set_up(self) -> None:
        scenario = self.scenario
        chance = self.chance = random.Random(self.seed)
        self.weather, self.driving = Weather(chance, scenario), Driving()
        self.watcher = Watcher(self.driving, agents_are_well=scenario.agents_are_well)
        several = chance.choice(scenario.servers)
        failures, self.weather.store_failures = self.weather.store_failures, 0.0
        self.database = FaultyDatabase(await fresh_database(), self.watcher, self.weather, shared=several > 1)
        clock = DriftingClock(1.0)
        self.world = await open_world(scenario.figures, self.database, clock)
        self.world.seeds = random.Random(self.seed)
        for number in range(scenario.suts):
            await self.world.suts.create(REALM, SutDraft(name=f"till-{number}", criteria=("till",)), actor=_WHO)
        drifts = [DriftingClock(chance.uniform(1 - scenario.drift, 1 + scenario.drift)) for _ in range(several)]
        self.servers = [Server(self.world, drift, self.service) for drift in drifts]
        for server in self.servers:
            server.start()
        self.machines = [await self._machine(number) for number in range(scenario.agents)]
        self.weather.store_failures = failures

    async def _machine(self, number: int) -> Machine:
        name = f"agent {number}"
        principal = await new_agent(self.servers[0].agents, f"rack-{number}")
        machine = Machine(name, principal, self.weather, self.servers, self.scenario, self.driving)
        machine.history, machine.hanging = self.history, self.hanging
        return machine

    def _client(self, number: int) -> Client:
        link = Link(self.weather, self.servers, "client")
        client = Client(number, self.seed, self.world, link, self.weather, self.scenario)
        client.history, client.hanging, client.watcher = self.history, self.hanging, self.watcher
        return client

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            agents = [group.create_task(machine.run()) for machine in self.machines]
            count = self.scenario.executions + self.scenario.untaken
            clients = [group.create_task(self._client(number).run()) for number in range(count)]
            await self._trouble()
            await self._quiet(clients)
            for task in (*agents, *clients):
                task.cancel()
            for server in self.servers:
                server.kill()

    def _check_failures(self) -> None:
        failures = [*self.driving.failures, *(failure for server in self.servers for failure in server.failures)]
        for failure in failures:
            raise failure if isinstance(failure, Violation) else Violation(f"a server or worker failed: {failure!r}") from failure

    # --- trouble ------------------------------------------------------------

    async def _trouble(self) -> None:
        chance, scenario = self.chance, self.scenario
        kinds, weights = list(scenario.troubles), list(scenario.troubles.values())
        end = loop().time() + scenario.trouble_seconds
        while loop().time() < end:
            await asyncio.sleep(chance.uniform(*scenario.between))
            self._check_failures()
            (kind,) = chance.choices(kinds, weights)
            self.weather.faults += 1
            await getattr(self, f"_{kind}")()
        self.weather.calm()
        for machine in self.machines:
            machine.wake()

    async def _outage(self) -> None:
        server, seconds = self.chance.choice(self.servers), self.chance.uniform(*self.scenario.outage_seconds)
        server.kill()
        await asyncio.sleep(seconds)
        server.start()
        self._has_been_away(seconds)

    async def _partition(self) -> None:
        who = self.chance.choice(self.machines).name
        self.weather.cut_off.add(who)
        loop().call_later(self.chance.uniform(*self.scenario.partition_seconds), self.weather.cut_off.discard, who)

    async def _mute(self) -> None:
        """A partition in one direction."""
        who = self.chance.choice(self.machines).name
        self.weather.muted.add(who)
        loop().call_later(self.chance.uniform(*self.scenario.partition_seconds), self.weather.muted.discard, who)

    async def _crash(self) -> None:
        self.chance.choice(self.machines).crash()

    async def _twin(self) -> None:
        self.chance.choice(self.machines).start_twin()

    async def _suspend(self) -> None:
        self.chance.choice(self.machines).suspend(self.chance.uniform(*self.scenario.suspend_seconds))

    async def _freeze(self) -> None:
        """The database answers nobody for a while."""
        seconds = self.chance.uniform(*self.scenario.freeze_seconds)
        self.database.frozen_until = loop().time() + seconds
        await asyncio.sleep(seconds)
        self._has_been_away(seconds)

    async def _clock(self) -> None:
        """Somebody sets a server's clock, up to an hour wrong; now and then the server is restarted after it."""
        server = self.chance.choice(self.servers)
        server.clock.wall_offset = timedelta(seconds=self.chance.uniform(-3600, 3600))
        if self.chance.random() < 0.5:
            server.kill()
            server.start()

    def _has_been_away(self, seconds: float) -> None:
        """Agents stop by themselves what they cannot renew within their lease: such runs may be lost."""
        if seconds > 0.5 * self.scenario.figures.lease_seconds:
            self.watcher.excuse_what_is_held()

    # --- the end ------------------------------------------------------------

    async def _quiet(self, clients: list[asyncio.Task[None]]) -> None:
        end = loop().time() + self.scenario.quiet_seconds
        while loop().time() < end and not await self._all_ended(clients):
            await asyncio.sleep(5)

    async def _all_ended(self, clients: list[asyncio.Task[None]]) -> bool:
        return all(client.done() for client in clients) and await self.database.look(self._count_live) == 0

    @staticmethod
    def _count_live(tx: Connection) -> int:
        question = text("SELECT count(*) FROM executions WHERE state IN ('queued', 'leased', 'running', 'aborting')")
        return int(tx.execute(question).scalar_one())


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
