"""A run as a table (CSV) and as one document (JSON), a step at a time."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from melanzana.reports.files.records import RunData, StepRow
from melanzana.reports.files.text import cell, encodable, to_json

COLUMNS = tuple(field.name for field in fields(StepRow))
_HEAVY = ("steps", "attachments", "coverage", "failing")


def csv_rows(run: RunData) -> Iterator[str]:
    """A line of names, then a line a step. Text that a spreadsheet would calculate begins with an apostrophe."""
    yield _line(COLUMNS)
    for step in run.steps:
        yield _line(tuple(cell(getattr(step, name)) for name in COLUMNS))


def json_document(run: RunData) -> Iterator[str]:
    """`{"run": …, "attachments": […], "steps": […]}`"""
    head = {field.name: getattr(run, field.name) for field in fields(run) if field.name not in _HEAVY}
    head["coverage"] = {kind: {"covered": figure.covered, "total": figure.total} for kind, figure in run.coverage.items()}
    head["failing_step"] = None if run.failing is None else _object(run.failing)
    head["parameters"], head["tags"] = dict(run.parameters), list(run.tags)
    head["started_at"] = None if run.started_at is None else run.started_at.isoformat()
    attachments = [_object(attachment) for attachment in run.attachments]
    yield encodable(json.dumps({"format": 1, "run": head, "attachments": attachments}, ensure_ascii=False))[:-1]
    before = ',\n"steps": [\n'
    for step in run.steps:
        yield before + to_json(_object(step))
        before = ",\n"
    yield "\n]}\n" if before == ",\n" else ', "steps": []}\n'


def _object(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _line(values: tuple[Any, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()
