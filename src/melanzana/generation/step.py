"""What a walk asks to be performed, and what it is told in return: the words between `Walk` and whoever performs.

`Walk.next_step` returns a `Step`; the runner performs its calls and tells `Walk.record` the `Verdict` and the outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from melanzana.graph.model import Output, StateKind, Value


class Verdict(StrEnum):
    """How one step, or a whole run, came out."""

    PASSED = "passed"
    FAILED = "failed"  #: the system under test did something wrong: the snippet raised
    ERROR = "error"  #: the test could not be carried out: code missing, data wrong, agent lost


class OnError(StrEnum):
    """What the walk does when a step does not pass (ADR 0009)."""

    CLEAN = "clean"  #: enter the Error state, then Cleanup, and end
    CONTINUE = "continue"  #: note it and walk on as if the step had passed
    IMMEDIATE = "immediate"  #: end at once, without Error and Cleanup
    DEBUG = "debug"  #: pause until somebody continues or aborts


class StepKind(StrEnum):
    STATE = "state"  #: a state is entered: its snippets check it
    ACTION = "action"  #: an action is performed


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One snippet to perform, with its inputs already evaluated. Calls of a step are performed in order."""

    reference: str
    arguments: tuple[Value, ...] = ()
    named_arguments: Mapping[str, Value] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One element to perform: a state entered or an action performed. An element without calls may still be bound by its name."""

    number: int  #: from 1, over the whole run
    iteration: int  #: from 1
    kind: StepKind
    element_id: str
    name: str
    state: str  #: name of the state entered, or of the state in which the action is performed
    state_kind: StateKind
    target: str | None = None  #: of an action: id of the state or action chosen as its target; None when the walk stays
    target_name: str | None = None
    calls: tuple[Call, ...] = ()
    data: Mapping[str, Value] = field(default_factory=dict)  #: every variable in scope, by name
    requirements: tuple[str, ...] = ()
    model: str = ""  #: uuid of the sub-model that the step belongs to; empty for the model that is walked
    depth: int = 0  #: how many actions with sub-models the step lies in


class EndReason(StrEnum):
    """Why a walk ended."""

    STOP_CONDITION = "stop_condition"  #: the stop condition is met
    EXIT = "exit"  #: read in events of other versions; a walk that ends at Exit says STOP_CONDITION
    TEST_CASE_DONE = "test_case_done"  #: every step of the test case was performed
    DEAD_END = "dead_end"  #: no action can be performed here and there is no way to start over
    STEP_NOT_PASSED = "step_not_passed"
    EVALUATION_ERROR = "evaluation_error"  #: a guard or assignment failed on the data at hand
    IMPOSSIBLE_STEP = "impossible_step"  #: the next step of the test case cannot follow
    ABORTED = "aborted"
    SETUP_FAILED = "setup_failed"  #: the model, the path or the action code could not be loaded: nothing was walked
    CRASHED = "crashed"  #: the process that walked died; told by the agent, never by a walk
    TIMED_OUT = "timed_out"  #: a step, or the run, took longer than the agent allows; told by the agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a walk ended. `message` names the first step that did not pass, or what is missing."""

    verdict: Verdict
    reason: EndReason
    message: str = ""
