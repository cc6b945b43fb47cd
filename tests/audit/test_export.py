"""Saved files hold every record, and no cell that a spreadsheet would run."""

import csv
import io
import json

import pytest

from melanzana.access.records import Actor
from melanzana.audit.export import COLUMNS, lines
from melanzana.audit.records import Action, AuditEntry
from support_audit import Trail

pytestmark = pytest.mark.anyio
EVIL = Actor(kind="nobody", id="=cmd|' /C calc'!A0", name='a "b", c', address="192.0.2.1")


async def _saved(trail: Trail, form: str) -> str:
    return "".join([text async for text in lines(trail.audit.export("eggplant"), form)])


async def test_csv(trail: Trail) -> None:
    """One line a record below the names of the columns; a formula is made harmless."""
    for _ in range(3):
        await trail.audit.note(AuditEntry(realm="eggplant", action=Action.LOGIN, actor=EVIL, subject="+1", detail={"a": "b"}))
    rows = list(csv.DictReader(io.StringIO(await _saved(trail, "csv"))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == ["3", "2", "1"]
    assert (rows[0]["actor_id"], rows[0]["subject"], rows[0]["actor_name"]) == (f"'{EVIL.id}", "'+1", EVIL.name)
    assert json.loads(rows[0]["detail"]) == {"a": "b"}


async def test_json(trail: Trail) -> None:
    """One array, empty or not, of what the REST API shows."""
    assert json.loads(await _saved(trail, "json")) == []
    for _ in range(1_001):
        await trail.audit.note(AuditEntry(realm="eggplant", action=Action.LOGIN, actor=EVIL))
    records = json.loads(await _saved(trail, "json"))
    assert [record["number"] for record in records] == list(range(1_001, 0, -1))
    assert records[0]["actor"] == {"kind": "nobody", "id": EVIL.id, "name": EVIL.name}
    assert records[0]["at"] == "2026-03-01T12:00:00Z"
