"""Values to cover: which variables have some, how ranges are cut, and what the log of a run needs to tell of them."""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.kinds import Glance
from melanzana.generation.requirement_coverage import RequirementTracker, requirements_of
from melanzana.generation.step import StepKind, Verdict
from melanzana.generation.variable_coverage import Changes, Memory, VariableTracker
from melanzana.generation.variables import Variable, Variables
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Parameter, ParameterType, Range, StateKind
from support_models import simple_models
from support_walks import act, choice, flag, integer, model, place, start


def ranged(kind, *ranges):
    return Variable("", Parameter(name="v", type=ParameterType(kind), ranges=ranges))


@pytest.mark.parametrize(
    ("variable", "bins"),
    [
        (ranged("boolean"), ("false", "true")),
        (ranged("set", Range(values=("guest", "member"))), ("guest", "member")),
        (ranged("integer", Range(low=1, high=3)), ("1", "2", "3")),
        (ranged("integer", Range(low=1, high=100)), tuple(f"{10 * n + 1} to {10 * n + 10}" for n in range(10))),
        (ranged("integer", Range(low=0, high=6, bins=3)), ("0 to 2", "3 to 4", "5 to 6")),
        (ranged("integer", Range(low=0, high=1, bins=9)), ("0", "1")),
        (ranged("real", Range(low=0.0, high=1.0, bins=2)), ("0 to 0.5", "0.5 to 1")),
        (ranged("integer", Range(low=5)), ("5 and more",)),
        (ranged("real", Range(high=5)), ("5 and less",)),
        (ranged("integer", Range(values=(1, 7)), Range(low=7, high=8)), ("1", "7", "8")),
        (ranged("text", Range(low=1, high=5)), ()),
        (ranged("text"), ()),
        (ranged("integer"), ()),
    ],
)
def test_the_bins_of_a_variable(variable, bins):
    """What counts as a value to cover, in words."""
    assert variable.bins == bins


_SPANS = st.tuples(st.integers(-50, 50), st.integers(0, 60), st.none() | st.integers(1, 30))


@given(span=_SPANS)
def test_the_bins_of_a_range_of_whole_numbers_are_alike_and_none_is_empty(span):
    """Each number falls into one bin, in order; no bin has more than one number above any other."""
    low, width, bins = span
    variable = ranged("integer", Range(low=low, high=low + width, bins=bins))
    found = [variable.bin_of(value) for value in range(low, low + width + 1)]
    assert tuple(dict.fromkeys(found)) == variable.bins
    sizes = [found.count(label) for label in variable.bins]
    assert max(sizes) - min(sizes) <= 1
    ends = [(label.partition(" to ")[0], label.partition(" to ")[2] or label) for label in variable.bins]
    assert all(int(first) <= value <= int(last) for value, label in zip(range(low, low + width + 1), found, strict=True)
               for first, last in [ends[variable.bins.index(label)]])  # fmt: skip
    assert variable.bin_of(low - 1) is None
    assert variable.bin_of("x") is None


@given(value=st.floats(-2, 3, allow_nan=False), bins=st.integers(1, 30))
def test_a_real_number_falls_into_a_bin_exactly_when_it_is_in_range(value, bins):
    """Ends included."""
    variable = ranged("real", Range(low=-1.0, high=2.5, bins=bins))
    assert (variable.bin_of(value) is not None) == (-1.0 <= value <= 2.5)


SUBJECT = model(
    start(act("a", "A"), act("b", parameters=(choice("size", "S", "M", "L"),))),
    place("A", act("c"), parameters=(flag("user"),)),
    global_actions=(act("g"),),
    parameters=(choice("user", "guest", "member"), integer("n", 0, 0, 2)),
)


def test_the_innermost_declaration_is_the_one_that_an_action_sees():
    """In state A, `user` is another variable than elsewhere."""
    seen = {action: [(v.place, v.name) for v in variables] for action, variables in Variables(SUBJECT).seen_by.items()}
    assert seen["a"] == seen["g"] == [("", "user"), ("", "n")]
    assert seen["b"] == [("", "user"), ("", "n"), ("b", "size")]
    assert seen["c"] == [("A", "user"), ("", "n")]


def test_totals_are_values_and_pairs_that_an_action_sees_together():
    """user 2 + n 3 + size 3 + A's user 2; user×n, user×size, n×size, A's user×n."""
    assert VariableTracker(SUBJECT, 1).total == 10
    assert VariableTracker(SUBJECT, 2).total == 6 + 6 + 9 + 6


def test_values_are_counted_where_an_action_is_performed():
    """Not where a state is entered, and not outside of the range."""
    singles, pairs = VariableTracker(SUBJECT, 1), VariableTracker(SUBJECT, 2)
    for tracker in (singles, pairs):
        tracker.see(Glance(False, "A", None, 1, {"user": True, "n": 0}))
        tracker.see(Glance(True, "c", None, 1, {"user": True, "n": 9}))
        tracker.see(Glance(True, "c", None, 1, {"user": True, "n": 1}))
        tracker.see(Glance(True, "b", None, 1, {"user": "guest", "n": 1, "size": "S"}))
    assert singles.hits == {
        (("A", "user", "true"),): 2,
        (("", "n", "1"),): 2,
        (("", "user", "guest"),): 1,
        (("b", "size", "S"),): 1,
    }
    assert pairs.hits[("A", "user", "true"), ("", "n", "1")] == 1
    assert pairs.covered == 4


@given(subject=simple_models(), seed=st.integers(0, 2**32))
def test_a_log_of_changes_gives_the_same_coverage_as_the_values_themselves(subject, seed):
    """What `Changes` leaves out, `Memory` knows; coverage never shrinks and never exceeds the total."""
    walk = Walk(subject, WalkPlan(path="random(actions(40) or iterations(9))", seed=seed, dry=True))
    changes, memory = Changes(subject), Memory(subject)
    live = [VariableTracker(subject, depth) for depth in (1, 2)]
    folded = [VariableTracker(subject, depth) for depth in (1, 2)]
    for step in islice(iter(walk.next_step, None), 120):
        walk.record(step, Verdict.PASSED)
        is_action = step.kind is StepKind.ACTION
        told = changes.of(step.element_id, step.data) if is_action else {}
        before = [tracker.covered for tracker in live]
        for tracker in live:
            tracker.see(Glance(is_action, step.element_id, step.target, step.iteration, step.data))
        values = memory.of(step.element_id, told) if is_action else {}
        for tracker in folded:
            tracker.see(Glance(is_action, step.element_id, step.target, step.iteration, values))
        assert all(old <= t.covered <= t.total for old, t in zip(before, live, strict=True))
    assert [tracker.hits for tracker in folded] == [tracker.hits for tracker in live]


def test_only_what_changed_is_told():
    """The first action of a run tells all it sees."""
    changes = Changes(SUBJECT)
    assert changes.of("a", {"user": "guest", "n": 0, "other": 1}) == {"user": "guest", "n": 0}
    assert changes.of("a", {"user": "guest", "n": 0}) == {}
    assert changes.of("c", {"user": True, "n": 1}) == {"user": True, "n": 1}
    assert changes.of("a", {"user": "guest", "n": 1}) == {}


def test_variables_of_actions_that_do_not_count_are_not_asked_for():
    """Where nothing is walked no value can be covered."""
    subject = model(start(), place("Cleanup", act("x", parameters=(flag("f"),)), kind=StateKind.CLEANUP))
    assert VariableTracker(subject, 1).total == 0


def test_a_requirement_is_covered_by_any_element_that_is_marked_with_it():
    """Twice on one element is once, and elements that do not count do not count here either."""
    subject = model(
        replace(start(act("a", "A", requirements=("R1", "R1", "R2"))), requirements=("R3",)),
        place("A", requirements=("R1",)),
        place("Error", kind=StateKind.ERROR, requirements=("R9",)),
    )
    assert requirements_of(subject) == {"R3": ("Start",), "R1": ("A", "a"), "R2": ("a",)}
    tracker = RequirementTracker(subject)
    assert (tracker.covered, tracker.total) == (0, 3)
    tracker.see(Glance(False, "A", None, 1, {}))
    tracker.see(Glance(True, "a", "A", 1, {}))
    tracker.see(Glance(False, "Error", None, 1, {}))
    assert tracker.hits == {"R1": 2, "R2": 1}
