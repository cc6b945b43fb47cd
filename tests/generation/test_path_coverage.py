"""n-step paths: how many there are, which were taken, and that a walk takes none that does not count."""

from itertools import islice, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.kinds import Glance, Kind, Word
from melanzana.generation.path_coverage import PathTracker
from melanzana.generation.step import StepKind, Verdict
from melanzana.generation.succession import Succession
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.generation.watching import watch
from support_models import simple_models
from support_tours import smalls
from support_walks import EXIT, act, back, model, place, sequent, start

DIAMOND = model(
    start(act("a", "A"), act("b", "B")), place("A", act("c", "C")), place("B", act("d", "C")), place("C", act("e", "Start"))
)


def shown(tracker, *path, iteration=1):
    """The tracker after these actions, each `name` or `name>target`."""
    for word in path:
        name, _, target = word.partition(">")
        tracker.see(Glance(True, name, target or None, iteration, {}))
    return tracker


@pytest.mark.parametrize(("depth", "total"), [(1, 5), (2, 6), (3, 8), (4, 10), (5, 12)])
def test_how_many_paths_a_small_model_has(depth, total):
    """Counted by hand: two ways through the diamond, and round again."""
    assert Succession(DIAMOND).count(depth) == total


@given(small=smalls(guarded=True, most=5), depth=st.integers(1, 3))
def test_the_count_is_that_of_brute_force(small, depth):
    """All sequences of arcs are tried, guards left aside."""
    paths = product(small.arcs, repeat=depth)
    wanted = sum(all(one.head == two.tail for one, two in pairwise(path)) for path in paths)
    assert Succession(small.model()).count(depth) == wanted


@given(subject=simple_models(), seed=st.integers(0, 2**32), depth=st.integers(1, 5))
def test_every_path_of_a_walk_counts_once(subject, seed, depth):
    """Chains, ways back and global actions included, what a walk takes in a row is one of the paths."""
    walk = Walk(subject, WalkPlan(path="random(actions(60) or iterations(9))", seed=seed, dry=True))
    tracker = PathTracker(subject, depth)
    rows: dict[int, list[tuple[str, str | None]]] = {}
    to_previous = {action.id for _, action in subject.actions() if action.kind == "previous"}
    before = 0
    for step in islice(iter(walk.next_step, None), 200):
        walk.record(step, Verdict.PASSED)
        tracker.see(Glance(step.kind is StepKind.ACTION, step.element_id, step.target, step.iteration, {}))
        if step.kind is StepKind.ACTION:
            target = None if step.element_id in to_previous else step.target
            rows.setdefault(step.iteration, []).append((step.element_id, target))
        assert before <= tracker.covered <= tracker.total
        before = tracker.covered
    wanted = [tuple(row[first : first + depth]) for row in rows.values() for first in range(len(row) - depth + 1)]
    assert set(tracker.hits) == set(wanted)
    assert sum(tracker.hits.values()) == len(wanted)


def test_paths_of_one_transition_are_the_transitions():
    """Also where sequent, previous and global actions are about."""
    subject = model(
        start(act("go", "A", "B")),
        place("A", act("type", "confirm"), sequent("confirm", "B"), sequent("lost"), back("back")),
        place("B", act("end", "Exit")),
        EXIT,
        global_actions=(act("shout"), back("undo"), sequent("anyhow")),
    )
    assert Succession(subject).count(1) == CoverageTracker(subject).totals[2]


def test_a_path_ends_with_its_iteration():
    """The last action of one iteration and the first of the next are not in a row."""
    tracker = shown(PathTracker(DIAMOND, 2), "a>A", "c>C")
    shown(tracker, "e>Start", "b>B", iteration=2)
    assert set(tracker.hits) == {(("a", "A"), ("c", "C")), (("e", "Start"), ("b", "B"))}


def test_what_cannot_be_is_not_counted():
    """An unknown action, or one that cannot follow, covers nothing."""
    tracker = shown(PathTracker(DIAMOND, 2), "a>A", "e>Start", "b>B", "fly>C", "d>C", "a>A")
    assert set(tracker.hits) == {(("e", "Start"), ("b", "B"))}


def test_nothing_is_counted_unless_it_is_asked_for():
    """A tracker has no watchers of its own, and two questions make one."""
    coverage = CoverageTracker(DIAMOND)
    assert coverage.watchers == {}
    assert watch(coverage, DIAMOND, Kind(Word.PATH, 2)) is watch(coverage, DIAMOND, Kind(Word.PATH, 2))
    coverage.see(Glance(True, "a", "A", 1, {}))
    coverage.see(Glance(True, "c", "C", 1, {}))
    assert coverage.watchers[Kind(Word.PATH, 2)].covered == 1


def test_large_models_have_more_paths_than_can_be_listed():
    """The count stays exact and quick where listing would never end."""
    actions = [act(f"a{number}") for number in range(1_000)]
    assert Succession(model(start(*actions))).count(5) == 1_000**5
