"""Every system call of a start, claim, report, finish and abort is made to fail or to be the last; what was acknowledged is there.

The calls are counted, not guessed: the N-th call on the database's files is hit for N = 1, 2, … until a run ends unharmed. What is
in the file afterwards must be, row by row, what a run without faults had after one of the commits between the last answer and the
next. Invariants I-1, I-10 and I-12.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from melanzana.storage.database import SqliteDatabase
from melanzana.storage.engines import driver_of
from melanzana.storage.migrations import upgrade
from support_faults import FILE, STEPS, perform
from support_storage import rows
from support_tracer import WRITING, Outcome, Tracer

pytestmark = pytest.mark.slow
Fault = Callable[[int], str]  #: strace's words for the N-th call
Figure = Callable[[str], None]
SYNCHRONISING = "fdatasync,fsync"
CHANGING = "pwrite64,ftruncate,fallocate"
#: Fewer calls than this would mean that the faults do not hit what is meant.
LEAST = {SYNCHRONISING: 9, CHANGING: 150}
#: The revision of an older database, and every how many-th page that its migration writes is tried.
OLDER, EVERY = "0007_clients", 23
#: More calls than any thread makes.
ENDLESS = 1_000


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    running = Tracer(tmp_path_factory.mktemp("faults"))
    yield running
    running.close()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Shows a line at the end of the run."""
    return lambda text: record_property("figure", text)


@dataclass
class Reference:
    """A run without faults: what the file held at first and after each change, and how far it was at each answer."""

    states: list[str]
    answers: list[int]

    async def look(self, database: SqliteDatabase) -> None:
        state = await database.read(_digest)
        if state != self.states[-1]:
            self.states.append(state)

    def place(self, state: str) -> int:
        """The place of this state in the run. Fails for one that is none of it."""
        assert state in self.states, "the file holds a part of a change"
        return self.states.index(state)

    def between(self, outcome: Outcome) -> range:
        """The places between the last answer that the child had and the one that did not come any more."""
        given = [0, *self.answers, self.answers[-1]]
        return range(given[outcome.answered], given[outcome.answered + 1] + 1)


@pytest.fixture(scope="module")
def reference(tracer: Tracer) -> Reference:
    seen = Reference([_content(tracer.fresh("before"))], [])

    def watched(database: SqliteDatabase, change: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def changed(*arguments: Any) -> Any:
            answer = await change(*arguments)
            await seen.look(database)
            return answer

        return changed

    def watch(database: SqliteDatabase) -> None:
        verbs = [name for name in dir(database) if name.startswith("write") and iscoroutinefunction(getattr(database, name))]
        for name in verbs:
            setattr(database, name, watched(database, getattr(database, name)))

    async def told(_what: str) -> None:
        seen.answers.append(len(seen.states) - 1)

    asyncio.run(perform(tracer.fresh("reference"), told, watch))
    assert len(set(seen.states)) == len(seen.states) > len(STEPS)
    return seen


def _digest(tx: Connection) -> str:
    driver = driver_of(tx)
    assert driver.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return hashlib.sha256("\n".join(driver.iterdump()).encode()).hexdigest()


def _content(folder: Path) -> str:
    """Opened as the server opens it: recovery needs nobody's help."""

    async def look() -> str:
        database = SqliteDatabase.open(folder / FILE)
        try:
            return await database.read(_digest)
        finally:
            await database.close()

    return asyncio.run(look())


def _every(tracer: Tracer, thread: str, fault: Fault, calls: str, *, die: bool = False) -> Iterator[Outcome]:
    """One outcome for each of these calls that the thread makes on the database's files."""
    for call in calls.split(","):  # one kind at a time: strace counts each for itself
        for number in range(1, ENDLESS):
            outcome = tracer.run(thread, call, f"{fault(number)}:when={number}", die=die)
            if outcome.exit_code == 0 and not outcome.injected:
                assert outcome.answered == len(STEPS)
                break
            yield outcome


@pytest.mark.parametrize(("thread", "least"), [("main", 10), ("writer", 150)])
def test_killed_at_every_call(tracer: Tracer, reference: Reference, thread: str, least: int, figure: Figure) -> None:
    """kill -9 at each call that writes: every answer is kept, no change is there in part, and the next start needs no help."""
    points = 0
    for outcome in _every(tracer, thread, lambda _: "signal=KILL", WRITING):
        assert outcome.exit_code == -9
        assert reference.place(_content(outcome.folder)) in reference.between(outcome), outcome.told
        points += 1
    figure(f"kill -9 at each of {points} calls of the {thread} thread: nothing acknowledged is lost")
    assert points >= least


def _broken(number: int) -> str:
    """A full disk and a broken one by turns; both calls of a page of the log get the same."""
    return "error=EIO" if (number + number // 2) % 2 else "error=ENOSPC"


@pytest.mark.parametrize(
    ("fault", "calls"),
    [(_broken, CHANGING), (lambda _: "error=EIO", SYNCHRONISING), (lambda _: "error=ENOSPC", SYNCHRONISING)],
    ids=["every call", "EIO when synchronised", "ENOSPC when synchronised"],
)
def test_refused_at_every_call(tracer: Tracer, reference: Reference, fault: Fault, calls: str, figure: Figure) -> None:
    """A full or broken disk at each call that writes: the caller is refused and sends the same again, and nothing is amiss.

    The log of changes is opened anew before it is written again: what a failed synchronisation left in it is never trusted.
    """
    points = 0
    for outcome in _every(tracer, "writer", fault, calls):
        assert outcome.exit_code == 0, outcome.told
        assert len(outcome.refused) == 1, outcome.told
        assert _content(outcome.folder) == reference.states[-1]
        assert _opened_anew(outcome), outcome.trace
        points += 1
    figure(f"a full or broken disk at each of {points} calls ({calls}): refused once, then carried out")
    assert points >= LEAST[calls]


def _opened_anew(outcome: Outcome) -> bool:
    """Between the failed call and the next one that writes, the thread opened the log again."""
    failed = next(number for number, line in enumerate(outcome.trace) if "(INJECTED)" in line)
    after = (line for line in outcome.trace[failed + 1 :] if line.startswith(("openat", "pwrite64")))
    return "-wal" in next(after) and next(after, "").startswith(("openat", "pwrite64"))


def test_what_was_refused_does_not_come_back(tracer: Tracer, reference: Reference, figure: Figure) -> None:
    """Killed right after a failed synchronisation was answered with `nothing was changed`, the server finds nothing of it."""
    points = 0
    for outcome in _every(tracer, "writer", lambda _: "error=EIO", SYNCHRONISING, die=True):
        assert (outcome.exit_code, outcome.refused) == (-9, ("SQLITE_IOERR_FSYNC",))
        assert reference.place(_content(outcome.folder)) in reference.between(outcome)[:-1]  # not where that answer leads
        points += 1
    figure(f"kill -9 after each of {points} failed synchronisations: nothing that was refused comes back")


def test_a_migration_is_done_whole_or_not_at_all(tracer: Tracer, figure: Figure, tmp_path: Path) -> None:
    """kill -9 all over the migration of an older database: it is the old one or the new one, and the next start finishes."""
    older = tmp_path / FILE
    old = asyncio.run(_made(older, upgrade_to=OLDER))
    new = asyncio.run(_made(tmp_path / "new.db", upgrade_to="head"))
    points = 0
    for call, numbers in (("fdatasync", range(1, ENDLESS)), ("pwrite64", range(1, ENDLESS, EVERY))):
        for number in numbers:
            outcome = tracer.run("migrating writer", call, f"signal=KILL:when={number}", file=older)
            if outcome.exit_code == 0:
                break
            assert asyncio.run(_schema(outcome.folder / FILE)) in {old, new}
            asyncio.run(_made(outcome.folder / FILE, upgrade_to="head"))
            assert asyncio.run(_schema(outcome.folder / FILE)) == new
            points += 1
    figure(f"kill -9 at {points} calls of a migration: done whole or not at all, and finished by the next start")
    assert points >= 5


async def _made(file: Path, upgrade_to: str) -> str:
    """Brings the file to that revision; its schema."""
    database = SqliteDatabase.open(file)
    await database.write(lambda tx: upgrade(tx, upgrade_to))
    await database.close()
    return await _schema(file)


async def _schema(file: Path) -> str:
    database = SqliteDatabase.open(file)
    try:
        return "\n".join(await database.read(rows("SELECT coalesce(sql, name) FROM sqlite_master ORDER BY name")))
    finally:
        await database.close()
