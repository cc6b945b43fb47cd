"""The model of the system under test: states, actions and transitions as immutable values.

Readers in `graph/formats/` build these values, `graph/validation.py` checks them, `generation/` walks them. Meaning follows
`docs/reference/model.md`; ADR 0009 settles what the original product leaves open.

An element's `id` is stable over edits: the file's own id when it brings one, else `derived_id` of its place in the model.
Names are what people and test cases say; ids are what events and coverage refer to.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Scalar = bool | int | float | str
#: What variables hold at run time. Lists and maps come only from snippet outputs.
Value = bool | int | float | str | None | list[Any] | dict[str, Any]

_NAMESPACE = uuid.UUID("6b1c1c3e-53a8-5f0e-9a55-6d656c616e7a")


class StateKind(StrEnum):
    """What the walk does with a state; every model has one START and may have one each of ERROR, CLEANUP, EXIT."""

    START = "start"  #: entered first
    NORMAL = "normal"
    ERROR = "error"  #: entered when a step did not pass (on_error = clean); `Exception` in DAI files
    CLEANUP = "cleanup"  #: entered once, just before the run ends
    EXIT = "exit"  #: ends an iteration


class ActionKind(StrEnum):
    """When an action is offered."""

    NORMAL = "normal"  #: whenever the walk is in its state
    SEQUENT = "sequent"  #: only directly after an action that names it as a target
    PREVIOUS = "previous"  #: as NORMAL; leads back to the state the walk came from


class ParameterType(StrEnum):
    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    BOOLEAN = "boolean"
    SET = "set"  #: text, one of the listed values


#: The distributions of a range; `generation/sampling.py` says what they mean.
DISTRIBUTIONS = ("flat", "triangular", "normal", "rising", "falling")


class Order(StrEnum):
    """In which order the listed values of a generated variable come."""

    RANDOM = "random"
    SEQUENTIAL = "sequential"  #: as listed, over the whole run; after the last the first again


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One weighted source of generated values: either listed `values`, or every number from `low` to `high`."""

    values: tuple[Scalar, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    weight: int = 100
    bins: int | None = None  #: numeric ranges are cut into this many bins of equal width, for coverage and for drawing
    distribution: str = "flat"  #: one of `DISTRIBUTIONS`; another is kept, and drawn flat
    order: Order = Order.RANDOM  #: of listed values


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A typed variable of the model (global), of a state, or of an action.

    `initial` is its value when an iteration starts. A `generated` one is drawn from `ranges` instead: a global one when the
    iteration starts, a state's when the state is entered, an action's when the action is performed. The ranges of one that is
    not generated are its bounds: an action whose assignments would leave them is not offered.
    """

    name: str
    type: ParameterType
    initial: Scalar | None = None
    generated: bool = False
    ranges: tuple[Range, ...] = ()
    id: str = ""  #: `parameterUuid` of DAI files; empty when the file brings none
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One argument of a snippet: an expression over the variables in scope. `name` None: passed by position."""

    expression: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where one result of a snippet goes. `name` None: the whole result (or, of several, the one at this position)."""

    variable: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A piece of action code by reference, `module:function` or `module:Class.method`; never the code itself."""

    reference: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    disabled: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`variable = expression`. All assignments of an action see the values from before it and take effect together."""

    variable: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a user can do in a state.

    `targets` are ids of states or of sequent actions. None: the walk stays in the state. Several: the generator, or the next step
    of a directed test, picks one. `call_limit` counts calls within one iteration; 0 is no limit.
    """

    id: str
    name: str
    kind: ActionKind = ActionKind.NORMAL
    targets: tuple[str, ...] = ()
    guard: str | None = None
    assignments: tuple[Assignment, ...] = ()
    weight: int = 100
    call_limit: int = 0
    parameters: tuple[Parameter, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    sub_models: tuple[str, ...] = ()  #: names or uuids of models that are walked inside the action (ADR 0023)
    requirements: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)  #: fields of foreign files that we keep and do not read


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A place the system can be in, with the actions offered there. Its snippets run each time it is entered: they check it."""

    id: str
    name: str
    kind: StateKind = StateKind.NORMAL
    shared: str = ""  #: states of this shared name, in models that are joined, are one state (ADR 0025)
    actions: tuple[Action, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    requirements: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCaseStep:
    """One action of a directed test, by element id."""

    __test__ = False

    action: str
    parameters: Mapping[str, Scalar] = field(default_factory=dict)  #: overrides by variable name
    requirements: tuple[str, ...] = ()
    sub_model_test_case: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """A directed test: ordered actions that a run must perform in this order."""

    __test__ = False

    id: str
    name: str
    steps: tuple[TestCaseStep, ...]
    description: str = ""
    origin: str = ""
    external_id: str = ""
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where an element is drawn, in canvas units."""

    x: float
    y: float
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A whole model. Order is document order and matters: the same order and seed give the same path."""

    id: str  #: uuid; `modeluuid` in DAI's words
    name: str
    states: tuple[State, ...]
    global_actions: tuple[Action, ...] = ()  #: offered in every NORMAL state, and in START unless the flag below forbids it
    parameters: tuple[Parameter, ...] = ()
    test_cases: tuple[TestCase, ...] = ()
    suite: str = ""
    tags: tuple[str, ...] = ()
    description: str = ""
    run_cleanup_after_abort: bool = False
    global_actions_in_start: bool = True
    layout: Mapping[str, Box] = field(default_factory=dict)  #: by element id; no part of the model's logic
    extras: Mapping[str, Any] = field(default_factory=dict)

    def actions(self) -> Iterator[tuple[State | None, Action]]:
        """Every action with the state that owns it, in document order; global actions last, with None."""
        for state in self.states:
            for action in state.actions:
                yield state, action
        for action in self.global_actions:
            yield None, action


def derived_id(*place: str) -> str:
    """The id of an element whose file names none: a version 5 uuid of its place, e.g. `(model name, state name, action name)`."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(place)))
