"""What only PostgreSQL has: several servers, connections that break, addresses."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence

import psycopg
import pytest
from sqlalchemy import Connection, text

from melanzana.errors import SettingsError, UnavailableError
from melanzana.storage.migrations import migrate
from melanzana.storage.postgresql import PostgresqlDatabase, shown
from support_storage import rows, statement

pytestmark = pytest.mark.anyio

_COUNT = "UPDATE counter SET n = :n"


@pytest.fixture
async def two(postgresql: str) -> AsyncIterator[tuple[PostgresqlDatabase, PostgresqlDatabase]]:
    """Two servers' views of one database with a counter."""
    one, other = PostgresqlDatabase.open(postgresql), PostgresqlDatabase.open(postgresql)
    await one.write(statement("CREATE TABLE counter (n INTEGER)"))
    await one.write(statement("INSERT INTO counter VALUES (0)"))
    yield one, other
    await one.close()
    await other.close()


def _count(tx: Connection) -> None:
    """Look, then write what was seen: wrong as soon as somebody comes in between."""
    seen = tx.execute(text("SELECT n FROM counter")).scalar_one()
    tx.execute(text(_COUNT), {"n": seen + 1})


async def test_changes_of_several_servers_take_turns(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """A change that looks and then writes loses nothing, whichever servers make it."""
    await asyncio.gather(*[database.write(_count) for _ in range(200) for database in two])
    assert await two[0].read(rows("SELECT n FROM counter")) == [400]


async def test_what_one_commits_the_other_sees(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """A question to one server sees every change that another has acknowledged before."""
    for number in range(20):
        await two[number % 2].write(statement(_COUNT, n=number))
        assert await two[1 - number % 2].read(rows("SELECT n FROM counter")) == [number]


async def test_a_connection_cut_while_idle_is_replaced(two: tuple[PostgresqlDatabase, PostgresqlDatabase], postgresql: str) -> None:
    """After the server has closed every connection, the next question and the next change simply work."""
    for database in two:
        await database.write(_count)
        await database.read(rows("SELECT 1"))
    _cut(postgresql)
    for database in two:
        assert await database.read(rows("SELECT n FROM counter")) == [2 if database is two[0] else 3]
        await database.write(_count)


async def test_a_connection_cut_within_a_change_says_so(postgresql: str) -> None:
    """A change whose connection breaks is answered with UnavailableError, keeps nothing, and the next one works."""
    database = PostgresqlDatabase.open(postgresql)
    await database.write(statement("CREATE TABLE counter (n INTEGER)"))

    def breaks(tx: Connection) -> None:
        tx.execute(text("INSERT INTO counter VALUES (1)"))
        _cut(postgresql)
        tx.execute(text("INSERT INTO counter VALUES (2)"))

    with pytest.raises(UnavailableError, match="nothing was changed"):
        await database.write(breaks)
    assert await database.read(rows("SELECT n FROM counter")) == []
    await database.write(statement("INSERT INTO counter VALUES (3)"))
    await database.close()


async def test_a_commit_without_an_answer_is_not_called_undone(postgresql: str) -> None:
    """When the connection breaks at the COMMIT itself, the answer says that the outcome is not known."""
    database = PostgresqlDatabase.open(postgresql)
    await database.write(statement("CREATE TABLE counter (n INTEGER)"))
    for sql in (
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
    ):
        await database.write(statement(sql))
    with pytest.raises(UnavailableError, match="look whether it took effect"):
        await database.write(statement("INSERT INTO counter VALUES (1)"))
    await database.close()


async def test_a_server_that_was_killed_holds_nothing_up(postgresql: str) -> None:
    """The turn of a process that is killed in the middle of a change falls to the next one at once."""
    code = (
        "import asyncio, sys\n"
        "from sqlalchemy import text\n"
        "from melanzana.storage.postgresql import PostgresqlDatabase\n"
        "def change(tx):\n"
        "    tx.execute(text('CREATE TABLE half (n INTEGER)'))\n"
        "    print('in', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(PostgresqlDatabase.open(sys.argv[1]).write(change))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, postgresql], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    database = PostgresqlDatabase.open(postgresql)
    waiting = asyncio.ensure_future(database.write(statement("CREATE TABLE whole (n INTEGER)")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    await waiting
    assert await database.read(rows("SELECT tablename FROM pg_tables WHERE tablename IN ('half', 'whole')")) == ["whole"]
    await database.close()


async def test_servers_that_start_together_migrate_once(postgresql: str) -> None:
    """Several servers may bring the schema up to date at the same time."""
    databases = [PostgresqlDatabase.open(postgresql) for _ in range(3)]
    await asyncio.gather(*[migrate(database) for database in databases])
    assert len(await databases[0].read(rows("SELECT version_num FROM alembic_version"))) == 1
    for database in databases:
        await database.close()


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("UPDATE audit SET action = 'x'", "only ever added to"),
        ("DELETE FROM audit", "only ever added to"),
        ("TRUNCATE audit", "only ever added to"),
        ("DELETE FROM audit_heads", "only moves forward"),
        ("UPDATE audit_heads SET number = 0", "only moves forward"),
    ],
)
async def test_the_audit_trail_is_kept(postgresql: str, sql: str, refusal: str) -> None:
    """PostgreSQL itself refuses to change or remove records of the audit trail."""
    database = PostgresqlDatabase.open(postgresql)
    await migrate(database)
    await database.write(statement("INSERT INTO audit VALUES ('r', 1, 1, 'a', 'o', 'k', 'i', 'n', '', '', '{}', '', 'h')"))
    await database.write(statement("INSERT INTO audit_heads VALUES ('r', 1, 'h')"))
    with pytest.raises(Exception, match=refusal):
        await database.write(statement(sql))
    await database.close()


async def test_all_servers_share_the_database_clock(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """What time it is, the database says: to whomever asks, later instants later."""
    asked = [await two[number % 2].instant() for number in range(6)]
    assert asked == sorted(asked)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://host/name", "must be an address such as"),
        ("postgresql://user:geheim@host:port/name", "must be an address such as"),
        ("postgresql://user:geheim@127.0.0.1:1/name", "postgresql://user:[*]{3}@127.0.0.1:1/name cannot be opened"),
    ],
)
def test_addresses_that_cannot_be_used(address: str, told: str) -> None:
    """An address that cannot be used is refused with the fix, and without its password."""
    with pytest.raises(SettingsError, match=told) as refused:
        PostgresqlDatabase.open(address)
    assert "geheim" not in str(refused.value)
    assert "geheim" not in shown(address)


@pytest.mark.parametrize(
    ("option", "told"), [("synchronous_commit=off", "before it has written"), ("default_transaction_isolation=serializable", "")]
)
async def test_durability_is_demanded(postgresql: str, option: str, told: str) -> None:
    """A database that acknowledges before it has written is refused; other options of the address are taken."""
    address = f"{postgresql}?options=-c%20{option}"
    if told:
        with pytest.raises(SettingsError, match=told):
            PostgresqlDatabase.open(address)
        return
    database = PostgresqlDatabase.open(address)
    assert await database.write(lambda tx: tx.exec_driver_sql("SHOW transaction_isolation").scalar_one()) == "serializable"
    await database.close()


def _cut(address: str) -> None:
    """End every other connection to the database, as a restart of PostgreSQL does."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_rows_are_changed_beside_the_turns(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """Changes that lock the row they look at lose nothing, on whichever server and writer they run, while turns are taken."""

    def count(tx: Connection) -> None:
        tx.execute(text("SELECT n FROM counter FOR UPDATE"))
        _count(tx)

    changes = [database.write_row(count, f"{number % 7}") for number in range(100) for database in two]
    turns = [database.write(count) for _ in range(50) for database in two]
    await asyncio.gather(*changes, *turns)
    assert await two[0].read(rows("SELECT n FROM counter")) == [300]


async def test_two_that_wait_for_each_other_are_both_carried_out(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """When PostgreSQL gives one of them up, it is carried out again."""
    await two[0].write(statement("CREATE TABLE pair (id INTEGER, n INTEGER)"))
    await two[0].write(statement("INSERT INTO pair VALUES (1, 0), (2, 0)"))

    def change(first: int, second: int) -> Callable[[Connection], None]:
        def both(tx: Connection) -> None:
            tx.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": first})
            tx.execute(text("SELECT pg_sleep(0.3)"))
            tx.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": second})

        return both

    await asyncio.gather(two[0].write_row(change(1, 2), "a"), two[1].write_row(change(2, 1), "b"))
    assert await two[0].read(rows("SELECT n FROM pair ORDER BY id")) == [2, 2]


async def test_the_same_key_from_two_servers_is_kept_once(two: tuple[PostgresqlDatabase, PostgresqlDatabase]) -> None:
    """Of lots that break a rule together, each item is tried alone, and then sees what the other server has kept."""
    await two[0].write(statement("CREATE TABLE keys (k INTEGER PRIMARY KEY, by INTEGER)"))

    def keeping(by: int) -> Callable[[Connection, Sequence[int]], list[int]]:
        def keep(tx: Connection, keys: Sequence[int]) -> list[int]:
            known = {row.k: row.by for row in tx.execute(text("SELECT k, by FROM keys"))}
            fresh = [key for key in keys if key not in known]
            for key in fresh:
                tx.execute(text("INSERT INTO keys VALUES (:k, :by)"), {"k": key, "by": by})
            return [by if key in fresh else known[key] for key in keys]

        return keep

    kinds = [keeping(0), keeping(1)]
    answers = await asyncio.gather(*(two[by].write_each(kinds[by], key) for key in range(60) for by in (0, 1)))
    kept = await two[0].read(rows("SELECT by FROM keys ORDER BY k"))
    assert list(answers[::2]) == list(answers[1::2]) == kept


async def test_a_glance_outlives_a_broken_connection(two: tuple[PostgresqlDatabase, PostgresqlDatabase], postgresql: str) -> None:
    """Glances share a connection of their own, which is replaced without a word."""
    assert await two[0].glance(rows("SELECT 1")) == [1]
    _cut(postgresql)
    assert await asyncio.gather(*(two[0].glance(rows(f"SELECT {number}")) for number in range(20))) == [[n] for n in range(20)]
