"""What the page of one run shows, of one moment: the report, where the walk stands, and how near it is to its end.

`service.view` asks a fold; `run_pages.py` and `live.py` show it. Pure. Cost: one pass over the model's elements.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from melanzana.errors import MelanzanaError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.generation.coverage import Transition
from melanzana.generation.path_expression import parse_path
from melanzana.generation.progress import Progress
from melanzana.generation.stop_conditions import AllOf, AnyOf, StopCondition
from melanzana.graph.model import Model
from melanzana.reports.folding import RunFold
from melanzana.reports.records import ElementTiming, Kept, RunReport


@dataclass(frozen=True, slots=True)
class StopRule:
    """One question of the path expression: when it is enough."""

    text: str
    ratio: float  #: how near it is, from 0 to 1
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the walk is in the run's own model."""

    here: str  #: id of the state; empty before the first
    action: str  #: id of the action that led there; empty before the first
    unsuccessful: frozenset[str]  #: ids of elements of which a step did not pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """All of it."""

    report: RunReport
    standing: Standing
    timings: tuple[ElementTiming, ...]
    kept: tuple[Kept, ...]
    rules: tuple[StopRule, ...]
    hits: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[Transition, int] = field(default_factory=dict)
    model: Model = field(repr=False)

    @property
    def is_live(self) -> bool:
        return self.report.row.execution.state not in TERMINAL


def view_of(report: RunReport, fold: RunFold) -> RunView:
    """Of a fold as far as it has come."""
    tally = fold.tally()
    return RunView(
        report=report,
        standing=Standing(here=fold.here, action=fold.last_action, unsuccessful=frozenset(fold.unsuccessful)),
        timings=fold.timings(),
        kept=fold.attachments(),
        rules=tuple(stop_rules(report.row.execution.path, fold.model, fold.figures())),
        hits=tally.hits,
        taken=tally.transition_hits,
        model=fold.model,
    )


def stop_rules(path: str, model: Model, figures: Progress) -> Iterator[StopRule]:
    """The questions of a path that is walked in one part; nothing of test cases and chains, whose parts count for themselves."""
    try:
        plan = parse_path(path, model)
    except MelanzanaError:  # an older version of Melanzana understood it
        return
    if plan.condition is not None and not plan.then:
        for one in _single(plan.condition):
            yield StopRule(text=str(one), ratio=one.progress(figures), met=one.met(figures))


def _single(condition: StopCondition) -> Iterator[StopCondition]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _single(part)
    else:
        yield condition
