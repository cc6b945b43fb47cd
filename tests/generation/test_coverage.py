"""Coverage: what counts, what is covered, and that later visits do not change an earlier report."""

import pytest

from melanzana.generation.coverage import CoverageTracker, Covered, Measure
from support_walks import CLEANUP, ERROR, EXIT, act, back, model, place, sequent, start, walked

SUBJECT = model(
    start(act("go", "A", "B", "A")),
    place("A", act("type", "confirm"), sequent("confirm"), back("back")),
    place("B", act("end", "Exit")),
    EXIT,
    ERROR,
    CLEANUP,
    global_actions=(act("shout"),),
)


def test_special_states_count_only_when_an_action_leads_to_them():
    report = CoverageTracker(SUBJECT).report()
    assert report.states == Measure(covered=0, total=4)
    assert set(report.hits) == {"Start", "A", "B", "Exit", "Error", "Cleanup", "go", "type", "confirm", "back", "end", "shout"}


def test_actions_of_states_in_which_nothing_is_walked_do_not_count():
    subject = model(
        start(act("end", "Exit")),
        place("Exit", act("x"), kind=EXIT.kind),
        place("Cleanup", act("y"), kind=CLEANUP.kind),
        place("Error", act("z"), kind=ERROR.kind),
    )
    assert CoverageTracker(subject).report().actions.total == 1


def test_a_transition_is_a_pair_of_action_and_target():
    assert list(CoverageTracker(SUBJECT).report().transition_hits) == [
        ("go", "A"),
        ("go", "B"),
        ("type", "confirm"),
        ("confirm", None),
        ("back", None),
        ("end", "Exit"),
        ("shout", None),
    ]


def test_a_previous_action_is_one_transition_wherever_it_leads():
    tracker = CoverageTracker(SUBJECT)
    tracker.visit("action", "back", "Start")
    tracker.visit("action", "back", "B")
    assert tracker.report().transition_hits["back", None] == 2
    assert tracker.report().transitions.covered == 1


def test_hits_count_every_visit_and_coverage_the_first():
    tracker = CoverageTracker(SUBJECT)
    for target in ("A", "B", "A"):
        tracker.visit("state", "Start")
        tracker.visit("action", "go", target)
    report = tracker.report()
    assert (report.hits["Start"], report.hits["go"]) == (3, 3)
    assert (report.states.covered, report.actions.covered, report.transitions.covered) == (1, 1, 2)
    assert report.transition_hits["go", "A"] == 2


def test_what_the_model_does_not_have_is_left_out():
    tracker = CoverageTracker(SUBJECT)
    before = tracker.report()
    tracker.visit("state", "Nowhere")
    tracker.visit("state", "go")
    tracker.visit("action", "A")
    tracker.visit("action", "fly", "A")
    assert tracker.report() == before
    tracker.visit("action", "end", "Nowhere")
    assert tracker.report().actions.covered == 1
    assert tracker.report().transitions.covered == 0


def test_a_report_does_not_change_afterwards():
    tracker = CoverageTracker(SUBJECT)
    report = tracker.report()
    tracker.visit("state", "Start")
    assert report.hits["Start"] == 0
    assert tracker.hits("Start") == 1
    assert tracker.hits("Nowhere") == 0


def test_nothing_to_cover_is_covered():
    report = CoverageTracker(model(start())).report()
    assert report.actions.ratio == 1.0
    assert report.transitions.ratio == 1.0
    assert report.states.ratio == 0.0


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (Covered.STATES, ("B", "Exit")),
        (Covered.ACTIONS, ("type", "confirm", "back", "end", "shout")),
        (Covered.TRANSITIONS, ("go", "type", "confirm", "back", "end", "shout")),
    ],
)
def test_what_is_missing_is_named(kind: Covered, missing: tuple[str, ...]):
    tracker = CoverageTracker(SUBJECT)
    tracker.visit("state", "Start")
    tracker.visit("action", "go", "A")
    tracker.visit("state", "A")
    assert tracker.missing(kind) == missing


def test_a_walk_to_full_coverage_covers_everything():
    walk, _ = walked(SUBJECT, "random(transition_coverage(100) and state_coverage(100))")
    report = walk.coverage.report()
    assert [m.ratio for m in (report.states, report.actions, report.transitions)] == [1.0, 1.0, 1.0]
    assert all(walk.coverage.missing(kind) == () for kind in Covered)
