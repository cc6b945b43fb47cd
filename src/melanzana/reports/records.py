"""What the folds take in and give out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from melanzana.executions.records import ExecutionSummary
from melanzana.generation.coverage import Measure, Transition
from melanzana.generation.kinds import Kind, Word
from melanzana.protocol.events import AttachmentStored
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports.files.records import IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingStep:
    """The first step of an attempt that did not pass: where to look."""

    seq: int  #: of its event in the run's log
    number: int
    iteration: int
    kind: str
    element_id: str
    element: str
    verdict: str
    message: str
    at_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the newest attempt has come."""

    steps: int
    actions: int
    iterations: int
    states: Measure
    action_coverage: Measure
    transitions: Measure
    requirements: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementTiming:
    """How long one element took, over all its steps in the newest attempt. Seconds."""

    element_id: str
    name: str
    kind: str
    count: int
    total_seconds: float
    max_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of a run's log in DAI's words."""

    id: int  #: number of the event in the run's log, from 1
    eventtime: datetime
    testrunid: int
    message: str
    severity: str
    step_id: int | None
    stage: str
    message_type: str
    image_name: str | None = None
    image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that was kept for a run."""

    id: int  #: of its event in the run's log
    name: str
    media_type: str
    size: int  #: bytes
    sha256: str
    step: int | None  #: number of the step it belongs to

    @classmethod
    def of(cls, file: AttachmentStored, seq: int) -> "Kept":
        """What event number `seq` tells."""
        return cls(id=seq, name=file.name, media_type=file.media_type, size=file.size, sha256=file.sha256, step=file.step)

    @property
    def is_trace(self) -> bool:
        """Can Playwright's trace viewer open it?"""
        return self.media_type == "application/zip" and self.name.endswith("trace.zip")

    @property
    def is_image(self) -> bool:
        """Can a browser show it as a picture?"""
        return self.media_type.partition(";")[0].strip().lower() in IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often each thing was gone through; what is missing was not."""

    hits: Mapping[str, int] = field(default_factory=dict)  #: by id of a state or action
    transition_hits: Mapping[Transition, int] = field(default_factory=dict)
    further: Mapping[Kind, Mapping[Any, int]] = field(default_factory=dict)  #: of the kinds that were asked for, as watchers count


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageItem:
    """One element with what lies inside it. `covered` of `total` things that count, itself included, were gone through."""

    name: str
    kind: str  #: model, state, global, action, transition
    element_id: str | None
    hit_count: int
    covered: int
    total: int
    items: tuple["CoverageItem", ...] = ()

    @property
    def coverage(self) -> float:
        """From 0 to 1; 1 when there is nothing to cover."""
        return self.covered / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTree:
    """Coverage of a model: the figures of each kind, and the elements one inside the other."""

    states: Measure
    actions: Measure
    transitions: Measure
    root: CoverageItem
    transition_hits: Mapping[Transition, int] = field(default_factory=dict)  #: without those that were not taken


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageWish:
    """What of the coverage of a model is asked for."""

    performed_only: bool = False  #: leave out dry runs
    path_depth: int | None = None  #: transitions in a row, 1 to 5
    variable_depth: int | None = None  #: variables together, 1 or 2
    since_version: int | None = None  #: add what older versions, from this one on, have covered of what did not change

    @property
    def kinds(self) -> frozenset[Kind]:
        """The further kinds that must be counted."""
        path = {Kind(Word.PATH, self.path_depth)} if self.path_depth else set()
        return frozenset(path | ({Kind(Word.VARIABLE, self.variable_depth)} if self.variable_depth else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One kind against both denominators."""

    plain: Measure  #: of everything that the shape of the model allows
    feasible: Measure  #: of what guards and data do not rule out


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """Paths or values of variables at one depth."""

    depth: int
    figures: Figures
    known: bool  #: was the feasible part counted? If not it is taken to be everything
    missing: tuple[str, ...] = ()  #: the first values that no action was performed with, `basket = 2`


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementItem:
    """One requirement: covered as soon as an element that is marked with it was gone through."""

    requirement: str
    hit_count: int
    element_ids: tuple[str, ...]
    feasible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherCoverage:
    """Every kind against both denominators."""

    states: Figures
    actions: Figures
    transitions: Figures
    requirements: Figures
    requirement_items: tuple[RequirementItem, ...]
    paths: KindFigures | None
    variables: KindFigures | None
    complete: bool  #: was everything looked at that may be feasible?
    reason: str  #: why not


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageReport:
    """Coverage of a version of a model over `runs` runs, of which `dry_runs` performed no code."""

    tree: CoverageTree
    further: FurtherCoverage
    model_version: int
    runs: int
    dry_runs: int
    carried: Mapping[int, int] = field(default_factory=dict)  #: runs of older versions that were carried over, by version


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as lists show it."""

    execution: ExecutionSummary
    model_number: int | None  #: the model's integer id
    agent_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    rows: tuple[RunRow, ...]
    total: int  #: on all pages


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run with what its log says so far."""

    row: RunRow
    snapshot: Snapshot = field(repr=False)
    progress: Progress
    failing: FailingStep | None
    last_seq: int = 0  #: number of the last event that was looked at
    names: Mapping[str, str] = field(default_factory=dict)  #: of states by id
    case: str = ""  #: name of the test case that it performs
    log_removed_at: datetime | None = None  #: when its time was over; what it came to stays
    attachments_removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    entries: tuple[LogEntry, ...]
    total: int  #: in the whole log


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCounts:
    """Executions of a realm that have not ended."""

    queued: int
    held: int
