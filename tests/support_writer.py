"""A process that writes rows and says which were acknowledged, for tests that kill it or fill its disk.

Usage: `python support_writer.py DATABASE kill|full`. One JSON object a line on stdout.
"""

import asyncio
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from melanzana.errors import UnavailableError
from melanzana.storage.database import SqliteDatabase

_BODY = "x" * 2_000


def say(**values: Any) -> None:
    """One line, in one system call: it is out when this returns."""
    os.write(1, (json.dumps(values) + "\n").encode())


def insert(number: int) -> Any:
    def change(tx: Connection) -> None:
        tx.execute(text("INSERT INTO notes VALUES (:n, :body)"), {"n": number, "body": _BODY})

    return change


async def prepare(database: SqliteDatabase) -> int:
    """The table, made when missing; gives the next free number."""

    def change(tx: Connection) -> int:
        tx.execute(text("CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, body TEXT)"))
        return int(tx.execute(text("SELECT coalesce(max(n), -1) + 1 FROM notes")).scalar_one())

    return await database.write(change)


async def write_for_ever(database: SqliteDatabase) -> None:
    """Twenty callers at once, each telling a number only after its commit, until somebody kills the process."""
    numbers = iter(range(await prepare(database), sys.maxsize))

    async def call() -> None:
        for number in numbers:
            await database.write(insert(number))
            say(acknowledged=number)

    await asyncio.gather(*[call() for _ in range(20)])


async def fill_the_disk(database: SqliteDatabase) -> None:
    """Write until files may grow no more, go on trying, then get room again."""
    await prepare(database)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    acknowledged, refused = [], []
    for first in range(0, 1_000, 10):
        numbers = range(first, first + 10)
        outcomes = await asyncio.gather(*[database.write(insert(number)) for number in numbers], return_exceptions=True)
        acknowledged += [number for number, outcome in zip(numbers, outcomes, strict=True) if outcome is None]
        refused += [type(outcome).__name__ for outcome in outcomes if outcome is not None]
        if len(refused) >= 30:
            break
    count = text("SELECT count(*) FROM notes")
    while_full = await database.read(lambda tx: tx.execute(count).scalar_one())
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await database.write(insert(10_000))
    kept = await database.read(lambda tx: list(tx.execute(text("SELECT n FROM notes ORDER BY n")).scalars()))
    check = await database.read(lambda tx: tx.execute(text("PRAGMA integrity_check")).scalar_one())
    say(acknowledged=acknowledged, refused=sorted(set(refused)), while_full=while_full, kept=kept, check=check)


async def main(path: Path, mode: str) -> None:
    database = SqliteDatabase.open(path)
    try:
        await (write_for_ever(database) if mode == "kill" else fill_the_disk(database))
    except UnavailableError as error:
        say(error=error.message)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
