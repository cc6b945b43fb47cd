"""The agents that this server runs for performing code: never fewer than one bound, never more than the other, as many as wait for.

`process.py` starts one pool. Its members are ordinary agents (`children.py`) called `local`, `local-2`, …; with a shared database
each server has a pool of its own, told apart by host and port. A member that is not needed any more is asked to end with its last
run, as `melanzana agent --drain` does it, so no run is handed to a process that is on its way out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from melanzana.agents.records import AgentStatus
from melanzana.agents.service import AgentService
from melanzana.executions.assigning import WAITS_FOR_AGENT
from melanzana.executions.records import DRY, PERFORMS, ExecutionFilter, ExecutionSummary, LifecycleState
from melanzana.executions.service import ExecutionService
from melanzana.server.children import Child, keep_running

_log = structlog.get_logger("melanzana.server")
#: How often the pool looks what waits, in seconds.
LOOK_SECONDS = 1.0
#: Most waiting executions that it looks through, the newest ones: far more than any pool has members.
_MOST_WAITING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many members."""

    least: int
    most: int
    idle_seconds: float  #: how long a member that is too many stays without work


@dataclass(slots=True)
class Member:
    """One agent of the pool while it runs."""

    name: str
    task: asyncio.Task[None]
    retiring: asyncio.Event = field(default_factory=asyncio.Event)
    is_busy: bool = False
    idle_since: float | None = None  #: loop time; None while it works or has not registered


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a pool needs of the server."""

    realm: str
    agents: AgentService
    executions: ExecutionService
    child_of: Callable[[str], Awaitable[Child]]  #: by the agent's name; gives it fresh credentials


def wanted(bounds: Bounds, busy: int, waiting: int) -> int:
    """How many members there should be when so many work and so many executions wait for one."""
    return max(bounds.least, min(bounds.most, busy + waiting))


class Pool:
    """Grows at once and shrinks slowly. `name_of` gives the agent's name of place 1, 2, …"""

    def __init__(self, bounds: Bounds, rooms: Rooms, name_of: Callable[[int], str]) -> None:
        self._bounds, self._rooms, self._name_of = bounds, rooms, name_of
        self._members: dict[int, Member] = {}

    async def run(self) -> None:
        """Until cancelled; then every member is stopped."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._grow(group, self._bounds.least)
                while self._bounds.most > self._bounds.least:
                    await asyncio.sleep(LOOK_SECONDS)
                    try:
                        await self._look(group)
                    except Exception as error:
                        _log.error("the pool of agents could not look what waits", error=str(error))
        finally:
            self._members.clear()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        self._members = {place: one for place, one in self._members.items() if not one.task.done()}
        views = {view.agent.name: view for view in await self._rooms.agents.list(self._rooms.realm)}
        now = asyncio.get_running_loop().time()
        for one in self._members.values():
            status = views[one.name].status if one.name in views else AgentStatus.DISCONNECTED
            one.is_busy = status is AgentStatus.BUSY
            one.idle_since = (one.idle_since or now) if status is AgentStatus.CONNECTED else None
        ids = frozenset(views[one.name].agent.id for one in self._members.values() if one.name in views)
        working = [one for one in self._members.values() if not one.retiring.is_set()]
        busy = sum(one.is_busy for one in working)
        number = wanted(self._bounds, busy, await self._waiting(ids))
        if number > len(working):
            await self._grow(group, number - len(working))
        elif number < len(working):
            await self._shrink(working, now)

    async def _grow(self, group: asyncio.TaskGroup, count: int) -> None:
        free = (place for place in range(1, self._bounds.most + self._bounds.least + 1) if place not in self._members)
        for _, place in zip(range(count), free, strict=False):
            name = self._name_of(place)
            child, retiring = await self._rooms.child_of(name), asyncio.Event()
            self._members[place] = Member(name, group.create_task(keep_running(child, retiring)), retiring)
            _log.info("an agent of the server is started", agent=name, members=len(self._members))

    async def _shrink(self, working: list[Member], now: float) -> None:
        """Let the member go that came last, of those that have had nothing to do for long; one at a time."""
        idle = [one for one in working if one.idle_since is not None and now - one.idle_since >= self._bounds.idle_seconds]
        if idle:
            idle[-1].retiring.set()
            await self._rooms.agents.retire(self._rooms.realm, idle[-1].name)
            _log.info("an agent of the server is not needed any more", agent=idle[-1].name, members=len(working) - 1)

    async def _waiting(self, members: frozenset[int]) -> int:
        queued = ExecutionFilter(states=frozenset({LifecycleState.QUEUED}), limit=_MOST_WAITING)
        page = await self._rooms.executions.list(self._rooms.realm, queued)
        return sum(_is_for(one, members) for one in page.items)


def _is_for(one: ExecutionSummary, members: frozenset[int]) -> bool:
    """Does it wait for nothing but an agent like these?"""
    fits = one.perform and frozenset(one.labels) <= {PERFORMS, DRY}
    waits = (one.waiting_for or "").startswith(WAITS_FOR_AGENT)
    return fits and waits and (one.requested_agent_id is None or one.requested_agent_id in members)


def agent_names(local: str, suffix: str) -> Callable[[int], str]:
    """`local`, `local-2`, …, each with what tells this server's agents from another's."""
    return lambda place: f"{local}{'' if place == 1 else f'-{place}'}{suffix}"
