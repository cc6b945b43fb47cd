"""Runs for the writers of files: harmless, hostile and long ones."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from melanzana.reports.files.records import Attachment, Coverage, RunData, Status, StepRow

#: What a system under test may put into a message or name: controls, the end of CDATA, markup, half a character, a formula.
HOSTILE = "=cmd()\x00\x1b[31m ]]> <script>alert(1)</script> \ud800 \uffff & \"'\r\nnext"


def step(number: int, status: Status = Status.PASSED, **fields: Any) -> StepRow:
    name = fields.pop("name", f"press {number % 5}")
    known: dict[str, Any] = {
        "iteration": 1,
        "kind": "action",
        "element_id": f"a{number % 5}",
        "message": "",
        "at_seconds": float(number),
        "duration_seconds": 0.5,
        "depth": 0,
        "model": "",
        **fields,
    }
    return StepRow(number=number, name=name, status=status, **known)


class ManySteps(Iterable[StepRow]):
    """Steps that are made as they are asked for; the last one fails."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[StepRow]:
        for number in range(1, self.count):
            yield step(number)
        yield step(self.count, Status.FAILED, message="no light")


def run_data(steps: Iterable[StepRow], status: Status = Status.FAILED, **fields: Any) -> RunData:
    known: dict[str, Any] = {
        "model_name": "Lamp",
        "model_id": "3f8a1c1e-0b7e-4f0e-9b64-0c2f6d1f0b11",
        "model_version": 2,
        "model_hash": "abc",
        "reason": "step_not_passed",
        "message": "",
        "run_id": 7,
        "execution_id": "11111111-2222-4333-8444-555555555555",
        "path": "random(steps(9))",
        "seed": 5,
        "on_error": "clean",
        "started_at": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "duration_seconds": 9.5,
        "coverage": {"state": Coverage(covered=1, total=2)},
        "failing": next((one for one in steps if one.status is not Status.PASSED), None),
        "replay": "melanzana replay 7",
        **fields,
    }
    return RunData(status=status, steps=steps, step_count=sum(1 for _ in steps), **known)


def hostile_run() -> RunData:
    """Every text of the run is hostile."""
    bad = step(2, Status.FAILED, name=HOSTILE, message=HOSTILE, element_id="b")
    kept = Attachment(name=HOSTILE, media_type="text/html", sha256="0" * 64, size=1, step=2)
    texts = dict.fromkeys(("model_name", "path", "suite", "agent", "test_case", "message", "sut"), HOSTILE)
    return run_data((step(1), bad), parameters={HOSTILE: HOSTILE}, tags=(HOSTILE,), attachments=(kept,), **texts)
