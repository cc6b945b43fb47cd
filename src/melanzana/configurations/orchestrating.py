"""Who sees to it that task instances go on: the interface, and the orchestrator that a server carries itself.

The embedded one is level-triggered: it looks at everything unfinished in the database, again and again, and does for each what can
be done now. It remembers nothing, so it goes on after any end of a process, and any number of servers may run one at once.
"""

import asyncio
from typing import Protocol

import structlog

from melanzana.configurations.service import ConfigurationService
from melanzana.errors import NotFoundError

_log = structlog.get_logger("melanzana.configurations")
#: Between two looks while something is at work, and while nothing is: then another server's start would wait this long.
BUSY_SECONDS, IDLE_SECONDS = 0.5, 2.0


class Orchestrator(Protocol):
    """Advances every task instance until it has ended."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class EmbeddedOrchestrator:
    """The one that needs nothing but the database."""

    def __init__(self, configurations: ConfigurationService) -> None:
        self._configurations = configurations

    async def run(self) -> None:
        while True:
            busy = False
            try:
                busy = await self.round()
            except Exception as error:
                _log.error("looking for task instances failed", error=str(error))
            self._configurations.news.clear()
            try:
                async with asyncio.timeout(BUSY_SECONDS if busy else IDLE_SECONDS):
                    await self._configurations.news.wait()
            except TimeoutError:
                continue

    async def round(self) -> bool:
        """Advance everything once; whether anything is unfinished after that."""
        waiting = await self._configurations.unfinished()
        for realm, task_id in waiting:
            try:
                await self._configurations.advance(realm, task_id)
            except NotFoundError:
                continue  # removed meanwhile
            except Exception as error:
                _log.error("advancing a task instance failed", task_instance=task_id, error=str(error))
        return bool(waiting)
