"""What was acknowledged survives a killed process, and a full disk is an answer, not a disaster."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

import support_writer
from melanzana.storage.database import SqliteDatabase
from support_storage import rows

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
ROUNDS = 12


def _writer(path: Path, mode: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, support_writer.__file__, str(path), mode], stdout=subprocess.PIPE, text=True)


def _kill_after(process: "subprocess.Popen[str]", lines: int) -> list[int]:
    """Kill -9 once that many rows were acknowledged; gives every number that was, also those told while it died."""
    assert process.stdout is not None
    with process.stdout as output:
        told = [next(output) for _ in range(lines)]
        process.kill()
        told += list(output)
    process.wait()
    return [json.loads(line)["acknowledged"] for line in told if line.endswith("\n")]


async def test_killed_again_and_again(tmp_path: Path) -> None:
    """After each kill -9 every acknowledged row is there, whole, and the next start needs no repair by hand."""
    path, random, acknowledged = tmp_path / "test.db", Random(7), set[int]()
    for _ in range(ROUNDS):
        acknowledged.update(_kill_after(_writer(path, "kill"), random.randrange(1, 400)))
        database = SqliteDatabase.open(path)
        kept = await database.read(rows("SELECT n FROM notes WHERE length(body) = 2000"))
        assert acknowledged <= set(kept)
        assert await database.read(lambda tx: tx.execute(text("PRAGMA integrity_check")).scalar_one()) == "ok"
        await database.close()
    assert len(acknowledged) > ROUNDS * 20


def test_full_disk(tmp_path: Path) -> None:
    """On a full disk changes are unavailable, questions are answered, nothing half is kept, and room brings it back."""
    process = _writer(tmp_path / "test.db", "full")
    output, _ = process.communicate(timeout=60)
    told = json.loads(output.splitlines()[-1])
    assert told["refused"] == ["UnavailableError"]
    assert len(told["acknowledged"]) > 10
    assert told["while_full"] == len(told["acknowledged"])
    assert told["kept"] == [*told["acknowledged"], 10_000]
    assert told["check"] == "ok"
