"""CTRF, the Common Test Report Format in JSON: one test for each state and action (`elements.py`).

A step that could not be carried out is `failed` with the raw status `error`; a cancelled run is `other`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from melanzana.reports.files.elements import Element, elements
from melanzana.reports.files.records import RunData, Status
from melanzana.reports.files.text import to_json
from melanzana.version import __version__

SPEC_VERSION = "0.0.0"
_STATUSES = {Status.PASSED: "passed", Status.FAILED: "failed", Status.ERROR: "failed", Status.CANCELLED: "other"}


def ctrf(run: RunData) -> Iterator[str]:
    """The file in one part: its length grows with the model, not with the steps."""
    start = 0 if run.started_at is None else round(run.started_at.timestamp() * 1000)
    tests = [_test(run, element) for element in elements(run)]
    counts = Counter(test["status"] for test in tests)
    summary = {
        "tests": len(tests),
        **{word: counts[word] for word in ("passed", "failed", "skipped", "pending", "other")},
        "start": start,
        "stop": start + round(run.duration_seconds * 1000),
    }
    results = {"tool": {"name": "melanzana", "version": __version__}, "summary": summary, "tests": tests, "extra": _extra(run)}
    yield to_json({"reportFormat": "CTRF", "specVersion": SPEC_VERSION, "results": results}) + "\n"


def _test(run: RunData, element: Element) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": element.name,
        "status": _STATUSES[element.status],
        "duration": round(element.seconds * 1000),
        "rawStatus": str(element.status),
        "suite": [run.model_name or "model"],
        "extra": {"kind": element.kind, "element_id": element.element_id, "steps": element.count},
    }
    if element.status is not Status.PASSED:
        test["message"] = element.message
        test["extra"]["failed_step"] = element.failed_step
        if kept := run.attached_to(element.failed_step):
            test["attachments"] = [{"name": one.name, "contentType": one.media_type, "path": one.file} for one in kept]
    return test if not run.tags else {**test, "tags": list(run.tags)}


def _extra(run: RunData) -> dict[str, Any]:
    coverage = {kind: {"covered": figure.covered, "total": figure.total} for kind, figure in run.coverage.items()}
    names = ("run_id", "execution_id", "seed", "path", "model_version", "model_hash", "suite", "test_case", "replay")
    return {**{name: getattr(run, name) for name in names}, "status": str(run.status), "coverage": coverage}
