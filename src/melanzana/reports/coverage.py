"""Coverage of a model as people read it: states, their actions, the transitions of each, with hit counts; and sums over runs.

What counts is `generation.coverage`'s business: a thing that does not count there does not appear here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from melanzana.generation.coverage import Measure, Transition, counted_actions, counted_states, transitions_of
from melanzana.generation.kinds import Kind
from melanzana.graph.model import Action, ActionKind, Model
from melanzana.reports.records import CoverageItem, CoverageTree, Tally


def summed(tallies: Iterable[Tally]) -> Tally:
    """The hits of several runs together."""
    hits: Counter[str] = Counter()
    transition_hits: Counter[Transition] = Counter()
    further: dict[Kind, Counter[Any]] = {}
    for tally in tallies:
        hits.update(tally.hits)
        transition_hits.update(tally.transition_hits)
        for kind, found in tally.further.items():
            further.setdefault(kind, Counter()).update(found)
    return Tally(hits=hits, transition_hits=transition_hits, further=further)


def coverage_tree(model: Model, tally: Tally) -> CoverageTree:
    """The coverage of `model` that `tally` stands for."""
    items = _state_items(model, tally)
    everything = list(flat(items))
    return CoverageTree(
        states=_measure(everything, "state"),
        actions=_measure(everything, "action"),
        transitions=_measure(everything, "transition"),
        root=_around(model.name, "model", model.id, items),
        transition_hits={pair: hits for pair, hits in tally.transition_hits.items() if hits},
    )


def _state_items(model: Model, tally: Tally) -> tuple[CoverageItem, ...]:
    names = {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()}
    counted = {action.id for action in counted_actions(model)}

    def inside(actions: Sequence[Action]) -> tuple[CoverageItem, ...]:
        return tuple(_action_item(action, tally, names) for action in actions if action.id in counted)

    states = [
        _element(state.name, "state", state.id, tally.hits.get(state.id, 0), inside(state.actions))
        for state in counted_states(model)
    ]
    if model.global_actions:
        states.append(_around("anywhere", "global", None, inside(model.global_actions)))
    return tuple(states)


def _action_item(action: Action, tally: Tally, names: dict[str, str]) -> CoverageItem:
    transitions = tuple(
        _element(_target_name(action, target, names), "transition", None, tally.transition_hits.get((action.id, target), 0))
        for _, target in transitions_of(action)
    )
    return _element(action.name, "action", action.id, tally.hits.get(action.id, 0), transitions)


def _target_name(action: Action, target: str | None, names: dict[str, str]) -> str:
    if target is not None:
        return names.get(target, target)
    return "(back to the previous state)" if action.kind is ActionKind.PREVIOUS else "(stays)"


def _element(name: str, kind: str, element_id: str | None, hits: int, items: tuple[CoverageItem, ...] = ()) -> CoverageItem:
    return CoverageItem(
        name=name,
        kind=kind,
        element_id=element_id,
        hit_count=hits,
        covered=(hits > 0) + sum(item.covered for item in items),
        total=1 + sum(item.total for item in items),
        items=items,
    )


def _around(name: str, kind: str, element_id: str | None, items: tuple[CoverageItem, ...]) -> CoverageItem:
    """A group that is nothing to cover itself."""
    return CoverageItem(
        name=name,
        kind=kind,
        element_id=element_id,
        hit_count=sum(item.hit_count for item in items),
        covered=sum(item.covered for item in items),
        total=sum(item.total for item in items),
        items=items,
    )


def flat(items: Iterable[CoverageItem]) -> Iterable[CoverageItem]:
    """Every item, each before those inside it."""
    for item in items:
        yield item
        yield from flat(item.items)


def _measure(items: Sequence[CoverageItem], kind: str) -> Measure:
    hits = [item.hit_count for item in items if item.kind == kind]
    return Measure(covered=sum(1 for count in hits if count), total=len(hits))
