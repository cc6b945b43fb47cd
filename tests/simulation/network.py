"""What lies between agents, clients and servers: a network that loses, delays, repeats and reorders, and servers that die.

Every message may be lost on its way there or back, or arrive (again) much later; a lost answer leaves its caller waiting until
the caller's own time limit. All chance comes from one seeded generator and all waiting is virtual.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from melanzana.agents.service import AgentService
from melanzana.errors import MelanzanaError, UnavailableError
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from simulation.machines import NOBODYS, DriftingClock
from simulation.scenarios import Scenario
from support_agents import Clients
from support_executions import World, sut_service

T = TypeVar("T")


class Weather:
    """How bad network and store are, drawn once a seed."""

    def __init__(self, chance: random.Random, scenario: Scenario) -> None:
        self.chance = chance
        self.loss = chance.choice(scenario.loss)
        self.repeats = chance.choice(scenario.repeats)
        self.latency_seconds = chance.choice(scenario.latency_seconds)
        self.store_failures = chance.choice(scenario.store_failures)
        self.latest_seconds = scenario.latest_seconds
        self.cut_off: set[str] = set()  #: nothing reaches them, nothing comes from them
        self.muted: set[str] = set()  #: nothing comes from them; what is said to them arrives
        self.messages = self.faults = 0  #: sent, and what went wrong
        self.strays: set[asyncio.Task[None]] = set()  #: messages on their way: asyncio itself would forget them

    def calm(self) -> None:
        """From now on everything arrives, soon and once, and the store works."""
        self.loss = self.repeats = self.store_failures = 0.0
        self.latency_seconds = 0.01
        self.cut_off.clear()
        self.muted.clear()

    def loses(self, who: str) -> bool:
        return self._happens(who in self.cut_off or (self.loss > 0 and self.chance.random() < self.loss))

    def doubles(self) -> bool:
        return self._happens(self.repeats > 0 and self.chance.random() < self.repeats)

    def store_fails(self) -> bool:
        return self._happens(self.store_failures > 0 and self.chance.random() < self.store_failures)

    async def travel(self) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / self.latency_seconds))

    def _happens(self, fault: bool) -> bool:
        self.faults += fault
        return fault


class Server:
    """The real services over a database that survives; everything else dies with `kill`."""

    def __init__(self, world: World, clock: DriftingClock, service: type[ExecutionService] = ExecutionService) -> None:
        self._world, self.clock, self._service = world, clock, service
        self._calls: dict[asyncio.Task[Any], None] = {}  #: in the order they came
        self._clients = Clients()
        self.failures: list[BaseException] = []  #: whatever a request met that is no documented error
        self.up = False
        self.executions: ExecutionService
        self.agents: AgentService

    def start(self) -> None:
        world = self._world
        suts = sut_service(world.database, self.clock)
        self.executions = self._service(
            world.database, self.clock, world.figures, Waker(), catalog=world.catalog, suts=suts, randomness=world.seeds
        )
        self.agents = AgentService(
            world.database, self.clock, self.executions, world.figures, clients=self._clients, blobs=_NoBlobs()
        )
        self.up = True
        self.spawn(self._sweep())

    def kill(self) -> None:
        """The process is gone: nothing it was doing goes on, and nothing it held in memory is left."""
        self.up = False
        for call in tuple(self._calls):
            call.cancel()
        self._calls.clear()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, context=NOBODYS)
        self._calls[task] = None
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._calls.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, MelanzanaError):
            self.failures.append(error)

    async def _sweep(self) -> None:
        """As `server/services.py` does it: a sweep that fails is tried again."""
        while True:
            with suppress(MelanzanaError):
                await self.executions.release_expired()
            await asyncio.sleep(self._world.figures.sweep_seconds)


class _NoBlobs:
    def draft(self) -> Any:
        raise AssertionError("no script of the simulation stores anything")

    keep = draft


class Link:
    """One caller's way to the servers, each call to any of them; `who` is what a partition cuts off."""

    def __init__(self, weather: Weather, servers: Sequence[Server], who: str) -> None:
        self._weather, self._servers, self._who = weather, servers, who
        self.dead = False  #: the caller's process is gone: nothing leaves it any more

    async def call(self, verb: Callable[[Server], Awaitable[T]]) -> T:
        """What the server answers. Never returns when a message was lost; UnavailableError when the server is down."""
        self._weather.messages += 1
        if self._weather.doubles():
            self._stray(verb)
        await self._weather.travel()
        if self.dead:
            await _for_ever()
        if self._who in self._weather.muted or self._weather.loses(self._who):
            if self._weather.chance.random() < 0.5:
                self._stray(verb)
            await _for_ever()
        task = self._deliver(verb)
        await asyncio.wait({task})
        if task.cancelled():
            raise UnavailableError("the connection broke")
        if self.dead or self._weather.loses(self._who):
            await _for_ever()
        await self._weather.travel()
        return task.result()

    def close(self) -> None:
        """The caller's process is gone; what it has sent may still be on its way."""
        self.dead = True

    def _stray(self, verb: Callable[[Server], Awaitable[Any]]) -> None:
        """The message turns up later, and nobody waits for the answer."""
        stray = asyncio.get_running_loop().create_task(self._again(verb), context=NOBODYS)
        self._weather.strays.add(stray)
        stray.add_done_callback(self._weather.strays.discard)

    def _deliver(self, verb: Callable[[Server], Awaitable[T]]) -> asyncio.Task[T]:
        server = self._servers[0] if len(self._servers) == 1 else self._weather.chance.choice(self._servers)
        if not server.up:
            raise UnavailableError("connection refused")
        return server.spawn(_as_coroutine(verb(server)))

    async def _again(self, verb: Callable[[Server], Awaitable[Any]]) -> None:
        await asyncio.sleep(self._weather.chance.uniform(0, self._weather.latest_seconds))
        with suppress(MelanzanaError, asyncio.CancelledError):
            await self._deliver(verb)


async def _as_coroutine(answer: Awaitable[T]) -> T:
    return await answer


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
