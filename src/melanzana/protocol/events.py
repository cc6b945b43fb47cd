"""What happened in a run, in the past tense. The log of these events is the truth; every report is a fold of it.

The runner makes them, `executions/` stores them in order, `reports/` folds them. Times are seconds since the run started, on the
runner's monotonic clock; the server adds its own instant when it stores an event. Text and data come from user code and the
system under test: untrusted, bounded by `LIMITS`, escaped where shown.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
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
    kind = type(event).__name__
    document: dict[str, Any] = {"type": kind}
    for spec in _SPECS[kind]:
        value = getattr(event, spec.name)
        if value != spec.default:
            document[spec.name] = value
    return document


def event_from_json(document: Mapping[str, Any]) -> Event:
    """The event a JSON object means.

    Raises RequestError when the type is unknown, a field is missing or has the wrong type; fields of a newer version are dropped.
    """
    word = document.get("type")
    specs = _SPECS.get(word) if isinstance(word, str) else None
    if specs is None:
        raise RequestError(f"unknown event type {word!r}", field="type")
    assert isinstance(word, str)
    known: dict[str, Any] = {}
    for spec in specs:
        if spec.name in document:
            value = known[spec.name] = document[spec.name]
            if type(value) not in spec.usual or (isinstance(value, str) and len(value) > TEXT_LIMIT):
                _refuse(spec, value)
    try:
        event: Event = _BY_NAME[word](**known)
    except TypeError as error:
        raise RequestError(f"{word}: {error}", field="events") from None
    return event


@dataclass(frozen=True, slots=True)
class _Spec:
    """What a field may hold; worked out once, since every event of every run is read with it."""

    name: str
    label: str  #: with the kind before it
    usual: frozenset[type]
    wanted: str  #: in words
    default: Any  #: `MISSING` without one


_TYPES: dict[str, frozenset[type]] = {
    "str": frozenset({str}),
    "int": frozenset({int}),
    "float": frozenset({int, float}),
    "bool": frozenset({bool}),
    "str | None": frozenset({str, type(None)}),
    "int | None": frozenset({int, type(None)}),
}


def _spec(kind: type[Any], told: Any) -> _Spec:
    name = told.type.__name__ if isinstance(told.type, type) else str(told.type)
    wanted = name
    if "Mapping" in str(told.type):
        usual, wanted = frozenset[type]({dict}), "an object"
    elif "tuple" in str(told.type):
        usual, wanted = frozenset[type]({list, tuple}), "an array"
    else:
        usual = _TYPES[name]
    default = told.default_factory() if told.default_factory is not MISSING else told.default
    return _Spec(told.name, f"{kind.__name__}.{told.name}", usual, wanted, default)


_SPECS = {name: tuple(_spec(kind, told) for told in fields(kind)) for name, kind in _BY_NAME.items()}


def _refuse(spec: _Spec, value: Any) -> None:
    """Raises RequestError, unless the value is of a kind of what is wanted, such as a word of a `StrEnum`, and not too long."""
    if isinstance(value, tuple(spec.usual)) and (bool in spec.usual or not isinstance(value, bool)):
        if not isinstance(value, str) or len(value) <= TEXT_LIMIT:
            return
        raise RequestError(f"{spec.label} is longer than {TEXT_LIMIT} characters", field=spec.label)
    said = "" if spec.wanted.startswith("an ") else f", not {type(value).__name__}"
    raise RequestError(f"{spec.label} must be {spec.wanted}{said}", field=spec.label)
