"""Two runs side by side: where their paths part, and what differs in verdict, plan, times and coverage.

`comparing_api.py` and `comparing_pages.py` show it. The logs are read together, a thousand lines at a time, and only up to the
first step that differs; the rest comes from the folds. Steps are the same when element and target are; a verdict that differs is
told as a divergence of its own kind.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from melanzana.protocol.events import StepFinished
from melanzana.reports.finding import BATCH, Reader
from melanzana.reports.records import ElementTiming
from melanzana.reports.viewing import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first step at which two runs are not the same; None stands for a run that had ended before."""

    number: int
    kind: str  #: `path`: another step; `verdict`: the same step came out otherwise
    one: StepFinished | None
    other: StepFinished | None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something of the plan or the end that is not the same."""

    name: str
    one: Any
    other: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDifference:
    """How long an element took in each run, in the middle; None: it was not performed."""

    element_id: str
    name: str
    kind: str
    one_seconds: float | None
    other_seconds: float | None

    @property
    def change_seconds(self) -> float:
        return (self.other_seconds or 0.0) - (self.one_seconds or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs."""

    divergence: Divergence | None  #: None: they walked the same way to the same verdicts
    facts: tuple[Fact, ...]
    times: tuple[TimeDifference, ...]  #: the largest change first
    only_one: tuple[str, ...]  #: names of elements that only the first run went through
    only_other: tuple[str, ...]


async def compare(one: RunView, other: RunView, read_one: Reader, read_other: Reader) -> Comparison:
    """`read_…`: the logs. Cost: up to the first difference."""
    attempts = (one.report.row.execution.attempt, other.report.row.execution.attempt)
    divergence = await first_divergence(_steps(read_one, attempts[0]), _steps(read_other, attempts[1]))
    names = _names(one) | _names(other)
    return Comparison(
        divergence=divergence,
        facts=tuple(_facts(one, other)),
        times=time_differences(one.timings, other.timings),
        only_one=tuple(sorted(names.get(each, each) for each in one.hits.keys() - other.hits.keys())),
        only_other=tuple(sorted(names.get(each, each) for each in other.hits.keys() - one.hits.keys())),
    )


async def first_divergence(one: AsyncIterator[StepFinished], other: AsyncIterator[StepFinished]) -> Divergence | None:
    """Where two walks part, if they do."""
    number = 0
    while True:
        number += 1
        mine, theirs = await anext(one, None), await anext(other, None)
        if mine is None and theirs is None:
            return None
        if mine is None or theirs is None or _place(mine) != _place(theirs):
            return Divergence(number=number, kind="path", one=mine, other=theirs)
        if mine.verdict != theirs.verdict:
            return Divergence(number=number, kind="verdict", one=mine, other=theirs)


def time_differences(one: Iterable[ElementTiming], other: Iterable[ElementTiming]) -> tuple[TimeDifference, ...]:
    """Of every element that one of them performed."""
    mine, theirs = {each.element_id: each for each in one}, {each.element_id: each for each in other}
    found = [_time(mine.get(each), theirs.get(each)) for each in mine.keys() | theirs.keys()]
    return tuple(sorted(found, key=lambda each: (-abs(each.change_seconds), each.name, each.element_id)))


def _time(one: ElementTiming | None, other: ElementTiming | None) -> TimeDifference:
    known = one or other
    assert known is not None
    return TimeDifference(
        element_id=known.element_id,
        name=known.name,
        kind=known.kind,
        one_seconds=None if one is None else one.total_seconds / one.count,
        other_seconds=None if other is None else other.total_seconds / other.count,
    )


async def _steps(read: Reader, attempt: int) -> AsyncIterator[StepFinished]:
    after = 0
    while events := await read(after, BATCH):
        after = events[-1].seq
        for stored in events:
            event = stored.event() if stored.attempt == attempt and stored.type == "StepFinished" else None
            if isinstance(event, StepFinished):
                yield event


def _place(step: StepFinished) -> tuple[str, str, str | None, str, int]:
    return step.kind, step.element_id, step.target, step.model, step.depth


def _facts(one: RunView, other: RunView) -> Iterable[Fact]:
    mine, theirs = _told(one), _told(other)
    names = [*mine, *(name for name in theirs if name not in mine)]
    return [Fact(name, mine.get(name), theirs.get(name)) for name in names if mine.get(name) != theirs.get(name)]


def _told(view: RunView) -> dict[str, Any]:
    run, plan, failing = view.report.row.execution, view.report.snapshot, view.report.failing
    parameters: Mapping[str, Any] = {f"parameter {name}": value for name, value in plan.parameters.items()}
    return {
        "state": str(run.state),
        "failing step": None if failing is None else f"{failing.number}, {failing.kind} {failing.element}: {failing.message}",
        "model": run.model_name,
        "model version": run.model_version,
        "model hash": plan.model_hash,
        "path": run.path,
        "seed": run.seed,
        "on error": plan.on_error,
        "action code": plan.suite,
        "agent": view.report.row.agent_name,
        "system under test": run.sut_id,
        "steps": view.report.progress.steps,
        **parameters,
    }


def _names(view: RunView) -> dict[str, str]:
    states = {state.id: f"state {state.name}" for state in view.model.states}
    return states | {action.id: f"action {action.name}" for _, action in view.model.actions()}
