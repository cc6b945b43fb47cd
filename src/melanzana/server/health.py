"""Is the server there, and can it do its work? Two questions of an orchestrator; they need no token and tell nothing else."""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Connection, text

from melanzana.storage.database import Database
from melanzana.web.answers import answers

#: How long a write that went well is believed, in seconds.
FRESH_SECONDS = 1.0
_TO = text("UPDATE alembic_version SET version_num = version_num || '.'")
_FRO = text("UPDATE alembic_version SET version_num = substr(version_num, 1, length(version_num) - 1)")


class Health(BaseModel):
    """The answer of both questions."""

    status: Literal["ok"]


class Probe:
    """Writes a row and writes it back, all the way to the disk: a full disk still answers questions, and commits of nothing.

    Anybody may ask, so what was written a moment ago counts.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._well_at = -FRESH_SECONDS

    async def write(self) -> None:
        """Raises UnavailableError."""
        now = asyncio.get_running_loop().time()
        if now - self._well_at >= FRESH_SECONDS:
            await self._database.write(_to_and_fro)
            self._well_at = now


def _to_and_fro(tx: Connection) -> None:
    """One transaction, so nobody sees the row changed; a row that is written as it is would not be written."""
    tx.execute(_TO)
    tx.execute(_FRO)


def router(database: Database) -> APIRouter:
    """`/healthz` and `/readyz`."""
    health, probe = APIRouter(tags=["Health"]), Probe(database)

    @health.get("/healthz", summary="Is the process alive?")
    async def alive() -> Health:
        return Health(status="ok")

    @health.get("/readyz", summary="Can it read and write its database?", responses=answers(503))
    async def ready() -> Health:
        await probe.write()
        return Health(status="ok")

    return health
