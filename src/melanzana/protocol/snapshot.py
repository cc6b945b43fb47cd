"""What was meant: everything a run depends on, frozen when it is started, so that the same path comes out anywhere.

`executions/service.start` makes it, the lease carries it to the agent, `runner/` walks it, `reports/` folds the events against it.
It is stored as JSON; `format` grows only when an old reader could no longer understand it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from melanzana.graph.model import Scalar

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The plan of one execution."""

    model: Mapping[str, Any]  #: the document form of `graph.formats.document`
    model_id: str  #: uuid of the model
    model_version: int
    model_hash: str  #: `graph.formats.document.logic_hash`: layout does not count
    path: str  #: path expression, e.g. `weighted(transition_coverage(100) or actions(10000))`
    seed: int  #: 0 … 2^63-1
    on_error: str = "clean"
    on_agent_lost: str | None = None  #: `requeue` or `error`; None: by what the attempt has performed. The server's concern only
    test_case: str | None = None  #: id of the test case that `path` refers to, when it was started by id
    parameters: Mapping[str, Scalar] = field(default_factory=dict)  #: overrides of global parameters by name
    perform: bool = True  #: False: a dry run; the path is generated and no code is performed
    suite: str | None = None  #: folder of the action code on the agent's machine, or `name@version` of a stored suite
    #: of a stored suite: `suite`, `suite_id`, `version`, `version_id`, `sha256` of the zip file, `folder` inside it
    stored_suite: Mapping[str, Any] | None = None
    step_pause_seconds: float = 0.0
    history: Mapping[str, Any] = field(default_factory=dict)  #: what was learned from earlier runs, by value
    recorded: Mapping[str, Any] | None = None  #: steps that `predefined()` and `replay()` follow; `generation.recorded`
    #: documents of the models that are walked inside actions, at any depth, by uuid; empty: none is walked there
    sub_models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    traceparent: str = ""  #: of the start call (`protocol.tracing`)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Snapshot":
        """Unknown fields are dropped: an older reader meets a newer minor version."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known)
