"""Is the server there, and can it do its work? Two questions of an orchestrator; they need no token and tell nothing else."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from melanzana.storage.database import Database
from melanzana.web.answers import answers


class Health(BaseModel):
    """The answer of both questions."""

    status: Literal["ok"]


def router(database: Database) -> APIRouter:
    """`/healthz` and `/readyz`."""
    health = APIRouter(tags=["Health"])

    @health.get("/healthz", summary="Is the process alive?")
    async def alive() -> Health:
        return Health(status="ok")

    @health.get("/readyz", summary="Can it read and write its database?", responses=answers(503))
    async def ready() -> Health:
        await database.write(lambda tx: tx.execute(text("SELECT 1")).scalar_one())
        return Health(status="ok")

    return health
