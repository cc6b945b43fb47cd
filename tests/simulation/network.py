"""What lies between agents, clients and server: a network that loses, delays, repeats and reorders, and a server that dies.

Every message may be lost on its way there or back, or arrive (again) much later; a lost answer leaves its caller waiting until
the caller's own time limit. All chance comes from one seeded generator and all waiting is virtual.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from melanzana.access.records import Principal
from melanzana.agents.service import AgentService
from melanzana.errors import MelanzanaError, UnavailableError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session
from support_agents import Clients
from support_executions import World

T = TypeVar("T")
#: As long as a repeated message may be on its way.
LATEST_SECONDS = 90.0
#: Messages on their way: asyncio itself would forget them.
_STRAYS: set[asyncio.Task[None]] = set()


class Weather:
    """How bad the network is."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.loss = chance.choice([0.0, 0.02, 0.1, 0.3])
        self.repeats = chance.choice([0.0, 0.05, 0.2])
        self.latency_seconds = chance.choice([0.01, 0.2, 2.0])
        self.cut_off: set[str] = set()

    def calm(self) -> None:
        """From now on everything arrives, soon and once."""
        self.loss = self.repeats = 0.0
        self.latency_seconds = 0.01
        self.cut_off.clear()

    def loses(self, who: str) -> bool:
        return who in self.cut_off or self.chance.random() < self.loss

    async def travel(self) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / self.latency_seconds))


class Server:
    """The real services over a database that survives; everything else dies with `kill`."""

    def __init__(self, world: World, service: type[ExecutionService] = ExecutionService) -> None:
        self._world, self._service = world, service
        self._calls: dict[asyncio.Task[Any], None] = {}  #: in the order they came
        self._clients = Clients()
        self.failures: list[BaseException] = []  #: whatever a request met that is no documented error
        self.up = False
        self.executions: ExecutionService
        self.agents: AgentService

    def start(self) -> None:
        world = self._world
        self.executions = self._service(
            world.database, world.clock, world.figures, Waker(), catalog=world.catalog, suts=world.suts, randomness=world.seeds
        )
        self.agents = AgentService(
            world.database, world.clock, self.executions, world.figures, clients=self._clients, blobs=_NoBlobs()
        )
        self.up = True
        self.spawn(self._sweep(world.figures))

    def kill(self) -> None:
        """The process is gone: nothing it was doing goes on, and nothing it held in memory is left."""
        self.up = False
        for call in tuple(self._calls):
            call.cancel()
        self._calls.clear()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._calls[task] = None
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._calls.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, MelanzanaError):
            self.failures.append(error)

    async def _sweep(self, figures: LeaseFigures) -> None:
        while True:
            await self.executions.release_expired()
            await asyncio.sleep(figures.sweep_seconds)


class _NoBlobs:
    def put(self, content: bytes) -> str:
        raise AssertionError("no script of the simulation stores anything")


class Link:
    """One caller's way to the server; `who` is what a partition cuts off."""

    def __init__(self, weather: Weather, server: Server, who: str) -> None:
        self._weather, self._server, self._who = weather, server, who
        self.dead = False  #: the caller's process is gone: nothing leaves it any more

    async def call(self, verb: Callable[[Server], Awaitable[T]]) -> T:
        """What the server answers. Never returns when a message was lost; UnavailableError when the server is down."""
        if self._weather.chance.random() < self._weather.repeats:
            self._stray(verb)
        await self._weather.travel()
        if self.dead:
            await _for_ever()
        if self._weather.loses(self._who):
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
        stray = asyncio.create_task(self._again(verb))
        _STRAYS.add(stray)
        stray.add_done_callback(_STRAYS.discard)

    def _deliver(self, verb: Callable[[Server], Awaitable[T]]) -> asyncio.Task[T]:
        if not self._server.up:
            raise UnavailableError("connection refused")
        return self._server.spawn(_as_coroutine(verb(self._server)))

    async def _again(self, verb: Callable[[Server], Awaitable[Any]]) -> None:
        await asyncio.sleep(self._weather.chance.uniform(0, LATEST_SECONDS))
        with suppress(MelanzanaError, asyncio.CancelledError):
            await self._deliver(verb)


class RemotePeer:
    """The server as one agent sees it over its link."""

    def __init__(self, link: Link, principal: Principal) -> None:
        self._link, self._principal = link, principal

    async def register(self, hello: Hello) -> Session:
        return await self._link.call(lambda server: server.agents.register(self._principal, hello))

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        return await self._link.call(lambda server: server.agents.lease(self._principal, session.session, wait_seconds))

    async def report(self, session: Session, report: Report) -> Directive:
        return await self._link.call(lambda server: server.agents.report(self._principal, session.session, report))

    async def leave(self, session: Session, *, gone: bool) -> None:
        await self._link.call(lambda server: server.agents.leave(self._principal, session.session, gone=gone))

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        raise AssertionError("no script of the simulation stores anything")


async def _as_coroutine(answer: Awaitable[T]) -> T:
    return await answer


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
