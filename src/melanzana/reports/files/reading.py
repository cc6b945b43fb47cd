"""From a run's answers or its own events to `RunData`.

`of_server` takes `GET /ai/runs/{id}` and `GET /ai/runs/{id}/recording`; `of_run_file` what `melanzana run --save` writes. Cost: one
pass over the events; steps stay as the JSON they came in, and are read anew each time they are gone through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from melanzana.errors import RequestError
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.step import EndReason
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.protocol.events import AttachmentStored, RunFinished, RunStarted, StepFinished, event_from_json
from melanzana.protocol.recording import RunFile
from melanzana.reports.files.records import Attachment, Coverage, RunData, Status, StepRow

_ENDS = {"Passed": Status.PASSED, "Failed": Status.FAILED, "Error": Status.ERROR, "Cancelled": Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class JsonSteps(Iterable[StepRow]):
    """The steps among events in JSON."""

    events: Iterable[Mapping[str, Any]]

    def __iter__(self) -> Iterator[StepRow]:
        for event in self.events:
            if event.get("type") == "StepFinished":
                yield _row(event_from_json(event))


@dataclass(frozen=True, slots=True)
class EventSteps(Iterable[StepRow]):
    """The steps among events."""

    events: Sequence[Any]

    def __iter__(self) -> Iterator[StepRow]:
        return (_row(event) for event in self.events if isinstance(event, StepFinished))


def of_server(run: Mapping[str, Any], recording: Mapping[str, Any]) -> RunData:
    """The run in a server's two answers. Errors: RequestError when it has not ended, or the answers are not of that kind."""
    try:
        return _of_server(run, recording)
    except KeyError as missing:
        raise RequestError(f"the server's answer about the run has no field {missing}", field=str(missing)) from None


def _of_server(run: Mapping[str, Any], recording: Mapping[str, Any]) -> RunData:
    status = _ENDS.get(run["status"])
    if status is None:
        raise RequestError(f"run {run['id']} has not ended: it is {run['state']}", field="run")
    steps = JsonSteps(recording["events"])
    kept = [event_from_json(event) for event in recording["events"] if event.get("type") == "AttachmentStored"]
    return RunData(
        run_id=run["id"],
        execution_id=run["execution_id"],
        model_name=run["modelname"],
        model_id=run["modeluuid"],
        status=status,
        reason=run["reason"] or "",
        test_case=run["test_case_id"],
        agent=run["agentname"],
        sut=run["sut_id"],
        tags=tuple(run["tags"]),
        started_at=datetime.fromisoformat(run["starttime"] or run["createtime"]),
        duration_seconds=run["duration_seconds"] or 0.0,
        coverage={kind: Coverage(covered=c["covered"], total=c["total"]) for kind, c in run["progress"]["coverage"].items()},
        failing=_failing(steps),
        replay=f"melanzana replay {run['id']}",
        step_count=run["progress"]["steps"],
        steps=steps,
        attachments=_attachments(kept),
        **{name: run[name] for name in _SAME},
    )


#: Fields that have the same name in the answer and here.
_SAME = (
    *("message", "model_version", "model_hash", "path", "seed", "on_error"),
    *("parameters", "suite", "dry_run", "attempt"),
)


def of_run_file(run: RunFile, name: str = "") -> RunData:
    """A run on this machine; `name`: of the file it is saved in. Errors: RequestError when it has not ended."""
    plan, steps, model = run.snapshot, EventSteps(run.events), from_document(run.snapshot.model)
    end = next((event for event in reversed(run.events) if isinstance(event, RunFinished)), None)
    if end is None:
        raise RequestError("the run has not ended: there is no end in its events", field="run")
    begun = next((event for event in run.events if isinstance(event, RunStarted)), None)
    return RunData(
        model_name=model.name,
        model_id=plan.model_id,
        model_version=plan.model_version,
        model_hash=plan.model_hash,
        status=Status.CANCELLED if end.reason == EndReason.ABORTED else Status(end.verdict),
        reason=end.reason,
        message=end.message,
        test_case=plan.test_case,
        path=plan.path,
        seed=plan.seed,
        on_error=plan.on_error,
        parameters=plan.parameters,
        suite=plan.suite,
        dry_run=not plan.perform,
        agent=begun.agent if begun else None,
        duration_seconds=end.at_seconds,
        coverage=_coverage(run, model),
        failing=_failing(steps),
        replay=f"melanzana replay {name}" if name else f"melanzana run MODEL --seed {plan.seed}",
        step_count=sum(1 for _ in steps),
        steps=steps,
        attachments=_attachments(run.events),
    )


def _row(event: Any) -> StepRow:
    return StepRow(
        number=event.number,
        iteration=event.iteration,
        kind=event.kind,
        element_id=event.element_id,
        name=event.name,
        status=Status(event.verdict),
        message=event.message,
        at_seconds=event.at_seconds,
        duration_seconds=event.duration_seconds,
        depth=event.depth,
        model=event.model,
    )


def _failing(steps: Iterable[StepRow]) -> StepRow | None:
    return next((step for step in steps if step.status is not Status.PASSED), None)


def _attachments(events: Iterable[Any]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(name=event.name, media_type=event.media_type, sha256=event.sha256, size=event.size, step=event.step)
        for event in events
        if isinstance(event, AttachmentStored)
    )


def _coverage(run: RunFile, model: Model) -> dict[str, Coverage]:
    tracker = CoverageTracker(model)
    for event in run.events:
        if isinstance(event, StepFinished) and not event.model:
            tracker.visit(event.kind, event.element_id, event.target)
    report = tracker.report()
    measures = {"state": report.states, "action": report.actions, "transition": report.transitions}
    return {kind: Coverage(covered=measure.covered, total=measure.total) for kind, measure in measures.items()}
