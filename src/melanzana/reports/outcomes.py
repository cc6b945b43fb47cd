"""What is kept of a run when it has ended, so that questions about many runs never read logs again. Pure.

An `Outcome` says how it ended and why; a `Digest` how often it went through what. Both follow from snapshot and events alone:
`digesting.py` makes them, `store.py` keeps them, and they may be thrown away at any time.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from melanzana.executions.records import Execution, LifecycleState
from melanzana.generation.kinds import Kind
from melanzana.generation.signature import Signature, signature_of
from melanzana.reports.records import FailingStep, Tally

#: Of the digest that counts states, actions and transitions, and of the one that counts test cases.
ELEMENTS, CASES = "", "cases"
PASSED = "passed"
UNSUCCESSFUL = (LifecycleState.FAILED, LifecycleState.ERROR)
_LONGEST_MESSAGE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    run_id: int
    realm: str
    model_id: str  #: uuid
    model_version: int
    state: LifecycleState
    perform: bool
    test_case: str | None  #: id in the model
    walk: str  #: equal for runs that were to walk the same way: model, version, path, seed, parameters
    seconds: float  #: from start to end; 0 when it never began
    created_at: datetime
    mark: str | None = None  #: equal for failures with the same signature; None of a run that passed or was cancelled
    signature: Signature | None = None
    element: str = ""  #: name of the state or action; empty when no step is to blame
    kind: str = "run"  #: state, action, or run
    message: str = ""

    @property
    def failed(self) -> bool:
        return self.mark is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one run went through, of one kind."""

    run_id: int
    perform: bool
    seconds: float
    content: Mapping[str, Any]


def outcome_of(run: Execution, step: FailingStep | None) -> Outcome:
    """Of a run that has ended; `step`: its first one that did not pass."""
    begun, ended = run.started_at, run.ended_at
    told = _failure(run, step) if run.state in UNSUCCESSFUL else {}
    return Outcome(
        run_id=run.run_id,
        realm=run.realm,
        model_id=run.model_id,
        model_version=run.model_version,
        state=run.state,
        perform=run.perform,
        test_case=run.test_case,
        walk=_walk(run),
        seconds=max((ended - begun).total_seconds(), 0.0) if begun and ended else 0.0,
        created_at=run.created_at,
        **told,
    )


def _failure(run: Execution, step: FailingStep | None) -> dict[str, Any]:
    message = step.message if step is not None else run.message or run.reason or ""
    signature = signature_of(step.element_id if step is not None else "", message)
    return {
        "mark": _hash([run.model_id, *signature]),
        "signature": signature,
        "element": step.element if step is not None else "",
        "kind": step.kind if step is not None else "run",
        "message": message[:_LONGEST_MESSAGE],
    }


def _walk(run: Execution) -> str:
    parameters = sorted((name, repr(value)) for name, value in run.snapshot.parameters.items())
    return _hash([run.realm, run.model_id, run.model_version, run.path, run.seed, run.perform, parameters])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def kind_word(kind: Kind) -> str:
    """`path:2`: how a digest of a further kind is called."""
    return f"{kind.word}:{kind.depth}"


def written(tally: Tally, kind: Kind | None = None) -> dict[str, Any]:
    """As JSON: states, actions and transitions, or one further kind."""
    if kind is not None:
        return {"further": [[key, hits] for key, hits in tally.further.get(kind, {}).items()]}
    return {
        "hits": dict(tally.hits),
        "transitions": [[action, target, hits] for (action, target), hits in tally.transition_hits.items()],
    }


def read(content: Mapping[str, Any], kind: Kind | None = None) -> Tally:
    """What `written` wrote."""
    if kind is not None:
        return Tally(further={kind: {_tuples(key): hits for key, hits in content["further"]}})
    if "cases" in content:  # counted like an action, and like a transition where it passed
        cases = content["cases"].items()
        return Tally(
            hits={case: hits for case, (hits, _) in cases},
            transition_hits={(case, PASSED): passes for case, (_, passes) in cases if passes},
        )
    taken = {(action, target): hits for action, target, hits in content["transitions"]}
    return Tally(hits=content["hits"], transition_hits=taken)


def _tuples(value: Any) -> Any:
    """JSON knows no tuples: every list was one."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
