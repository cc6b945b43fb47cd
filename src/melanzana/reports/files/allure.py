"""Allure results: one result for the run with its steps inside, and the environment; a folder for `allure generate`.

`historyId` depends on model and test case or path alone, so Allure draws one line through the runs of the same thing.
"""

import hashlib
import uuid
from collections.abc import Iterator
from itertools import chain

from melanzana.reports.files.records import Attachment, RunData, Status, StepRow
from melanzana.reports.files.text import encodable, to_json

_STATUSES = {Status.PASSED: "passed", Status.FAILED: "failed", Status.ERROR: "broken", Status.CANCELLED: "skipped"}
#: Names of these results; any fixed uuid would do.
_NAMESPACE = uuid.UUID("6d1f7f0a-5a58-4a0e-9d55-0f3f4b0b3a11")


def allure_files(run: RunData) -> Iterator[tuple[str, Iterator[str]]]:
    """File names, each with its text in parts."""
    yield f"{_result_id(run)}-result.json", _result(run)
    yield "environment.properties", _environment(run)


def _result_id(run: RunData) -> str:
    if run.execution_id is not None:
        return run.execution_id
    return str(uuid.uuid5(_NAMESPACE, encodable(f"{run.model_hash} {run.path} {run.seed} {run.duration_seconds}")))


def _result(run: RunData) -> Iterator[str]:
    start = _start(run)
    same = "\n".join((run.model_id, run.test_case or run.path))
    labels = {"framework": "melanzana", "language": "python", "suite": run.model_name, "host": run.agent or ""}
    head = {
        "uuid": _result_id(run),
        "historyId": hashlib.sha256(encodable(same).encode()).hexdigest()[:32],
        "name": run.test_case or run.path,
        "fullName": f"{run.model_name}: {run.test_case or run.path}",
        "status": _STATUSES[run.status],
        "statusDetails": {"message": "" if run.status is Status.PASSED else run.why, "trace": f"again: {run.replay}"},
        "stage": "finished",
        "start": start,
        "stop": start + round(run.duration_seconds * 1000),
        "labels": [
            *({"name": name, "value": value} for name, value in labels.items() if value),
            *({"name": "tag", "value": tag} for tag in run.tags),
        ],
        "parameters": [{"name": "seed", "value": str(run.seed)}]
        + [{"name": name, "value": str(value)} for name, value in run.parameters.items()],
    }
    yield to_json(head)[:-1] + ',\n"steps": ['
    commas = chain([""], iter(lambda: ",\n", None))
    kept = _by_step(run)
    for comma, step in zip(commas, run.steps, strict=False):
        yield comma + to_json(_step(step, start) | _files(kept.get(step.number, [])))
    yield '],\n"attachments": ' + to_json(_files(kept.get(None, [])).get("attachments", [])) + "}\n"


def _by_step(run: RunData) -> dict[int | None, list[Attachment]]:
    found: dict[int | None, list[Attachment]] = {}
    for one in run.attachments:
        if one.file:
            found.setdefault(one.step, []).append(one)
    return found


def _files(kept: list[Attachment]) -> dict[str, object]:
    shown = [{"name": one.name, "source": one.file, "type": one.media_type} for one in kept]
    return {"attachments": shown} if shown else {}


def _step(step: StepRow, start: int) -> dict[str, object]:
    begun = start + round(step.at_seconds * 1000)
    return {
        "name": f"{step.number} {step.kind} {step.name}",
        "status": _STATUSES[step.status],
        "statusDetails": {"message": step.message},
        "stage": "finished",
        "start": begun,
        "stop": begun + round(step.duration_seconds * 1000),
    }


def _environment(run: RunData) -> Iterator[str]:
    facts = {"model": run.model_name, "model_version": run.model_version, "model_hash": run.model_hash, "suite": run.suite}
    facts |= {"agent": run.agent, "sut": run.sut, "seed": run.seed}
    for name, value in facts.items():
        if value is not None:
            yield f"{name} = {_property(str(value))}\n"


def _property(text: str) -> str:
    """A value of a Java properties file: ASCII, one line."""
    escaped = encodable(text).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    units = escaped.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def _start(run: RunData) -> int:
    return 0 if run.started_at is None else round(run.started_at.timestamp() * 1000)
