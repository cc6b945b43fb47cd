"""A room of test configurations over a real room of executions, whose agents do what a test says."""

from dataclasses import dataclass
from typing import Any

from melanzana.access.records import Principal
from melanzana.configurations.records import ConfigurationStep, Draft, StartWish, StepKind, TaskInstance
from melanzana.configurations.service import ConfigurationService
from melanzana.protocol.events import RunFinished, RunStarted
from support_executions import AGENT, CLIENT, REALM, World, open_world, report

CASE = "there and back"


def explore(number: int = 1, **fields: Any) -> ConfigurationStep:
    values = {"id": step_id(number), "name": f"explore {number}", "kind": StepKind.EXPLORATORY, "model": "Doors"}
    return ConfigurationStep(**{**values, **fields})


def step_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def draft(*steps: ConfigurationStep, **fields: Any) -> Draft:
    values = {"name": "nightly", "steps": steps or (explore(),), "suite": "/suites/doors"}
    return Draft(**{**values, **fields})


@dataclass(kw_only=True)
class Desk:
    """Who keeps configurations, and the world their executions live in."""

    world: World
    service: ConfigurationService
    client: Principal = CLIENT

    async def started(self, made: Draft, wish: StartWish | None = None, key: str | None = None) -> TaskInstance:
        configuration = await self.service.create(self.client, made)
        return await self.service.start(self.client, configuration.id, wish or StartWish(), key)

    async def advance(self, instance: TaskInstance) -> TaskInstance:
        return await self.service.advance(REALM, instance.id)

    async def end_next(self, verdict: str) -> bool:
        """Take the oldest execution that waits and end it with this verdict; False when none waits."""
        lease = await self.world.executions.claim(AGENT)
        if lease is None:
            return False
        end = RunFinished(verdict=verdict, reason="exit", message=f"it {verdict}")  # type: ignore[arg-type]
        await self.world.executions.report(AGENT, report(lease, 1, [RunStarted(agent="rack-1", version="1"), end]))
        return True

    async def perform(self, instance: TaskInstance, *verdicts: str) -> TaskInstance:
        """Advance and end executions, one after another, with these verdicts; the last counts for all further ones."""
        given = iter(verdicts)
        verdict = "passed"
        for _ in range(1_000):
            instance = await self.advance(instance)
            if instance.ended_at is not None:
                return instance
            verdict = next(given, verdict)
            assert await self.end_next(verdict), instance
        raise AssertionError("it does not end")

    def another_server(self) -> "Desk":
        """A second one over the same database."""
        service = ConfigurationService(
            self.world.database, self.world.clock, catalog=self.world.catalog, executions=self.world.executions
        )
        return Desk(world=self.world, service=service)


async def open_desk() -> Desk:
    world = await open_world()
    service = ConfigurationService(
        world.database, world.clock, catalog=world.catalog, executions=world.executions, randomness=world.seeds
    )
    return Desk(world=world, service=service)
