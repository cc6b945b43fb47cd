"""Stop conditions over paths, values, requirements and feasible parts: read, met exactly when they say, refused if impossible."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import ImpossibleGoalError, PathExpressionError
from melanzana.generation.kinds import Kind, Word
from melanzana.generation.path_expression import parse_path
from melanzana.generation.step import Verdict
from melanzana.generation.stop_conditions import FurtherCoverage, asked_kinds
from melanzana.generation.totals import Given
from melanzana.generation.walk import Walk, WalkPlan
from support_tours import smalls
from support_walks import act, choice, integer, model, place, start, walked

SUBJECT = model(
    start(act("a", "A", requirements=("R1",)), act("b", "B", when="n > 5", requirements=("R2",))),
    place("A", act("c", "Start", sets="n = n + 1"), act("d", "A"), requirements=("R3",)),
    place("B", act("e", "Start", requirements=("R1",))),
    parameters=(integer("n", 0, 0, 3), choice("user", "guest", "member", generated=True)),
)


def condition(text, subject=SUBJECT, given_values=None):
    found = parse_path(f"random({text})", subject, Given(given_values or {})).condition
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("path_coverage(1, 100)", 5),
        ("path_coverage(2,50)", 5),
        ("path_coverage( 2 , 0 )", 0),
        ("variable_coverage(1, 100)", 6),
        ("variable_coverage(2, 100)", 8),
        ("requirement_coverage(66.7)", 3),
        ("feasible_path_coverage(1, 100)", 3),
        ("feasible_variable_coverage(1, 100)", 6),
        ("feasible_requirement_coverage(100)", 2),
        ("feasible_state_coverage(100)", 2),
        ("feasible_action_coverage(100)", 3),
        ("FEASIBLE_transition_coverage(50)", 2),
    ],
)
def test_a_percentage_is_of_all_or_of_what_is_feasible(text, needed):
    """Rounded up; nothing is needed for 0 percent."""
    assert condition(text).needed == needed


def test_what_is_feasible_goes_by_the_values_of_the_walk():
    """With a variable fixed, less or more can be covered."""
    assert condition("feasible_variable_coverage(1, 100)", given_values={"user": "guest"}).needed == 5
    subject = model(start(act("a", when="n > 5"), act("b")), parameters=(integer("n"),))
    assert condition("feasible_action_coverage(100)", subject).needed == 1
    assert condition("feasible_action_coverage(100)", subject, {"n": 6}).needed == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path_coverage(6, 100)",
            "path_coverage takes a depth from 1 to 5 and a percentage, like path_coverage(2, 80), not '6, 100'",
        ),
        ("path_coverage(100)", "takes a depth from 1 to 5"),
        ("variable_coverage(3, 1)", "takes a depth from 1 to 2"),
        ("variable_coverage(1, 101)", "takes a number from 0 to 100"),
        ("path_coverage", "a depth and a percentage"),
        ("feasible_steps(3)", "unknown stop condition"),
        ("feasible_edge_coverage(3)", "unknown stop condition"),
        ("requirement_coverage()", "expected"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text, message):
    """Depths have bounds."""
    with pytest.raises(PathExpressionError, match=re.escape(message)):
        condition(text)


def test_a_requirement_that_cannot_be_reached_is_refused():
    """Plainly by arcs, or by guards before the first step; the feasible ones can be met."""
    lost = model(start(act("a", requirements=("R1",))), place("Lost", requirements=("R2",)))
    with pytest.raises(ImpossibleGoalError, match="asks for 2 of 2 requirements, and only 1 can be reached; not 'Lost'"):
        condition("requirement_coverage(100)", lost)
    assert condition("requirement_coverage(50)", lost).needed == 1
    with pytest.raises(ImpossibleGoalError, match="'b' in 'Start'"):
        walked(SUBJECT, "random(requirement_coverage(100))")
    walk, _ = walked(SUBJECT, "random(feasible_requirement_coverage(100))")
    assert walk.outcome.verdict is Verdict.PASSED


def test_only_the_kinds_that_are_asked_about_are_counted():
    """However deep they stand in a condition."""
    asked = condition("(path_coverage(2, 50) and steps(3)) or (variable_coverage(1, 10) and path_coverage(3, 1))")
    assert asked_kinds(asked) == {Kind(Word.PATH, 2), Kind(Word.PATH, 3), Kind(Word.VARIABLE, 1)}
    assert asked_kinds(condition("state_coverage(100) or never")) == frozenset()
    assert Walk(SUBJECT, WalkPlan(path="random(steps(3))", seed=1)).coverage.watchers == {}


def test_a_walk_ends_as_soon_as_a_condition_is_met():
    """Not an action before, and none after."""
    for text in ("path_coverage(2, 40)", "variable_coverage(2, 50)", "feasible_path_coverage(3, 50)", "requirement_coverage(60)"):
        walk, _ = walked(SUBJECT, f"random({text} or actions(500))", seed=3)
        found = condition(text)
        assert isinstance(found, FurtherCoverage)
        (watcher,) = walk.coverage.watchers.values()
        assert (walk.outcome.verdict, watcher.covered) == (Verdict.PASSED, found.needed)
        assert walk.progress() == 1.0


@settings(max_examples=40, deadline=None)
@given(small=smalls(guarded=True, most=5), seed=st.integers(0, 2**32))
def test_whatever_is_feasible_is_covered_in_the_end(small, seed):
    """By a tour whose transitions all can be taken, and then `feasible_…(100)` is met."""
    subject = small.model()
    walk, _ = walked(subject, "tour()", seed=seed)
    for word, covered in zip(("state", "action", "transition"), walk.coverage.covered, strict=True):
        assert condition(f"feasible_{word}_coverage(100)", subject).needed == covered


def test_a_tour_that_still_lacks_paths_says_so():
    """A tour goes through transitions; paths that are left are an error with the reason, as other coverage is."""
    walk, _ = walked(SUBJECT, "tour(path_coverage(2, 100))")
    assert walk.outcome.verdict is Verdict.ERROR
    assert "the stop condition stands at" in walk.outcome.message


def test_very_many_paths_are_counted_exactly():
    """Percentages of numbers beyond those of floating point."""
    subject = model(start(*(act(f"a{number}") for number in range(2_000))))
    assert condition("path_coverage(5, 100)", subject).needed == 2_000**5
    assert str(condition("feasible_path_coverage(2, 12.5)", SUBJECT)) == "feasible_path_coverage(2, 12.5)"
