"""A process that starts, claims, reports, finishes and aborts on a database file, for tests that make its system calls fail.

`python support_faults.py FOLDER` makes a database in `FOLDER/template`, reads one job a line on stdin and forks a child for each,
so imports are paid for once. A job is `{"folder": …, "thread": …, "die": …}`. A child performs every step of `STEPS` in a copy of
the template, and appends a line to `told` after each answer. Before the file is opened
(thread `main`) or after (thread `writer`) it writes the number of that thread to `tid` and waits for `go`, so a tracer can attach;
with `die` it kills itself as soon as it was refused. The thread `migrating writer` brings an older database to the newest schema
instead. Clock and randomness are told, so the same steps always leave the same rows.
"""

import asyncio
import gc
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melanzana.agents.service import AgentService
from melanzana.catalog.service import CatalogService
from melanzana.errors import UnavailableError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import Execution
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import Hello, Lease, Session
from melanzana.server.logs import configure
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from melanzana.suts.records import SutDraft, SutWish
from support_agents import SOMEBODY, agent_service, new_agent, principal_of
from support_executions import PASSED, REALM, STARTED, STEP, STEP_BEGUN, ManualClock, World, open_world, report, sut_service

FILE = "test.db"
HELLO = Hello(capabilities=frozenset({"python"}), host="rack", version="1", instance="one")
ABORTED = RunFinished(verdict="passed", reason="aborted")  #: whatever it says, the run was aborted
Told = Callable[[str], Awaitable[None]]
#: How often one step is tried before the child gives up.
TRIES = 3
#: Exit code of a child whose step was refused that often.
REFUSED = 3


@dataclass
class Scene:
    """Services over one folder, and what the steps before this one were answered."""

    world: World
    agents: AgentService
    agent_id: int
    session: Session | None = None
    started: list[Execution] = field(default_factory=list)
    lease: Lease | None = None

    async def register(self) -> None:
        self.session = await self.agents.register(principal_of(self.agent_id), HELLO)

    async def start(self, key: str) -> None:
        sut = SutWish(criteria=("till",))
        self.started.append(await self.world.start(key=key, sut=sut))

    async def claim(self) -> None:
        assert self.session is not None
        self.lease = await self.agents.lease(principal_of(self.agent_id), self.session.session, 0.0)
        assert self.lease is not None

    async def report(self, first_seq: int, *events: Any) -> None:
        assert self.session is not None
        assert self.lease is not None
        await self.agents.report(principal_of(self.agent_id), self.session.session, report(self.lease, first_seq, events))

    async def abort(self) -> None:
        await self.world.executions.abort(REALM, self.started[-1].id, "ci")


#: Start, claim, append, finish; then a start that is aborted while an agent has it.
STEPS: tuple[tuple[str, Callable[[Scene], Awaitable[None]]], ...] = (
    ("register", lambda scene: scene.register()),
    ("start", lambda scene: scene.start("first")),
    ("start again", lambda scene: scene.start("first")),
    ("claim", lambda scene: scene.claim()),
    ("append", lambda scene: scene.report(1, STARTED, STEP_BEGUN, STEP)),
    ("finish", lambda scene: scene.report(4, PASSED)),
    ("start to abort", lambda scene: scene.start("second")),
    ("claim to abort", lambda scene: scene.claim()),
    ("abort", lambda scene: scene.abort()),
    ("finish aborted", lambda scene: scene.report(1, STARTED, ABORTED)),
)


async def prepare(folder: Path) -> None:
    """A migrated database with a model, an agent and a system under test."""
    database = SqliteDatabase.open(folder / FILE)
    world = await open_world(database=database)
    await new_agent(agent_service(world, folder), "rack-1")
    await world.suts.create(REALM, SutDraft(name="till-1", criteria=("till",)), actor=SOMEBODY)
    await database.close()


async def perform(folder: Path, told: Told, opened: Callable[[SqliteDatabase], None] = lambda _: None) -> None:
    """Every step, tried again after each 503; `told` hears of every answer."""
    database = SqliteDatabase.open(folder / FILE)
    opened(database)
    scene = await _scene(database, folder)
    for number, (name, step) in enumerate(STEPS):
        scene.world.clock.advance(1.0)
        for left in reversed(range(TRIES)):
            scene.world.seeds.seed(number)
            try:
                await step(scene)
            except UnavailableError as error:
                await told(f"refused {error.detail.get('reason')}")
                if not left:
                    raise
            else:
                break
        await told(name)
    await database.close()


async def _scene(database: SqliteDatabase, folder: Path) -> Scene:
    clock, waker, seeds, figures = ManualClock(), Waker(), random.Random(1), LeaseFigures()
    catalog, suts = CatalogService(database, clock), sut_service(database, clock)
    executions = ExecutionService(database, clock, figures, waker, catalog=catalog, suts=suts, randomness=seeds)
    ((model,), _) = await catalog.list_models(REALM)
    world = World(
        database=database,
        clock=clock,
        figures=figures,
        waker=waker,
        catalog=catalog,
        executions=executions,
        suts=suts,
        model_uuid=model.uuid,
        seeds=seeds,
    )
    agents = agent_service(world, folder)
    return Scene(world, agents, await agents.id_of(REALM, "rack-1"))


def _child(folder: Path, thread: str, die: bool) -> None:
    out = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def told(what: str) -> None:
        os.write(out, f"{what}\n".encode())
        if die and what.startswith("refused"):
            os.kill(os.getpid(), signal.SIGKILL)

    def stop(_database: SqliteDatabase) -> None:
        (writer,) = [thread.native_id for thread in threading.enumerate() if thread.name == "melanzana-writer"]
        assert writer is not None
        _wait_to_be_traced(folder, writer)

    if thread == "migrating writer":
        asyncio.run(_migrate(folder, stop))
        return
    if thread == "main":
        _wait_to_be_traced(folder, os.getpid())
    asyncio.run(perform(folder, told, stop if thread == "writer" else lambda _: None))


async def _migrate(folder: Path, opened: Callable[[SqliteDatabase], None]) -> None:
    """Bring a database to the newest schema, as the server does at its start."""
    database = SqliteDatabase.open(folder / FILE)
    opened(database)
    await migrate(database)
    await database.close()


def _wait_to_be_traced(folder: Path, thread: int) -> None:
    """Not by SIGSTOP: a tracer that attaches to a stopped process may miss that it goes on."""
    (folder / "told").touch()
    (folder / "tid.new").write_text(str(thread))
    (folder / "tid.new").rename(folder / "tid")
    while not (folder / "go").exists():
        time.sleep(0.001)


def main(folder: Path) -> None:
    configure("ERROR", "text")  # to stderr: stdout is what the tracer reads
    asyncio.run(_warm_up(folder))
    gc.freeze()
    os.write(1, b"ready\n")
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                _child(Path(job["folder"]), job["thread"], job["die"])
            except UnavailableError:
                os._exit(REFUSED)
            os._exit(0)
        os.write(1, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


async def _warm_up(folder: Path) -> None:
    """The template, and every step once: statements that are compiled here are compiled in every child."""

    async def told(_what: str) -> None:
        return

    await prepare(folder / "template")
    (folder / "warm").mkdir()
    shutil.copy(folder / "template" / FILE, folder / "warm" / FILE)
    await perform(folder / "warm", told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
