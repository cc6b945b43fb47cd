"""Exports runs that have ended, oldest first; `server/services.py` calls it again and again.

A run is taken by one server, by a row that only one can write, and given back when the collector did not take it. Runs that ended
more than a day ago are let be, so a collector that is away for a night loses nothing. ADR 0045.
"""

import asyncio
from datetime import timedelta

from melanzana.clock import Clock
from melanzana.errors import NotFoundError, UnavailableError
from melanzana.executions.records import Execution
from melanzana.executions.service import ExecutionService
from melanzana.storage.database import Database
from melanzana.telemetry import store
from melanzana.telemetry.exporting import Exporter
from melanzana.telemetry.spans import run_span, step_spans

#: Runs looked for at once, and lines of a log sent at once.
_RUNS, _LINES = 20, 1_000
_SINCE = timedelta(days=1)


class TelemetryService:
    """Every realm's runs."""

    def __init__(self, database: Database, clock: Clock, executions: ExecutionService, exporter: Exporter, address: str) -> None:
        self._database, self._clock, self._executions = database, clock, executions
        self._exporter, self._address = exporter, address

    async def catch_up(self) -> int:
        """Export some runs that wait for it; how many. Errors: UnavailableError: the collector is away, nothing is lost."""
        since = self._clock.now() - _SINCE
        waiting = await self._database.read(lambda tx: store.waiting(tx, since, _RUNS))
        done = 0
        for realm, run_id in waiting:
            if await self._database.write(lambda tx, run_id=run_id: store.take(tx, run_id, self._clock.now())):  # type: ignore[misc]
                await self._export_or_give_back(realm, run_id)
                done += 1
        return done

    async def _export_or_give_back(self, realm: str, run_id: int) -> None:
        try:
            await self._export(await self._executions.get(realm, run_id))
        except UnavailableError:
            await self._database.write(lambda tx: store.give_back(tx, run_id))
            raise
        except NotFoundError:
            return  # deleted in the same moment

    async def _export(self, run: Execution) -> None:
        after = 0
        while events := await self._executions.events(run.realm, run.run_id, after, _LINES):
            after = events[-1].seq
            if spans := list(step_spans(run, events, self._address)):
                await asyncio.to_thread(self._exporter.export, spans)
        await asyncio.to_thread(self._exporter.export, [run_span(run, self._address)])
