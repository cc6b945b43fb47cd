"""A server's execution room for tests: real services over a database in memory, a clock that stands until told, one small model."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import Principal, PrincipalKind
from melanzana.audit.service import AuditService
from melanzana.catalog.service import CatalogService
from melanzana.clock import Clock
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import ClaimingAgent, Execution, StartRequest, StoredEvent
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model
from melanzana.protocol.events import Event, RunFinished, RunStarted, StepFinished, StepStarted
from melanzana.protocol.peer import Lease, Report
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import Database, InlineDatabase
from melanzana.storage.engines import driver_of
from melanzana.storage.migrations import migrate
from melanzana.suts.service import SutService

REALM = "eggplant"
MODEL_TEXT = """
model: Doors
start: Hall
variables:
  tries: {type: integer, initial: 0}
  mode: {type: set, values: [day, night], initial: day}
states:
  Hall:
    actions:
      open: {to: Room}
  Room:
    actions:
      leave: {to: exit}
test cases:
  through: {steps: [open, leave]}
"""
CLIENT = Principal(
    realm=REALM,
    kind=PrincipalKind.API_CLIENT,
    client_id="client:ci",
    subject="5c0e7b3a-1111-4222-8333-444444444444",
    name="ci",
    scopes=SCOPES_OF[PrincipalKind.API_CLIENT],
)
AGENT = ClaimingAgent(agent_id=1, session=1, realm=REALM, capabilities=frozenset({"python", "dry"}), name="rack-1")
STARTED = RunStarted(agent="rack-1", version="1")
STEP_BEGUN = StepStarted(number=1, kind="action", element_id="a", name="open", at_seconds=0.0)
STEP = StepFinished(number=1, iteration=1, kind="action", element_id="a", name="open", verdict="passed", at_seconds=0.0)
PASSED = RunFinished(verdict="passed", reason="stop_condition")


def doors() -> Model:
    return read_text(MODEL_TEXT)


class ManualClock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)
        self.seconds = 100.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class World:
    """One realm with one model and no agents of its own."""

    database: Database
    clock: Any  #: a ManualClock, unless the world was opened with another
    figures: LeaseFigures
    waker: Waker
    catalog: CatalogService
    executions: ExecutionService
    suts: SutService
    model_uuid: str
    seeds: random.Random = field(default_factory=lambda: random.Random(1))

    async def start(self, key: str | None = None, **fields: object) -> Execution:
        values = {"model": self.model_uuid, "perform": True, **fields}
        return await self.executions.start(StartRequest(**values), CLIENT, key)  # type: ignore[arg-type]

    async def claimed(self, agent: ClaimingAgent = AGENT, **fields: object) -> Lease:
        """A fresh execution in the hands of `agent`."""
        await self.start(**fields)
        lease = await self.executions.claim(agent)
        assert lease is not None
        return lease

    async def state(self, lease: Lease | Execution) -> str:
        return (await self.executions.get(REALM, lease.run_id)).state

    async def log(self, lease: Lease | Execution) -> tuple[StoredEvent, ...]:
        return await self.executions.events(REALM, lease.run_id)

    async def sweep_for(self, seconds: float) -> list[object]:
        """Let time pass with a sweep every second."""
        results = []
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            results.append(await self.executions.release_expired())
        return results

    def restart(self) -> None:
        """The server process ends and another one starts over the same database."""
        self.waker = Waker()
        self.executions = ExecutionService(
            self.database, self.clock, self.figures, self.waker, catalog=self.catalog, suts=self.suts, randomness=self.seeds
        )


_migrated: list[bytes] = []


async def fresh_database() -> InlineDatabase:
    """An empty database in memory with the newest schema; migrated once, copied after that."""
    database = InlineDatabase.open()
    if not _migrated:
        await migrate(database)
        _migrated.append(await database.read(lambda tx: driver_of(tx).serialize()))
    else:
        await database.read(lambda tx: _restore(driver_of(tx)))
    return database


def _restore(driver: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(":memory:")) as template:
        template.deserialize(_migrated[0])
        driver.execute("PRAGMA query_only=OFF")
        driver.execute("ROLLBACK") if driver.in_transaction else None
        template.backup(driver)


def sut_service(database: Database, clock: Clock) -> SutService:
    return SutService(database, clock, MasterKey(b"m" * 32), AuditService(database, clock), random.Random(2))


async def open_world(figures: LeaseFigures | None = None, database: Database | None = None, clock: Clock | None = None) -> World:
    """A world over `database`, which has its schema already or none at all; a fresh one in memory when left out."""
    if database is None:
        database = await fresh_database()
    else:
        await migrate(database)
    clock = clock or ManualClock()
    waker, seeds = Waker(), random.Random(1)
    catalog = CatalogService(database, clock)
    version = await catalog.add_model(REALM, None, None, doors(), MODEL_TEXT)
    figures = figures or LeaseFigures()
    suts = sut_service(database, clock)
    executions = ExecutionService(database, clock, figures, waker, catalog=catalog, suts=suts, randomness=seeds)
    return World(
        database=database,
        clock=clock,
        figures=figures,
        waker=waker,
        catalog=catalog,
        executions=executions,
        suts=suts,
        model_uuid=version.uuid,
        seeds=seeds,
    )


def report(lease: Lease, first_seq: int = 1, events: Sequence[Event] = (), wait_seconds: float = 0.0) -> Report:
    return Report(
        execution_id=lease.execution_id,
        attempt=lease.attempt,
        first_seq=first_seq,
        events=tuple(events),
        wait_seconds=wait_seconds,
    )
