"""Clients of a simulation: each starts an execution until that is acknowledged, may abort it, and follows it to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from melanzana.errors import ConflictError, MelanzanaError, NotFoundError
from melanzana.executions.records import Execution, LifecycleState, StartRequest
from melanzana.suts.records import SutWish
from simulation.network import Link, Server, Weather
from simulation.scenarios import Scenario
from simulation.watching import Watcher
from support_executions import CLIENT, REALM, World
from support_history import History, Verb

T = TypeVar("T")
CALL_SECONDS = 10.0
#: What a client asks for that no agent has.
NOBODY_HAS = "mainframe"


class Client:
    """One client and its one execution."""

    def __init__(  # noqa: PLR0917 - what a client is made of
        self, number: int, seed: int, world: World, link: Link, weather: Weather, scenario: Scenario
    ) -> None:
        self._number, self._seed, self._world, self._link = number, seed * 1000 + number, world, link
        self._weather, self._chance, self._scenario = weather, weather.chance, scenario
        self.hanging: set[int] = set()  #: seeds of executions that somebody will abort and whose worker waits for it
        self.watcher: Watcher
        self.history: History

    async def run(self) -> None:
        chance = self._chance
        untaken = self._number >= self._scenario.executions
        await asyncio.sleep(chance.uniform(0, 600.0 if untaken else 0.8 * self._scenario.trouble_seconds))
        aborts = chance.random() < self._scenario.aborts and not untaken
        if aborts and chance.random() < 0.3:
            self.hanging.add(self._seed)
        request, key = self._request(untaken), f"key-{self._number}"
        started = await self._start(request, key)
        if chance.random() < 0.2:
            await self._start(request, key)
        if aborts:
            await asyncio.sleep(chance.uniform(0, 60))
            await self._abort(started.id)
        await self._follow(started.id, 600.0 if untaken else 10.0)

    def _request(self, untaken: bool) -> StartRequest:
        chance, scenario = self._chance, self._scenario
        performs = chance.random() < scenario.performs
        wish = None
        if performs and scenario.suts and chance.random() < scenario.with_sut:
            wish = SutWish(criteria=("till",))
        return StartRequest(
            model=self._world.model_uuid,
            seed=self._seed,
            perform=performs,
            sut=wish,
            on_agent_lost=chance.choice(scenario.policies),
            labels=(NOBODY_HAS,) if untaken else (),
        )

    async def _start(self, request: StartRequest, key: str) -> Execution:
        started = await self._persist(
            "start",
            {"key": key},
            lambda server: server.executions.start(request, CLIENT, key),
            lambda answer: {"execution": answer.id},
        )
        assert started is not None
        return started

    async def _abort(self, execution_id: str) -> None:
        state = await self._persist(
            "abort",
            {"execution": execution_id},
            lambda server: server.executions.abort(REALM, execution_id, "client"),
            lambda answer: {"state": str(answer)},
        )
        if state in {LifecycleState.ABORTING, LifecycleState.ABORTED}:
            self.watcher.abort_accepted.add(execution_id)

    async def _follow(self, execution_id: str, every_seconds: float) -> None:
        """Continue the run whenever it is paused, until it has ended."""
        while True:
            await asyncio.sleep(every_seconds)
            found = await self._persist(
                "look",
                {"execution": execution_id},
                lambda server: server.executions.get(REALM, execution_id),
                lambda answer: {"state": str(answer.state), "attempt": answer.attempt},
            )
            if found is None or found.ended_at is not None:
                return
            if found.paused:
                await self._resume(execution_id)

    async def _resume(self, execution_id: str) -> None:
        """Once; whether it is heard shows at the next look."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._link.call(lambda server: server.executions.resume(REALM, execution_id))
        except (MelanzanaError, TimeoutError):
            return

    async def _persist(
        self,
        verb: Verb,
        asked: Mapping[str, Any],
        ask: Callable[[Server], Awaitable[T]],
        told: Callable[[T], Mapping[str, Any]],
    ) -> T | None:
        """Ask again and again until there is an answer; None for a conflict."""
        while True:
            call = self.history.invoke(verb, **asked)
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    answer = await self._link.call(ask)
            except (ConflictError, NotFoundError) as error:
                call.fail(error.code, state=error.detail.get("state"))
                return None
            except (MelanzanaError, TimeoutError):
                call.unknown()
                await asyncio.sleep(self._chance.uniform(0.5, 5))
            else:
                call.ok(**told(answer))
                return answer
