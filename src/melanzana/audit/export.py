"""The trail as a file, row by row, for people (CSV) and for machines (JSON). `pages.py` and the command line write it."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from melanzana.audit.records import AuditRecord

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS = (
    "number",
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "address",
    "subject",
    "detail",
    "previous_hash",
    "hash",
)
#: What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_dict(record: AuditRecord) -> dict[str, Any]:
    """The record as the REST API and the JSON file show it."""
    entry, actor = record.entry, record.entry.actor
    return {
        "number": record.number,
        "at": record.at.isoformat().replace("+00:00", "Z"),
        "action": str(entry.action),
        "outcome": str(entry.outcome),
        "actor": {"kind": actor.kind, "id": actor.id, "name": actor.name},
        "address": actor.address,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous_hash": record.previous_hash,
        "hash": record.hash,
    }


async def lines(parts: AsyncIterator[list[AuditRecord]], form: str) -> AsyncIterator[str]:
    """The file, some rows at a time. `form`: `csv` or `json` (one array)."""
    if form == "csv":
        yield _csv_rows([COLUMNS])
        async for part in parts:
            yield _csv_rows(_row(record) for record in part)
        return
    before = "[\n"
    async for part in parts:
        yield before + ",\n".join(json.dumps(as_dict(record), ensure_ascii=False) for record in part)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv_rows(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_formula_safe(str(cell)) for cell in row] for row in rows])
    return text.getvalue()


def _row(record: AuditRecord) -> Iterable[object]:
    shown = as_dict(record)
    actor = shown.pop("actor")
    shown |= {f"actor_{name}": value for name, value in actor.items()}
    shown["detail"] = json.dumps(shown["detail"], ensure_ascii=False)
    return [shown[name] for name in COLUMNS]


def _formula_safe(cell: str) -> str:
    """The cell, with a quote before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
