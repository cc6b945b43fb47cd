"""The trail takes what happens, gives it back, and refuses to be changed."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from melanzana.access.records import Actor
from melanzana.audit.chain import FIRST_HASH
from melanzana.audit.records import Action, AuditEntry, AuditFilter, Head, Outcome
from melanzana.audit.service import AuditService
from melanzana.clock import SystemClock
from melanzana.errors import UnavailableError
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.migrations import migrate
from support_audit import Trail
from support_storage import rows, statement

pytestmark = pytest.mark.anyio
ADA = Actor(kind="user", id="u-1", name="Ada", address="192.0.2.1")
CI = Actor(kind="api_client", id="client:dai:api:integration:1", name="nightly", address="192.0.2.2")


def entry(action: str = Action.CLIENT_CREATE, actor: Actor = ADA, realm: str = "eggplant", **more: object) -> AuditEntry:
    return AuditEntry(realm=realm, action=action, actor=actor, **more)  # type: ignore[arg-type]


async def _numbers(trail: Trail, where: AuditFilter) -> list[int]:
    return [record.number for record in await trail.audit.records("eggplant", where)]


async def test_what_was_recorded_comes_back(trail: Trail) -> None:
    """A record has its number, its instant, and all that the room said; the newest comes first."""
    first = entry(subject="c-1", detail={"name": "ci", "scopes": "models:read"})
    await trail.audit.note(first)
    trail.clock.move(1)
    await trail.audit.note(entry(Action.LOGIN, outcome=Outcome.FAILURE))
    newest, oldest = await trail.audit.records("eggplant")
    assert (oldest.number, oldest.entry, oldest.previous_hash) == (1, first, FIRST_HASH)
    assert (newest.number, newest.entry.outcome, newest.previous_hash) == (2, "failure", oldest.hash)
    assert newest.at - oldest.at == timedelta(seconds=1)


async def test_record_goes_with_its_change(trail: Trail) -> None:
    """What is recorded in a change that fails is not there, and the next record takes its number."""

    def change(tx: Connection) -> None:
        trail.audit.record(tx, entry())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await trail.database.write(change)
    assert await trail.audit.records("eggplant") == []
    await trail.audit.note(entry())
    assert (await trail.audit.verify("eggplant")).records == 1


async def test_filters(trail: Trail) -> None:
    """Records are found by action or kind of action, actor, subject, outcome, text anywhere, and time."""
    for number, wanted in enumerate(
        [
            entry(Action.CLIENT_CREATE, subject="c-1"),
            entry(Action.CLIENT_REVOKE, subject="c-1"),
            entry(Action.TOKEN_GRANT, actor=CI, subject="c_2"),
            entry(Action.LOGIN, outcome=Outcome.FAILURE, detail={"reason": "100% wrong"}),
        ]
    ):
        trail.clock.move(60 if number else 0)
        await trail.audit.note(wanted)
    now = trail.clock.now()
    assert await _numbers(trail, AuditFilter(action="client.create")) == [1]
    assert await _numbers(trail, AuditFilter(action="client")) == [2, 1]
    assert await _numbers(trail, AuditFilter(action="cli")) == []
    assert await _numbers(trail, AuditFilter(actor="nightly")) == await _numbers(trail, AuditFilter(actor=CI.id)) == [3]
    assert await _numbers(trail, AuditFilter(subject="c-1", action="client.revoke")) == [2]
    assert await _numbers(trail, AuditFilter(outcome="failure")) == [4]
    assert await _numbers(trail, AuditFilter(text="NIGHT")) == [3]
    assert await _numbers(trail, AuditFilter(text="100%")) == await _numbers(trail, AuditFilter(text="%")) == [4]
    assert await _numbers(trail, AuditFilter(text="c_")) == [3]
    assert await _numbers(trail, AuditFilter(text="192.0.2.1")) == [4, 2, 1]
    assert await _numbers(trail, AuditFilter(since=now - timedelta(seconds=60))) == [4, 3]
    assert await _numbers(trail, AuditFilter(until=now - timedelta(seconds=60))) == [2, 1]


async def test_pages_and_export(trail: Trail) -> None:
    """A cursor walks the trail without a gap, and an export gives every record once."""
    await asyncio.gather(*[trail.audit.note(entry(subject=str(number))) for number in range(25)])
    page = await trail.audit.records("eggplant", limit=10)
    rest = await trail.audit.records("eggplant", before=page[-1].number, limit=100)
    assert [record.number for record in [*page, *rest]] == list(range(25, 0, -1))
    exported = [record.number async for part in trail.audit.export("eggplant") for record in part]
    assert exported == list(range(25, 0, -1))


async def test_realms_are_apart(trail: Trail) -> None:
    """Each realm has a chain of its own, also when notes of several come together, and sees no other's."""
    await asyncio.gather(*[trail.audit.note(entry(realm=("a", "b")[number % 2], subject=str(number))) for number in range(20)])
    for realm, subjects in (("a", range(0, 20, 2)), ("b", range(1, 20, 2))):
        found = await trail.audit.records(realm)
        assert [record.entry.subject for record in reversed(found)] == [str(number) for number in subjects]
        assert (await trail.audit.verify(realm)).ok
    assert await trail.audit.records("c") == []


async def test_empty_trail(trail: Trail) -> None:
    """A trail with nothing in it is whole."""
    found = await trail.audit.verify("eggplant")
    assert (found.records, found.ok, found.first_broken, found.head_hash) == (0, True, None, FIRST_HASH)


_TAMPERINGS: dict[str, Sequence[str]] = {
    "changed": ["UPDATE audit SET actor_name = 'Eve' WHERE number = 3"],
    "changed type": ["UPDATE audit SET subject = 7 WHERE number = 3"],
    "not JSON": ["UPDATE audit SET detail = '{' WHERE number = 3"],
    "earlier": ["UPDATE audit SET at = at - 1 WHERE number = 3"],
    "removed": ["DELETE FROM audit WHERE number = 3"],
    "cut": ["DELETE FROM audit WHERE number >= 3"],
    "cut with its end": [
        "DELETE FROM audit WHERE number >= 3",
        "UPDATE audit_heads SET number = 2, hash = (SELECT hash FROM audit WHERE number = 2)",
    ],
    "moved": [
        "UPDATE audit SET number = 99 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 99",
    ],
    "end forgotten": ["DELETE FROM audit_heads"],
}


@pytest.mark.parametrize("name", _TAMPERINGS)
async def test_tampering_is_found(name: str, trail: Trail) -> None:
    """Whatever somebody does who removed the triggers, the first touched record is named and the trail can still be read."""
    for number in range(6):
        await trail.audit.note(entry(subject=str(number), detail={"n": str(number)}))
    kept = await trail.audit.head("eggplant")
    assert (await trail.audit.verify("eggplant", kept)).ok
    for trigger in await trail.database.read(rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'")):
        await trail.database.write(statement(f"DROP TRIGGER {trigger}"))
    for sql in _TAMPERINGS[name]:
        await trail.database.write(statement(sql))
    found = await trail.audit.verify("eggplant", kept)
    assert (found.ok, found.first_broken) == (False, 1 if name == "end forgotten" else 3)
    assert len(await trail.audit.records("eggplant")) == found.records or name == "end forgotten"
    if name == "cut with its end":
        assert (await trail.audit.verify("eggplant")).ok, "only an end kept outside shows this"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor_name = 'Eve'",
        "UPDATE audit SET hash = hash",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE number = 1",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 1",
        "UPDATE audit_heads SET number = 0",
        "UPDATE audit_heads SET hash = 'x'",
        "UPDATE audit_heads SET realm = 'other', number = 9",
        "DELETE FROM audit_heads",
        "INSERT OR REPLACE INTO audit_heads VALUES ('eggplant', 0, '')",
    ],
)
async def test_database_refuses(sql: str, trail: Trail) -> None:
    """The database itself refuses to change, remove or replace a record, and to move the end of a chain back."""
    for _ in range(2):
        await trail.audit.note(entry())
    with pytest.raises(IntegrityError, match="audit trail"):
        await trail.database.write(statement(sql))
    assert (await trail.audit.verify("eggplant")).ok


async def test_hostile_texts(trail: Trail) -> None:
    """Line breaks, NUL, lone surrogates and 64 kB neither break the chain nor a note beside them."""
    hostile = Actor(kind="nobody", id="\ud800" * 65_536, name="a\r\nb", address="\x00")
    good, _ = await asyncio.gather(trail.audit.note(entry()), trail.audit.note(entry(actor=hostile, detail={"\n": "\x00"})))
    assert good is None
    found = await trail.audit.records("eggplant")
    assert found[0].entry.actor.name == r"a\r\nb"
    assert (await trail.audit.verify("eggplant")).ok


async def test_concurrent_writers_do_not_fork(tmp_path: Path) -> None:
    """A server and a visitor that write at the same time share one chain without gap or fork."""
    databases = [SqliteDatabase.open(tmp_path / "test.db"), SqliteDatabase.open(tmp_path / "test.db", role="visitor")]
    await migrate(databases[0])
    trails = [AuditService(database, SystemClock()) for database in databases]

    async def write(audit: AuditService, name: str) -> None:
        for number in range(40):
            await audit.note(entry(subject=f"{name} {number}"))

    await asyncio.gather(*[write(trails[number % 2], str(number)) for number in range(6)])
    found = await trails[0].verify("eggplant")
    assert (found.ok, found.records) == (True, 240)
    subjects = [record.entry.subject for record in reversed(await trails[1].records("eggplant", limit=240))]
    for number in range(6):
        mine = [subject for subject in subjects if subject.startswith(f"{number} ")]
        assert mine == [f"{number} {count}" for count in range(40)]
    for database in databases:
        await database.close()


async def test_notes_share_a_commit(tmp_path: Path) -> None:
    """Many notes at once need few transactions, and each is durable when its caller goes on."""
    database = SqliteDatabase.open(tmp_path / "test.db")
    await migrate(database)
    audit = AuditService(database, SystemClock())
    before = database.writer.changes
    await asyncio.gather(*[audit.note(entry(subject=str(number))) for number in range(500)])
    assert database.writer.changes - before <= 4
    await database.close()
    again = SqliteDatabase.open(tmp_path / "test.db")
    assert (await AuditService(again, SystemClock()).verify("eggplant")).records == 500
    await again.close()


async def test_note_without_a_database(trail: Trail) -> None:
    """A note that cannot be written says so to everybody who waits, and the next one is tried again."""
    await trail.database.close()
    for _ in range(2):
        results = await asyncio.gather(*[trail.audit.note(entry()) for _ in range(3)], return_exceptions=True)
        assert [type(result) for result in results] == [UnavailableError] * 3


async def test_caller_that_leaves(trail: Trail) -> None:
    """A note whose caller was cancelled is kept all the same."""
    task = asyncio.create_task(trail.audit.note(entry()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await trail.audit.note(entry())
    assert (await trail.audit.verify("eggplant")).records == 2


async def test_verification_reads_in_pages(trail: Trail) -> None:
    """A trail of many records is followed to its end."""

    await asyncio.gather(*[trail.audit.note(entry(subject=str(number))) for number in range(4_321)])
    found = await trail.audit.verify("eggplant", Head(number=0, hash=FIRST_HASH))
    assert (found.ok, found.records) == (True, 4_321)
    stored = await trail.database.read(lambda tx: tx.execute(text("SELECT hash FROM audit WHERE number = 4321")).scalar_one())
    assert found.head_hash == stored
