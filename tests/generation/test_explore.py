"""`explore` looks for what is new, of every kind that it knows."""

from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melanzana.errors import MelanzanaError, PathExpressionError
from melanzana.generation.feasible import feasible
from melanzana.generation.history import History, add
from melanzana.generation.path_expression import parse_path
from melanzana.generation.step import OnError, Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Model
from support_fields import fields
from support_walks import act, case, integer, model, place, start

RING = model(
    start(act("a", "P"), act("b", "Q")),
    place("P", act("c", "Start"), act("d", "Q")),
    place("Q", act("e", "Start"), act("f", "P"), act("g")),
)


def steps_of(path: str, subject: Model, seed: int = 1, history: History | None = None) -> list[Step]:
    plan = WalkPlan(path=path, seed=seed, dry=True, history=history or History())
    return [step for step in walk_all(Walk(subject, plan), max_steps=5_000) if step.kind is StepKind.ACTION]


def names(path: str, subject: Model, seed: int = 1, history: History | None = None) -> list[str]:
    return [step.name for step in steps_of(path, subject, seed, history)]


@settings(max_examples=40)
@given(fields(), st.integers(0, 2**63 - 1))
def test_the_same_seed_and_history_give_the_same_path(subject: Model, seed: int):
    """Nothing but these decides."""
    try:
        first = steps_of("explore(steps(80))", subject, seed)
        again = steps_of("explore(steps(80))", subject, seed)
    except MelanzanaError:
        assume(False)
        raise
    assert first == again


@settings(max_examples=40)
@given(fields(), st.integers(0, 2**63 - 1))
def test_everything_that_can_be_covered_is(subject: Model, seed: int):
    """Soon, although transitions are only one of the kinds that it looks for."""
    try:
        walk = Walk(subject, WalkPlan(path="explore(steps(1500))", seed=seed, dry=True))
        can = feasible(subject)
    except MelanzanaError:
        assume(False)
        raise
    walk_all(walk)
    covered = {pair for pair, hits in walk.coverage.report().transition_hits.items() if hits}
    assert not can.complete or can.transitions <= covered


def test_pairs_of_transitions_are_looked_for():
    """All pairs of a small model within twice their number of actions."""
    path = names("explore(actions(40))", RING)
    possible = {("a", "c"), ("a", "d"), ("b", "e"), ("b", "f"), ("b", "g"), ("c", "a"), ("c", "b"), ("d", "e"), ("d", "f"),
                ("d", "g"), ("e", "a"), ("e", "b"), ("f", "c"), ("f", "d"), ("g", "e"), ("g", "f"), ("g", "g")}  # fmt: skip
    assert possible <= set(pairwise(path))


def test_values_of_variables_are_looked_for():
    """An action with every value that a counter can have, although nothing in the model hangs on it."""
    subject = model(
        start(act("more", sets="n = n + 1"), act("less", sets="n = n - 1"), act("use")), parameters=(integer("n", 0, 0, 5),)
    )
    steps = steps_of("explore(actions(60))", subject)
    assert {step.data["n"] for step in steps if step.name == "use"} == {0, 1, 2, 3, 4, 5}


def test_steps_of_test_cases_are_looked_for():
    """What somebody thought worth a test case comes early."""
    wide = [act(f"a{number}", "P") for number in range(8)]
    back = [act(f"b{number}", "Start") for number in range(8)]
    subject = model(start(*wide), place("P", *back), test_cases=(case("t", "a7", "b6", "a5", "b4"),))
    path = names("explore(actions(60), path_depth(1), variable_depth(0))", subject)
    assert {("a7", "b6"), ("b6", "a5"), ("a5", "b4")} <= set(pairwise(path))


def test_what_failed_before_comes_first():
    """In the order in which it lies on the way."""
    history = add(History(), [(("g", None), True, True)])
    assert names("explore(actions(2))", RING, history=history) == ["b", "g"]


def test_what_earlier_runs_have_seen_is_not_new():
    """The second run goes elsewhere first."""
    seen = steps_of("explore(actions(6))", RING)
    history = add(History(), [((step.element_id, step.target), number == 0, False) for number, step in enumerate(seen)])
    again = names("explore(actions(6))", RING, history=history)
    assert set(pairwise(again)) - set(pairwise([step.name for step in seen]))


def test_a_failure_is_looked_at_more_closely():
    """Its pairs are new again, so the walk comes back to it from every side."""

    def count(failing: bool) -> int:
        walk = Walk(RING, WalkPlan(path="explore(actions(60))", seed=1, on_error=OnError.CONTINUE, dry=True))
        hits = 0
        while (step := walk.next_step()) is not None:
            hits += step.name == "g"
            walk.record(step, Verdict.FAILED if failing and step.name == "g" else Verdict.PASSED)
        return hits

    assert count(failing=True) > count(failing=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("explore(steps(5), path_depth(6))", "path_depth takes a whole number from 1 to 5"),
        ("explore(steps(5), variable_depth(3))", "variable_depth takes a whole number from 0 to 2"),
        ("explore(steps(5), depth(3))", "path_depth(n) or variable_depth(n) is expected here"),
        ("explore(steps(5) path_depth(3))", "')' after the stop condition is expected"),
        ("explore()", "stop condition is missing"),
    ],
)
def test_wrong_depths_are_refused(text: str, says: str):
    """With what would be right."""
    with pytest.raises(PathExpressionError) as refused:
        parse_path(text, RING)
    assert says in refused.value.message
