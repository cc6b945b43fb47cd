"""A run as spans: one for the run, one for each of its steps. Pure; no OpenTelemetry is needed here.

Names of attributes are those of OpenTelemetry's semantic conventions where there are some (`test.*`, `url.full`), else
`melanzana.*`. Steps inside a sub-model are children of the run as well: their depth is an attribute. `exporting.py` sends what
comes out here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from melanzana.executions.records import Execution, LifecycleState, StoredEvent
from melanzana.protocol.events import StepFinished
from melanzana.protocol.tracing import Place, place_of, span_id

Attribute = str | int | float | bool
_NANO = 1_000_000_000
_SUITE_STATUS = {
    LifecycleState.PASSED: "success",
    LifecycleState.FAILED: "failure",
    LifecycleState.ERROR: "failure",
    LifecycleState.ABORTED: "aborted",
}
#: Longest text of an attribute.
_TEXT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What happened between two instants, in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str  #: empty: the trace begins here
    name: str
    start: int
    end: int
    error: str | None = None  #: why it did not succeed
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


def run_span(run: Execution, address: str) -> Span:
    """Of a run that has ended. `address`: of the server, as people write it."""
    place, begun = place_of(run.id, run.snapshot.traceparent), run.started_at or run.created_at
    facts: dict[str, Attribute | None] = {
        "test.suite.name": run.model_name,
        "test.suite.run.status": _SUITE_STATUS.get(run.state, "failure"),
        "test.case.name": run.test_case,
        "url.full": f"{address}/runs/{run.run_id}",
        "melanzana.run.id": run.run_id,
        "melanzana.execution.id": run.id,
        "melanzana.realm": run.realm,
        "melanzana.attempt": run.attempt,
        "melanzana.model.version": run.model_version,
        "melanzana.path": run.path,
        "melanzana.seed": run.seed,
        "melanzana.dry_run": not run.perform,
        "melanzana.reason": run.reason,
    }
    return Span(
        trace_id=place.trace_id,
        span_id=place.span_id,
        parent_id=place.parent_id,
        name=f"run {run.model_name}",
        start=_instant(begun),
        end=max(_instant(run.ended_at or begun), _instant(begun)),
        error=None if run.state is LifecycleState.PASSED else (run.message or str(run.state))[:_TEXT],
        attributes={name: value for name, value in facts.items() if value is not None},
    )


def step_spans(run: Execution, events: Iterable[StoredEvent], address: str) -> Iterator[Span]:
    """Of the steps among these events of the newest attempt."""
    place, begun = place_of(run.id, run.snapshot.traceparent), _instant(run.started_at or run.created_at)
    for stored in events:
        event = stored.event() if stored.attempt == run.attempt and stored.type == "StepFinished" else None
        if isinstance(event, StepFinished):
            yield _step(run, event, place, begun, address)


def _step(run: Execution, step: StepFinished, place: Place, begun: int, address: str) -> Span:
    start = begun + round(step.at_seconds * _NANO)
    return Span(
        trace_id=place.trace_id,
        span_id=span_id(run.id, f"step {step.number}"),
        parent_id=place.span_id,
        name=f"{step.kind} {step.name or step.element_id}",
        start=start,
        end=start + round(step.duration_seconds * _NANO),
        error=None if step.verdict == "passed" else (step.message or step.verdict)[:_TEXT],
        attributes={
            "test.case.name": step.name or step.element_id,
            "test.case.result.status": "pass" if step.verdict == "passed" else "fail",
            "url.full": f"{address}/runs/{run.run_id}/steps/{step.number}",
            "melanzana.step.number": step.number,
            "melanzana.step.kind": step.kind,
            "melanzana.step.iteration": step.iteration,
            "melanzana.step.performed": step.performed,
            "melanzana.step.depth": step.depth,
            "melanzana.element.id": step.element_id,
            "melanzana.verdict": step.verdict,
        },
    )


def _instant(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1_000
