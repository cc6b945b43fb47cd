"""From a request to a plan: every choice that is left open is made here, once, and frozen into the snapshot.

Pure; called by `service.start` with the model version that counts. Whatever is wrong with the request is said now, not on the
agent: the path expression is parsed against the model, parameters are checked against its variables.
"""

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from melanzana.access.records import Principal, PrincipalKind
from melanzana.errors import RequestError
from melanzana.executions.records import Execution, LifecycleState, OnAgentLost, StartRequest
from melanzana.generation.path_expression import default_path, parse_path
from melanzana.generation.possible import require_startable
from melanzana.generation.step import OnError
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model, Parameter, ParameterType, Scalar
from melanzana.graph.validation import require_valid
from melanzana.protocol.snapshot import Snapshot

#: Seeds drawn for runs that name none: the original product's range. Named ones go up to `SEED_LIMIT`.
SEED_LOW, SEED_HIGH = 1, 999_999
SEED_LIMIT = 2**63 - 1
PAUSE_LIMIT_SECONDS = 3600.0
_WORDS = {"true": True, "false": False}
_NUMBERS: dict[ParameterType, type[int] | type[float]] = {ParameterType.INTEGER: int, ParameterType.REAL: float}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plannable:
    """What a plan is made from: a version of a model, or the snapshot of an earlier run."""

    document: Mapping[str, Any] = field(repr=False)
    model_id: str  #: uuid
    model_version: int
    model_hash: str
    test_case: str | None = None  #: id in the model of the test case asked for
    original: Snapshot | None = field(default=None, repr=False)  #: of the run to repeat
    sub_models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)  #: documents by uuid, of every depth
    stored_suite: Mapping[str, Any] | None = None  #: the one asked for, as in the snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The snapshot, and the name its model has."""

    snapshot: Snapshot = field(repr=False)
    model_name: str


class Randomness(Protocol):
    """Where seeds and ids come from; `random.Random` is one."""

    def randint(self, a: int, b: int) -> int: ...

    def getrandbits(self, k: int) -> int: ...


class KnownModels:
    """The models that were read and checked last, by hash: the same logic is not read again for every start."""

    def __init__(self, kept: int = 32) -> None:
        self._kept = kept
        self._models: OrderedDict[str, Model] = OrderedDict()

    def have(self, source: Plannable) -> bool:
        """Whether `of` gives the model without reading it."""
        return source.model_hash in self._models

    def of(self, source: Plannable) -> Model:
        """Raises InvalidModelError."""
        model = self._models.pop(source.model_hash, None)
        if model is None:
            model = from_document(source.document)
            require_valid(model)
        self._models[source.model_hash] = model
        if len(self._models) > self._kept:
            self._models.popitem(last=False)
        return model


def says_goal(request: StartRequest, source: Plannable) -> bool:
    """Whether the request, or the run it repeats, says how to walk in words of its own."""
    return request.path is not None or request.stop_condition is not None or source.original is not None


def make_plan(request: StartRequest, source: Plannable, model: Model, drawn_seed: int) -> Plan:
    """Freeze everything the run depends on. `model` is what the document of `source` says.

    Raises PathExpressionError, ImpossibleGoalError for what no walk with these values can do, or RequestError naming the field.
    """
    before = source.original or _blank(source, drawn_seed)
    path = _path(request, source.test_case) or before.path
    goal = parse_path(path, model)
    snapshot = replace(
        before,
        path=path,
        test_case=source.test_case if _says_path(request) else before.test_case,
        seed=before.seed if request.seed is None else _seed(request.seed),
        on_error=_on_error(request.on_error) or before.on_error,
        on_agent_lost=_on_agent_lost(request.on_agent_lost) or before.on_agent_lost,
        parameters={**before.parameters, **_parameters(request.parameters, model)},
        perform=before.perform if request.perform is None else request.perform,
        traceparent=request.traceparent,
        recorded=before.recorded if request.recorded is None else request.recorded,
        **_suite(request, source, before),
        step_pause_seconds=_pause(before.step_pause_seconds if request.step_pause_seconds is None else request.step_pause_seconds),
    )
    for part in goal.parts:
        if part.condition is not None and part.condition.needs_reach:
            require_startable(part.condition, model, snapshot.parameters, dry=not snapshot.perform, position=part.condition_at)
    return Plan(snapshot=snapshot, model_name=model.name)


def new_execution(request: StartRequest, plan: Plan, principal: Principal, execution_id: str, at: datetime) -> Execution:
    """The record of an execution that is about to be queued; the database gives the run id."""
    snapshot = plan.snapshot
    return Execution(
        id=execution_id,
        run_id=0,
        realm=principal.realm,
        state=LifecycleState.QUEUED,
        attempt=0,
        verdict=None,
        reason=None,
        message="",
        model_id=snapshot.model_id,
        model_version=snapshot.model_version,
        model_name=plan.model_name,
        test_case=snapshot.test_case,
        path=snapshot.path,
        seed=snapshot.seed,
        perform=snapshot.perform,
        agent_id=None,
        requested_agent_id=request.agent_id if snapshot.perform else None,
        labels=tuple(sorted(set(request.labels))),
        tags=tuple(dict.fromkeys(request.tags)),
        ignored_fields=(*request.ignored_fields, *(() if snapshot.perform else _sut_fields(request))),
        paused=False,
        created_at=at,
        created_by=principal.name if principal.kind is PrincipalKind.USER else principal.client_id,
        wanted_sut=request.sut if snapshot.perform else None,
        started_at=None,
        ended_at=None,
        snapshot=snapshot,
    )


def _sut_fields(request: StartRequest) -> tuple[str, ...]:
    """What a dry run ignores: it touches no system under test."""
    wish = request.sut
    return () if wish is None else tuple(f"sut.{name}" for name in ("sut_id", "criteria") if getattr(wish, name))


def fingerprint(request: StartRequest) -> str:
    """SHA-256 of what was asked: two requests under one Idempotency-Key must agree in it."""
    return hashlib.sha256(json.dumps(asdict(replace(request, traceparent="")), sort_keys=True).encode()).hexdigest()


def key_of(principal: Principal, key: str | None) -> tuple[str, str, str] | None:
    """Whose Idempotency-Key it is."""
    return None if key is None else (principal.realm, principal.client_id, key)


def check_request(request: StartRequest) -> None:
    """What can be said of a request before any model is looked up. Raises RequestError naming the field."""
    if request.script is not None:
        raise RequestError(
            "script-based runs need an Eggplant engine and are not offered; name a model with model_id", field="script"
        )
    if request.model is None and request.rerun_of is None:
        raise RequestError("say what to run: model_id, or rerun_id with the run id of an earlier run", field="model_id")
    ways = [name for name in ("path", "stop_condition", "test_case") if getattr(request, name) is not None]
    if request.iterations is not None or request.max_actions is not None:
        ways.append("iterations and max_actions")
    if len(ways) > 1:
        raise RequestError(f"{' and '.join(ways)} each say how to walk; give one of them", field=ways[0])


def _blank(source: Plannable, seed: int) -> Snapshot:
    return Snapshot(
        model=source.document,
        model_id=source.model_id,
        model_version=source.model_version,
        model_hash=source.model_hash,
        path=default_path(),
        seed=seed,
        perform=False,
        sub_models=source.sub_models,
    )


def _suite(request: StartRequest, source: Plannable, before: Snapshot) -> dict[str, Any]:
    """A stored suite that is asked for, else a folder that is, else what the run to repeat had."""
    stored = source.stored_suite
    if stored is not None:
        return {"suite": f"{stored['suite']}@{stored['version']}", "stored_suite": stored}
    if request.suite is not None:
        return {"suite": request.suite, "stored_suite": None}
    return {"suite": before.suite, "stored_suite": before.stored_suite}


def _says_path(request: StartRequest) -> bool:
    named = (request.path, request.stop_condition, request.test_case, request.iterations, request.max_actions)
    return any(value is not None for value in named)


def _path(request: StartRequest, test_case: str | None) -> str | None:
    """The path expression that the request asks for; None when it says nothing about it."""
    if request.path is not None:
        return request.path
    if request.stop_condition is not None:
        return f"weighted({request.stop_condition})"
    if test_case is not None:
        return default_path(test_case)
    limits = {"iterations": request.iterations, "actions": request.max_actions}
    given = {name: value for name, value in limits.items() if value is not None}
    return default_path(None, **given) if given else None


def _seed(seed: int) -> int:
    if not 0 <= seed <= SEED_LIMIT:
        raise RequestError(f"seed is {seed}; it may be 0 to {SEED_LIMIT}", field="seed")
    return seed


def _pause(seconds: float) -> float:
    if not 0 <= seconds <= PAUSE_LIMIT_SECONDS:
        raise RequestError(f"step_pause_time is {seconds}; it may be 0 to {PAUSE_LIMIT_SECONDS:g} seconds", field="step_pause_time")
    return float(seconds)


def _on_error(word: str | None) -> str | None:
    if word is not None and word not in set(OnError):
        raise RequestError(f"onerror is {word!r}; it may be {', '.join(OnError)}", field="onerror")
    return word


def _on_agent_lost(word: str | None) -> str | None:
    if word is not None and word not in set(OnAgentLost):
        raise RequestError(f"on_agent_lost is {word!r}; it may be {', '.join(OnAgentLost)}", field="on_agent_lost")
    return word


def _parameters(given: Mapping[str, Scalar], model: Model) -> dict[str, Scalar]:
    """The overrides with the types of the model's global variables; text is read as the type, as command lines send it."""
    known = {parameter.name: parameter for parameter in model.parameters}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        raise RequestError(f"the model has no global variable {unknown[0]!r}; it has: {there}", field=f"parameters.{unknown[0]}")
    return {name: _typed(known[name], value) for name, value in given.items()}


def _typed(parameter: Parameter, value: Scalar) -> Scalar:
    typed = _as_type(parameter.type, value)
    allowed = [item for source in parameter.ranges for item in source.values]
    if typed is None or (parameter.type is ParameterType.SET and allowed and str(typed) not in {str(item) for item in allowed}):
        wanted = f"one of {allowed}" if parameter.type is ParameterType.SET else f"a value of type {parameter.type}"
        raise RequestError(f"variable {parameter.name!r} is {value!r}; give {wanted}", field=f"parameters.{parameter.name}")
    return typed


def _as_type(kind: ParameterType, value: Scalar) -> Scalar | None:
    """The value as this type; None when it has another."""
    if kind is ParameterType.BOOLEAN:
        return _WORDS.get(value.strip().lower()) if isinstance(value, str) else value if isinstance(value, bool) else None
    if kind in _NUMBERS:
        return _number(_NUMBERS[kind], value)
    return value if isinstance(value, str) else None if isinstance(value, bool) else str(value)


def _number(kind: type[int] | type[float], value: Scalar) -> int | float | None:
    """The value as a 64-bit integer or a finite real; None when it is none."""
    if isinstance(value, bool) or (kind is int and isinstance(value, float) and not value.is_integer()):
        return None
    try:
        number = kind(value)
    except (ValueError, OverflowError):
        return None
    fits = math.isfinite(number) if kind is float else -SEED_LIMIT - 1 <= number <= SEED_LIMIT
    return number if fits else None
