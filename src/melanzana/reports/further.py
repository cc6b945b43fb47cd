"""Coverage beyond states, actions and transitions, and the feasible part of every kind; asked for by `service.py`.

Each kind has two denominators: the plain one counts everything that the model's shape allows, the feasible one leaves out what
guards and data keep from ever being done (`generation/feasible.py`). What was covered all the same, by a test case or with other
parameters, counts as feasible: a ratio never exceeds 1.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from melanzana.generation.coverage import Measure, counted_actions, counted_states, transitions_of
from melanzana.generation.feasible import feasible
from melanzana.generation.feasible_kinds import FeasibleKinds, feasible_requirements
from melanzana.generation.kinds import Kind, Word
from melanzana.generation.requirement_coverage import requirements_of
from melanzana.generation.variables import Variables
from melanzana.generation.watching import watcher
from melanzana.graph.model import Model, Value
from melanzana.reports.records import CoverageTree, Figures, FurtherCoverage, KindFigures, RequirementItem, Tally

#: Configurations looked at for one report.
FEASIBLE_LIMIT = 20_000
#: Values that were not covered and are named.
NAMED_VALUES = 50


def further_coverage(model: Model, tree: CoverageTree, tally: Tally, parameters: Mapping[str, Value], dry: bool) -> FurtherCoverage:
    """The figures of a tally; `tree` is of the same. Errors: none, for a model that was walked."""
    found = feasible(model, parameters=parameters, dry=dry, limit=FEASIBLE_LIMIT)
    kinds = FeasibleKinds(model, parameters=parameters, dry=dry) if tally.further else None
    depths = {kind.word: _kind_figures(model, kind, hits, kinds) for kind, hits in tally.further.items() if kinds is not None}
    items = _requirements(model, tally, feasible_requirements(model, found))
    states = [state.id for state in counted_states(model)]
    actions = counted_actions(model)
    pairs = [pair for action in actions for pair in transitions_of(action)]
    return FurtherCoverage(
        states=Figures(plain=tree.states, feasible=_with(found.states, states, tally.hits)),
        actions=Figures(plain=tree.actions, feasible=_with(found.actions, [action.id for action in actions], tally.hits)),
        transitions=Figures(plain=tree.transitions, feasible=_with(found.transitions, pairs, tally.transition_hits)),
        requirements=_requirement_figures(items),
        requirement_items=items,
        paths=depths.get(Word.PATH),
        variables=depths.get(Word.VARIABLE),
        complete=found.complete,
        reason=found.reason,
    )


def _with(known: Set[Any], counted: Iterable[Any], hits: Mapping[Any, int]) -> Measure:
    """Of the feasible ones, and of what was covered all the same."""
    covered = {one for one in counted if hits.get(one)}
    return Measure(covered=len(covered), total=len(known | covered))


def _requirements(model: Model, tally: Tally, possible: Set[str]) -> tuple[RequirementItem, ...]:
    return tuple(
        RequirementItem(
            requirement=requirement,
            hit_count=sum(tally.hits.get(element, 0) for element in elements),
            element_ids=elements,
            feasible=requirement in possible or any(tally.hits.get(element) for element in elements),
        )
        for requirement, elements in requirements_of(model).items()
    )


def _requirement_figures(items: tuple[RequirementItem, ...]) -> Figures:
    covered = sum(item.hit_count > 0 for item in items)
    return Figures(
        plain=Measure(covered=covered, total=len(items)),
        feasible=Measure(covered=covered, total=sum(item.feasible for item in items)),
    )


def _kind_figures(model: Model, kind: Kind, hits: Mapping[Any, int], kinds: FeasibleKinds) -> KindFigures:
    plain = Measure(covered=len(hits), total=watcher(model, kind).total)
    if kind.word is Word.PATH:
        count = kinds.paths(kind.depth)
        feasible_total = plain.total if count is None else max(count, plain.covered)
        return _figures(kind, plain, feasible_total, count is not None)
    values = kinds.values(kind.depth)
    total = plain.total if values is None else len(values | hits.keys())
    left = () if kind.depth > 1 else _missing(model, hits, values)
    return _figures(kind, plain, total, values is not None, left)


def _figures(kind: Kind, plain: Measure, total: int, known: bool, missing: tuple[str, ...] = ()) -> KindFigures:
    figures = Figures(plain=plain, feasible=Measure(covered=plain.covered, total=total))
    return KindFigures(depth=kind.depth, figures=figures, known=known, missing=missing)


def _missing(model: Model, hits: Mapping[Any, int], possible: Set[Any] | None) -> tuple[str, ...]:
    """`basket = 2`: feasible values that no action was performed with."""
    bins = [(v.place, v.name, label) for v in Variables(model).all for label in v.bins]
    left = [one for one in bins if (one,) not in hits and (possible is None or (one,) in possible)]
    return tuple(f"{name} = {label}" for _, name, label in left[:NAMED_VALUES])
