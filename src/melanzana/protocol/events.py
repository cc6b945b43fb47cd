"""What happened in a run, in the past tense. The log of these events is the truth; every report is a fold of it.

The runner makes them, `executions/` stores them in order, `reports/` folds them. Times are seconds since the run started, on the
runner's monotonic clock; the server adds its own instant when it stores an event. Text and data come from user code and the
system under test: untrusted, bounded by `LIMITS`, escaped where shown.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from melanzana.errors import RequestError
from melanzana.graph.model import Value

#: Longest text of one field, in characters; the runner cuts to it and the server refuses more.
TEXT_LIMIT = 16_384
#: Most events in one report.
BATCH_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The agent has begun to walk."""

    agent: str
    version: str  #: of Melanzana on the agent
    suite: str | None = None
    ignored_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step with code to perform has begun (steps without code report only their end)."""

    number: int
    kind: str
    element_id: str
    name: str
    at_seconds: float
    model: str = ""  #: as in StepFinished
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step was performed (or, in a dry run, generated)."""

    number: int
    iteration: int
    kind: str  #: a `StepKind`
    element_id: str
    name: str
    verdict: str  #: a `Verdict`
    at_seconds: float  #: when it began
    duration_seconds: float = 0.0
    target: str | None = None
    message: str = ""
    data: Mapping[str, Value] = field(default_factory=dict)  #: outputs, by variable name
    performed: bool = False  #: whether any code ran
    #: of an action: values it was performed with, by name, that no earlier event of the attempt told; only of variables whose
    #: values can be covered (`generation/variables.py`)
    values: Mapping[str, Value] = field(default_factory=dict)
    model: str = ""  #: uuid of the sub-model that the step belongs to; empty for the run's own model
    depth: int = 0  #: how many actions with sub-models the step lies in


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWritten:
    """A line for the run's log: captured output, a notice, an error."""

    message: str
    severity: str = "INFO"  #: DEBUG, INFO, WARNING, ERROR
    step: int | None = None
    at_seconds: float = 0.0
    stage: str = "step"  #: start, step, end


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentStored:
    """A file (screenshot, response body, trace) was kept for a step."""

    name: str
    media_type: str
    sha256: str
    size: int  #: bytes
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused:
    """The walk waits for somebody to continue or abort: a step did not pass (on_error = debug), or they asked it to stand still."""

    step: int
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    """Somebody continued a paused walk."""

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The walk has ended; the last event of an attempt."""

    verdict: str  #: a `Verdict`
    reason: str  #: an `EndReason`
    message: str = ""
    at_seconds: float = 0.0


Event = RunStarted | StepStarted | StepFinished | LogWritten | AttachmentStored | RunPaused | RunResumed | RunFinished

_BY_NAME: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        RunStarted,
        StepStarted,
        StepFinished,
        LogWritten,
        AttachmentStored,
        RunPaused,
        RunResumed,
        RunFinished,
    )
}


def event_to_json(event: Event) -> dict[str, Any]:
    """`{"type": "StepFinished", …}`; fields at their default are left out, so a step without surprises is small."""
    values = asdict(event)
    kept = {f.name: values[f.name] for f in fields(event) if f.name in values and not _is_default(f, values[f.name])}
    return {"type": type(event).__name__, **kept}


def event_from_json(document: Mapping[str, Any]) -> Event:
    """The event a JSON object means.

    Raises RequestError when the type is unknown, a field is missing or has the wrong type; fields of a newer version are dropped.
    """
    kind = _BY_NAME.get(str(document.get("type")))
    if kind is None:
        raise RequestError(f"unknown event type {document.get('type')!r}", field="type")
    known = {f.name: document[f.name] for f in fields(kind) if f.name in document}
    try:
        event: Event = kind(**known)
    except TypeError as error:
        raise RequestError(f"{document['type']}: {error}", field="events") from None
    _check(event)
    return event


def _is_default(spec: Any, value: Any) -> bool:
    if spec.default_factory is not None and callable(spec.default_factory):
        return bool(value == spec.default_factory())
    return bool(spec.default == value)


_ALLOWED: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
}


def _check(event: Event) -> None:
    for spec in fields(event):
        value = getattr(event, spec.name)
        label = f"{type(event).__name__}.{spec.name}"
        name = spec.type.__name__ if isinstance(spec.type, type) else str(spec.type)
        allowed = _ALLOWED.get(name)
        if allowed is not None and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
            raise RequestError(f"{label} must be {name}, not {type(value).__name__}", field=label)
        if isinstance(value, str) and len(value) > TEXT_LIMIT:
            raise RequestError(f"{label} is longer than {TEXT_LIMIT} characters", field=label)
        if name.startswith("Mapping") or "Mapping" in str(spec.type):
            if not isinstance(value, dict):
                raise RequestError(f"{label} must be an object", field=label)
        elif "tuple" in str(spec.type) and not isinstance(value, list | tuple):
            raise RequestError(f"{label} must be an array", field=label)
