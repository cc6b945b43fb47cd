"""Coverage of the newest version of a model over its runs: the curve, and how far it is to a goal; and what two versions have in
common of it. From digests: a question costs the sum of what came since the last one.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from melanzana.catalog.service import ModelRef
from melanzana.generation.coverage import counted_actions, counted_states, transitions_of
from melanzana.generation.kinds import Kind
from melanzana.graph.difference import difference
from melanzana.graph.model import Model
from melanzana.reports.carried import carried_over
from melanzana.reports.coverage import coverage_tree
from melanzana.reports.outcomes import ELEMENTS, kind_word
from melanzana.reports.prediction import Prediction, Sample, predict
from melanzana.reports.records import CoverageReport, CoverageTree, CoverageWish, Figures, Tally
from melanzana.reports.service import ReportService
from melanzana.reports.store import Scope
from melanzana.reports.sums import CurvePoint, RunSum

#: Points of a curve; what lies between is left out.
MOST_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryWish:
    """Coverage of what, by which runs, and the goal."""

    what: str = "action"  #: state, action, transition, path, variable
    depth: int = 1  #: of paths and variables
    performed_only: bool = False
    goal: float = 0.9  #: from 0 to 1

    @property
    def coverage(self) -> CoverageWish:
        return CoverageWish(
            performed_only=self.performed_only,
            path_depth=self.depth if self.what == "path" else None,
            variable_depth=self.depth if self.what == "variable" else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageHistory:
    """The curve over runs that have ended, and what is foretold of the feasible part."""

    report: CoverageReport
    figures: Figures
    points: tuple[CurvePoint, ...]
    runs: int
    mean_seconds: float  #: that a run takes
    prediction: Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementChange:
    """One state or action of the newer version."""

    kind: str
    id: str
    name: str
    inside: str  #: name of the state that has the action
    fresh: bool  #: is it new, or does it do something else than in the older version? Then nothing is carried over
    before: int  #: hits by runs of the older version; 0 of a fresh one
    after: int

    @property
    def status(self) -> str:
        """kept, lost, gained, open"""
        return ("open", "gained", "lost", "kept")[2 * bool(self.before) + bool(self.after)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageDifference:
    """What two versions were covered of."""

    old: CoverageTree
    new: CoverageTree
    old_runs: int
    new_runs: int
    items: tuple[ElementChange, ...]


async def history_of(service: ReportService, realm: str, model: ModelRef, wish: HistoryWish) -> CoverageHistory:
    """Raises NotFoundError."""
    newest, uuid = await service.newest(realm, model)
    report = await service.model_coverage(realm, model, wish.coverage)
    figures = _figures(report, wish.what)
    word, things = _things(newest, wish)
    scope = Scope(realm, uuid, report.model_version, word)

    def question(runs: RunSum) -> CoverageHistory:
        wanted = things(runs)
        covered, once, twice = runs.frequencies(wanted)
        total = max(figures.feasible.total, covered)
        sample = Sample(runs=len(runs.numbers), covered=covered, once=once, twice=twice, total=total)
        return CoverageHistory(
            report=report,
            figures=figures,
            points=_thinned(runs.curve(wanted)),
            runs=len(runs.numbers),
            mean_seconds=runs.seconds / len(runs.numbers) if runs.numbers else 0.0,
            prediction=predict(sample, wish.goal),
        )

    return await service.digests.sum(scope, question, performed_only=wish.performed_only)


def _figures(report: CoverageReport, what: str) -> Figures:
    further = report.further
    depths = {"path": further.paths, "variable": further.variables}
    if what in depths:
        found = depths[what]
        assert found is not None
        return found.figures
    return {"state": further.states, "action": further.actions, "transition": further.transitions}[what]


def _things(model: Model, wish: HistoryWish) -> tuple[str, Callable[[RunSum], frozenset[Hashable]]]:
    """The kind of digest, and what of its sum is meant."""
    kinds = wish.coverage.kinds
    if kinds:
        (kind,) = kinds
        return kind_word(kind), lambda runs: frozenset(thing for thing in runs.seen if _is_of(thing, kind))
    plain: dict[str, list[Hashable]] = {
        "state": [state.id for state in counted_states(model)],
        "action": [action.id for action in counted_actions(model)],
        "transition": [pair for action in counted_actions(model) for pair in transitions_of(action)],
    }
    wanted = frozenset(plain[wish.what])
    return ELEMENTS, lambda _: wanted


def _is_of(thing: Hashable, kind: Kind) -> bool:
    return isinstance(thing, tuple) and thing[0] == kind


def _thinned(points: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    if len(points) <= MOST_POINTS:
        return points
    step = len(points) / (MOST_POINTS - 1)
    return (*(points[int(number * step)] for number in range(MOST_POINTS - 1)), points[-1])


async def difference_of(service: ReportService, realm: str, model: ModelRef, old: int, new: int) -> CoverageDifference:
    """What runs of version `old` have covered of what is still in `new`, and what those of `new` have. Raises NotFoundError."""
    before, old_tally, old_runs = await service.version_tally(realm, model, old)
    after, new_tally, new_runs = await service.version_tally(realm, model, new)

    def compared() -> CoverageDifference:
        found = difference(before, after)
        kept = {to for frm, to in found.elements.items() if frm not in found.altered}
        carried = carried_over(old_tally, found, after)
        return CoverageDifference(
            old=coverage_tree(before, old_tally),
            new=coverage_tree(after, new_tally),
            old_runs=old_runs,
            new_runs=new_runs,
            items=tuple(_changes(after, kept, carried, new_tally)),
        )

    return await asyncio.to_thread(compared)


def _changes(model: Model, kept: set[str], before: Tally, after: Tally) -> list[ElementChange]:
    owners = {action.id: state.name if state else "anywhere" for state, action in model.actions()}
    elements = [("state", one.id, one.name) for one in counted_states(model)]
    elements += [("action", one.id, one.name) for one in counted_actions(model)]
    return [
        ElementChange(
            kind=kind,
            id=id_,
            name=name,
            inside=owners.get(id_, ""),
            fresh=id_ not in kept,
            before=before.hits.get(id_, 0),
            after=after.hits.get(id_, 0),
        )
        for kind, id_, name in elements
    ]
