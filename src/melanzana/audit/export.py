"""The trail as a file, row by row, for people (CSV) and for machines (JSON). `pages.py` and the command line write it."""

import json
from collections.abc import AsyncIterator
from typing import Any

from melanzana.audit.records import AuditRecord
from melanzana.web import tables

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
    shape = _row if form == "csv" else as_dict

    async def shaped() -> AsyncIterator[list[dict[str, Any]]]:
        async for part in parts:
            yield [shape(record) for record in part]

    async for text in tables.lines(shaped(), COLUMNS, form):
        yield text


def _row(record: AuditRecord) -> dict[str, Any]:
    shown = as_dict(record)
    actor = shown.pop("actor")
    shown |= {f"actor_{name}": value for name, value in actor.items()}
    shown["detail"] = json.dumps(shown["detail"], ensure_ascii=False)
    return shown
