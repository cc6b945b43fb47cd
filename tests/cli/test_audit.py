"""`melanzana audit` reads, verifies and saves the trail of a data folder."""

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.audit.service import AuditService
from melanzana.cli.audit import app
from melanzana.clock import SystemClock
from melanzana.errors import NotFoundError, RequestError, SettingsError
from melanzana.storage.database import SqliteDatabase
from melanzana.storage.engines import writer_engine
from melanzana.storage.migrations import migrate

Audit = Callable[..., Result]
ADA = Actor(kind="user", id="u-1", name="Ada", address="192.0.2.1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with three records of Ada's."""

    async def fill() -> None:
        database = SqliteDatabase.open(tmp_path / "data" / "melanzana.db")
        await migrate(database)
        audit = AuditService(database, SystemClock())
        for number, outcome in enumerate((Outcome.SUCCESS, Outcome.FAILURE, Outcome.SUCCESS)):
            entry = AuditEntry(
                realm="eggplant", action=Action.LOGIN, actor=ADA, subject=f"s-{number}", outcome=outcome, detail={"a": "b"}
            )
            await audit.note(entry)
        await database.close()

    asyncio.run(fill())
    return tmp_path / "data"


@pytest.fixture
def audit(data: Path) -> Audit:
    """Runs `melanzana audit …` on the data folder; its errors are raised."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)

    return run


def test_list(audit: Audit) -> None:
    """The newest first; a query chooses."""
    lines = audit("list", "actor:Ada").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    (failed,) = audit("list", "actor:Ada outcome:failure").stdout.splitlines()[1:]
    assert {"login", "failure", "Ada", "192.0.2.1", "s-1", "a=b"} < set(failed.split())
    with pytest.raises(RequestError):
        audit("list", "since:yesterday")
    with pytest.raises(NotFoundError):
        audit("list", "--realm", "nowhere")


def test_verify(audit: Audit, data: Path) -> None:
    """A whole trail shows its end; what was shown can be held against it; a changed record ends with 1 and is named."""
    whole = audit("verify")
    end = whole.stdout.splitlines()[-1]
    assert whole.exit_code == 0
    assert audit("verify", "--expect", end).exit_code == 0
    number, _, _ = end.partition(":")
    assert audit("verify", "--expect", f"{number}:{'0' * 64}").exit_code == 1
    with pytest.raises(SettingsError):
        audit("verify", "--expect", "7")
    with writer_engine(data / "melanzana.db").begin() as connection:
        connection.execute(text("DROP TRIGGER audit_kept_update"))
        connection.execute(text("UPDATE audit SET actor_name = 'Eve' WHERE number = 2"))
    broken = audit("verify")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "record 2 is missing or is not what was written" in broken.stderr


def test_export(audit: Audit, tmp_path: Path) -> None:
    """CSV and JSON hold the same records; a file that exists is left alone."""
    rows = list(csv.DictReader(audit("export", "actor:Ada").stdout.splitlines()))
    records = json.loads(audit("export", "actor:Ada", "--format", "json").stdout)
    assert [row["subject"] for row in rows] == [record["subject"] for record in records] == ["s-2", "s-1", "s-0"]
    file = tmp_path / "trail.json"
    audit("export", "actor:Ada", "--format", "json", "-o", str(file))
    assert json.loads(file.read_text("utf-8")) == records
    with pytest.raises(SettingsError, match="exists"):
        audit("export", "-o", str(file))
    with pytest.raises(SettingsError, match="csv and json"):
        audit("export", "--format", "xml")
