"""Coverage as people read it agrees with coverage as the walk counts it."""

from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.coverage import CoverageTracker
from melanzana.graph.model import Model
from melanzana.reports.coverage import coverage_tree, summed
from melanzana.reports.records import CoverageItem, Tally
from support_executions import doors
from support_models import models
from support_reports import plan, stored, walked


def tally_of(tracker: CoverageTracker) -> Tally:
    report = tracker.report()
    return Tally(hits=report.hits, transition_hits=report.transition_hits)


def walk_some(model: Model, choices: list[int]) -> CoverageTracker:
    """A tracker that saw some visits of the model, possible or not."""
    tracker = CoverageTracker(model)
    visits = [("state", state.id, None) for state in model.states]
    visits += [("action", action.id, target) for _, action in model.actions() for target in (*action.targets, None)]
    for choice in choices:
        tracker.visit(*visits[choice % len(visits)])
    return tracker


@given(models(), st.lists(st.integers(0, 10_000), max_size=30))
def test_figures_are_those_of_the_tracker(model: Model, choices: list[int]) -> None:
    """Of any model and any visits the tree counts exactly what the tracker counts."""
    tracker = walk_some(model, choices)
    report = tracker.report()
    tree = coverage_tree(model, tally_of(tracker))
    assert (tree.states, tree.actions, tree.transitions) == (report.states, report.actions, report.transitions)
    assert tree.root.total == report.states.total + report.actions.total + report.transitions.total
    assert tree.root.covered == report.states.covered + report.actions.covered + report.transitions.covered


@given(st.lists(st.lists(st.integers(0, 100), max_size=8), max_size=5))
def test_sums_over_runs_are_one_long_run(runs: list[list[int]]) -> None:
    """Hits of several runs together are those of one run that did all of it."""
    parts = summed(tally_of(walk_some(doors(), run)) for run in runs)
    whole = walk_some(doors(), [choice for run in runs for choice in run])
    assert coverage_tree(doors(), parts) == coverage_tree(doors(), tally_of(whole))


def test_elements_lie_inside_each_other() -> None:
    """A state holds its actions, an action its transitions; each has its hits and the ratio of what lies inside."""
    tracker = CoverageTracker(doors())
    hall, room = doors().states[0], doors().states[1]
    tracker.visit("state", hall.id)
    tracker.visit("action", hall.actions[0].id, room.id)
    tracker.visit("action", hall.actions[0].id, room.id)
    tree = coverage_tree(doors(), tally_of(tracker))
    named = {item.name: item for item in tree.root.items}
    (opening,) = named["Hall"].items
    (way,) = opening.items
    assert (named["Hall"].kind, named["Hall"].hit_count, named["Hall"].coverage) == ("state", 1, 1.0)
    assert (opening.kind, opening.name, opening.hit_count, opening.element_id) == ("action", "open", 2, hall.actions[0].id)
    assert (way.kind, way.name, way.hit_count) == ("transition", "Room", 2)
    assert named["Room"].coverage == 0.0
    assert (tree.root.kind, tree.root.name) == ("model", "Doors")


def test_a_whole_walk_covers_the_whole_model() -> None:
    """A run through everything has ratio 1 at every element."""

    def ratios(item: CoverageItem) -> set[float]:
        return {item.coverage}.union(*(ratios(inner) for inner in item.items))

    tracker = CoverageTracker(doors())
    for line in stored(walked(plan())):
        if line.type == "StepFinished":
            tracker.visit(line.body["kind"], line.body["element_id"], line.body.get("target"))
    assert ratios(coverage_tree(doors(), tally_of(tracker)).root) == {1.0}
