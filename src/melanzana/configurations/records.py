"""What a test configuration is, and what came of each time that it was started (a task instance)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from melanzana.graph.model import Scalar

MAX_STEPS = 500
MAX_RETRIES = 10
MAX_PARALLELISM = 50


class StepKind(StrEnum):
    """What a step performs."""

    DIRECTED = "directed"  #: a test case of a model
    EXPLORATORY = "exploratory"  #: a walk through a model until its stop condition is met
    SCRIPT = "script"  #: a function of a suite, without a model


class StepStatus(StrEnum):
    """Where a step of a task instance stands, in the original product's words as far as it has one."""

    PENDING = "Pending"  #: its turn has not come
    RUNNING = "Running"  #: an execution of it is queued or at work
    PASSED = "Passed"
    FAILED = "Failed"  #: the system under test did something wrong
    ERROR = "Error"  #: the test could not be carried out
    CANCELLED = "Cancelled"  #: ended on request
    UNTESTED = "Untested"  #: left out by a filter, or not reached


class TaskState(StrEnum):
    """Where a task instance stands."""

    RUNNING = "Running"
    ABORTING = "Aborting"  #: to be ended; can only become CANCELLED
    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"
    CANCELLED = "Cancelled"


UNFINISHED = frozenset({TaskState.RUNNING, TaskState.ABORTING})
OPEN = frozenset({StepStatus.PENDING, StepStatus.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWish:
    """When an exploratory step is enough. None of them given: the default of a walk."""

    duration_seconds: float | None = None
    iterations: int | None = None
    target_coverage: float | None = None  #: per cent of the actions
    expression: str | None = None  #: a stop condition, as in a path expression


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationStep:
    """One step, in the order in which they are started."""

    id: str  #: uuid; stays when the configuration changes, so that results of one step can be compared
    name: str
    kind: StepKind
    model: str | None = None  #: uuid; None of a script
    test_case: str | None = None  #: id in the model, of a directed step
    stop: StopWish = field(default_factory=StopWish)
    path: str | None = None  #: path expression of an exploratory step; then `stop` is empty
    script: str | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    seed: int | None = None
    retries: int | None = None  #: None: as the configuration says


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The values of a configuration that a person chooses."""

    name: str
    description: str = ""
    steps: tuple[ConfigurationStep, ...] = ()
    suite: str | None = None  #: folder of the action code, or a stored suite; None: only paths are generated
    agents: tuple[int, ...] = ()  #: ids; steps take turns; none: any agent with the labels
    labels: tuple[str, ...] = ()
    sut_id: str | None = None
    criteria: tuple[str, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    retries: int = 0  #: how often a step that did not pass is tried again
    parallelism: int = 1  #: how many steps may be at work at once
    stop_on_failure: bool = False
    on_error: str | None = None
    notify: tuple[str, ...] = ()  #: names of notification profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class TestConfiguration:
    """A configuration as it is kept. `revision` grows with each change and is the ETag."""

    __test__ = False

    id: str  #: uuid
    realm: str
    draft: Draft
    revision: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str

    @property
    def name(self) -> str:
        return self.draft.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which steps are started; empty ones say nothing. A step must meet every one."""

    status_include: frozenset[StepStatus] = frozenset()  #: in the previous task instance
    status_exclude: frozenset[StepStatus] = frozenset()
    tag_include: frozenset[str] = frozenset()
    tag_exclude: frozenset[str] = frozenset()
    name_include: frozenset[str] = frozenset()
    name_exclude: frozenset[str] = frozenset()
    scenario_tag: str | None = None  #: an expression over tags

    @property
    def asks_before(self) -> bool:
        return bool(self.status_include or self.status_exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWish:
    """What a start of a configuration may say besides."""

    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    filter: Filter = field(default_factory=Filter)
    previous: str | None = None  #: uuid of the task instance that `filter` asks; None: the newest that has ended
    retries: int | None = None
    trigger: str = "api"  #: `api`, `page`, or `schedule` and its id


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step as it was frozen at the start: everything that its executions need."""

    step: ConfigurationStep
    model_name: str | None
    model_version: int | None
    test_case_name: str | None
    tags: tuple[str, ...]  #: of the configuration, the step and its test case
    parameters: Mapping[str, Scalar]  #: with every override, only those that the model has


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of a step."""

    number: int  #: from 1
    execution_id: str | None  #: None when the start was refused
    run_id: int | None
    status: StepStatus
    message: str = ""
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStep:
    """A step of a task instance and its attempts, oldest first."""

    position: int  #: from 0
    plan: PlannedStep
    status: StepStatus
    message: str = ""
    attempts: tuple[Attempt, ...] = ()

    @property
    def flaky(self) -> bool:
        """It passed, and not at the first try."""
        return self.status is StepStatus.PASSED and len(self.attempts) > 1

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInstance:
    """One time that a configuration was started, with the draft as it was then."""

    id: str  #: uuid
    realm: str
    configuration_id: str
    draft: Draft
    state: TaskState
    steps: tuple[TaskStep, ...] = field(repr=False)
    retries: int
    trigger: str
    revision: int
    created_at: datetime
    created_by: str  #: client_id
    ended_at: datetime | None = None
    previous: str | None = None
    message: str = ""

    @property
    def flaky(self) -> bool:
        return any(step.flaky for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which task instances a list shows, newest first."""

    configuration_id: str | None = None
    states: frozenset[TaskState] = frozenset()
    limit: int = 50
    offset: int = 0
