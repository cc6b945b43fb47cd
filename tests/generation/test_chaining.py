"""One generator follows another: where each part begins, what it counts, and what cannot be chained."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import ImpossibleGoalError, ImpossibleStepError, PathExpressionError
from melanzana.generation.coverage import Covered
from melanzana.generation.path_expression import MAX_PARTS, parse_path
from melanzana.generation.recorded import Recorded
from melanzana.generation.standard_models import STANDARD_MODELS
from melanzana.generation.step import EndReason, Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import TestCase, TestCaseStep
from support_walks import EXIT, act, case, integer, model, place, start, walked

SHOP = model(
    start(act("search", "Results"), act("look", "Start")),
    place("Results", act("add", "Basket", sets="basket = basket + 1"), act("search again", "Results")),
    place("Basket", act("pay", "Exit", when="basket > 0"), act("shop on", "Results")),
    EXIT,
    parameters=(integer("basket", 0, 0, 50), integer("gift", 0, 0, 9)),
    test_cases=(
        case("buy", "search", "add", "pay"),
        case("add one", "search", "add"),
        TestCase(id="g1", name="gift 1", steps=(TestCaseStep(action="search"),), parameters={"gift": 1}),
        TestCase(id="g2", name="gift 2", steps=(TestCaseStep(action="look"),), parameters={"gift": 2}),
    ),
)


def steps_of(path: str, seed: int = 1) -> tuple[Walk, tuple[Step, ...]]:
    walk = Walk(SHOP, WalkPlan(path=path, seed=seed, dry=True))
    return walk, walk_all(walk)


def test_a_part_goes_on_where_the_walk_stands() -> None:
    """The way to the basket begins behind the second action."""
    walk, found = walked(SHOP, 'predefined(search, add) then predefined(Basket, "shop on") then predefined(add, pay)')
    assert found == "Start -search-> Results -add-> Basket -shop on-> Results -add-> Basket -pay-> Exit"
    assert walk.outcome is not None and walk.outcome.verdict is Verdict.PASSED
    assert walk.progress() == 1.0


def test_a_tour_begins_at_start_in_an_iteration_of_its_own() -> None:
    """It is as long as it is alone, and it leaves its plan nowhere."""
    _, alone = steps_of("tour()")
    walk, found = steps_of("random(actions(2)) then tour()", seed=3)
    second = [step for step in found if step.iteration > 1]
    assert second[0].element_id == "Start"
    assert [(step.element_id, step.target) for step in second] == [(step.element_id, step.target) for step in alone]
    assert walk.outcome is not None and walk.outcome.reason is EndReason.STOP_CONDITION


def test_a_tour_that_comes_first_or_after_an_ended_iteration_needs_no_other() -> None:
    """No iteration is begun only to begin one."""
    _, found = steps_of("predefined(search, add, pay) then directed(buy) then directed('add one')")
    assert [step.name for step in found if step.kind is StepKind.ACTION] == ["search", "add", "pay"] * 2 + ["search", "add"]
    assert {step.iteration for step in found} == {1, 2, 3}


@pytest.mark.parametrize(
    ("path", "actions"),
    [
        ("random(actions(5)) then random(actions(7))", 12),
        ("random(actions(5)) then random(actions(7)) then weighted(actions(1))", 13),
        ("random(actions(5)) then random(steps(1))", 5 + 1),
    ],
)
def test_counts_begin_with_the_part(path: str, actions: int) -> None:
    """Each has its own number."""
    _, found = steps_of(path)
    assert len([step for step in found if step.kind is StepKind.ACTION]) == actions


def test_time_counts_from_where_the_part_begins() -> None:
    """Ten seconds of the one, ten of the other; a step takes one."""
    walk = Walk(SHOP, WalkPlan(path="random(time(10)) then random(time(10))", seed=1, dry=True))
    seconds = 0
    while (step := walk.next_step(float(seconds))) is not None:
        walk.record(step, Verdict.PASSED)
        seconds += 1
    assert 20 <= seconds <= 22


def test_coverage_counts_for_the_whole_walk() -> None:
    """What the tour has covered is not asked for again."""
    _, tour = steps_of("tour()")
    walk, found = steps_of("tour() then random(transition_coverage(100))")
    assert found == tour
    assert walk.coverage.covered[Covered.TRANSITIONS] == walk.coverage.totals[Covered.TRANSITIONS]


def test_quick_covers_what_is_left() -> None:
    """After a tour but for one action it takes the way to that one, and is done."""
    path = "predefined(look, search, 'search again', add, 'shop on', add) then quick(transition_coverage(100))"
    _, found = steps_of(path)
    assert [step.name for step in found if step.kind is StepKind.ACTION][6:] == ["pay"]


def test_reached_counts_from_the_part_and_the_place_it_begins_in_counts() -> None:
    """A second visit is another one; where the walk stands it is at once."""
    assert walked(SHOP, "predefined(search, add, 'shop on') then shortest(reached(Basket))")[1].endswith("Results -add-> Basket")
    assert walked(SHOP, "predefined(search, add) then shortest(reached(Basket))")[1].endswith("Results -add-> Basket")


def test_the_state_of_the_walk_may_be_the_first_name_of_the_next_part() -> None:
    """It was entered already."""
    assert walked(SHOP, "shortest(reached(Results)) then predefined(Results, add)")[1] == "Start -search-> Results -add-> Basket"


@settings(max_examples=40)
@given(st.sampled_from(STANDARD_MODELS), st.sampled_from(["random", "weighted", "quick", "explore"]), st.integers(0, 2**32))
def test_a_chain_begins_as_its_first_part_would_alone(subject: object, generator: str, seed: int) -> None:
    """To the last action of it, and under every seed."""
    first = f"{generator}(actions(12) or iterations(3))"
    alone = walk_all(Walk(subject, WalkPlan(path=first, seed=seed, dry=True)))  # type: ignore[arg-type]
    chained = walk_all(Walk(subject, WalkPlan(path=f"{first} then random(actions(5))", seed=seed, dry=True)))  # type: ignore[arg-type]
    actions = [step for step in alone if step.kind is StepKind.ACTION]
    assert [step for step in chained if step.kind is StepKind.ACTION][: len(actions)] == actions


def test_a_part_that_cannot_be_walked_ends_the_walk() -> None:
    """As it would alone."""
    closed = model(start(act("in", "Room")), place("Room", act("turn", "Room")))
    walk = Walk(closed, WalkPlan(path="random(actions(3)) then predefined(in)", seed=1, dry=True))
    walk_all(walk)
    assert walk.outcome is not None and walk.outcome.reason is EndReason.IMPOSSIBLE_STEP


def test_a_later_part_that_idles_is_named() -> None:
    """It asks for what cannot be had any more, and the message says which part that was."""
    once = model(
        start(act("in", "Room", sets="used = used + 1", when="used < 1"), act("wait", "Start")),
        place("Room", act("turn", "Room")),
        parameters=(integer("used", 0, 0, 1),),
    )
    walk = Walk(once, WalkPlan(path="predefined(in) then random(action_coverage(100) and steps(1))", seed=1, dry=True))
    walk_all(walk)
    assert walk.outcome is not None and walk.outcome.verdict is Verdict.ERROR
    assert walk.outcome.message.startswith("part 2 of 2 of the path: the stop condition can no longer be met")


def test_a_part_that_can_never_be_met_is_refused_before_the_run_at_its_place() -> None:
    """The mark stands under the condition of the second part."""
    lost = model(start(act("in", "Start")), place("Nowhere"))
    text = "random(steps(5)) then random(reached(Nowhere))"
    with pytest.raises(ImpossibleGoalError) as raised:
        Walk(lost, WalkPlan(path=text, seed=1))
    assert raised.value.detail["position"] == text.index("reached")
    with pytest.raises(ImpossibleStepError):
        Walk(SHOP, WalkPlan(path="random(steps(5)) then predefined(nothing)", seed=1))


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("random(steps(1)) then", "a generator is expected after 'then'", 21),
        ("random(steps(1)) tour()", "write 'then' between two generators, before 'tour'", 17),
        ("random(steps(1)) them tour()", "'them' is too much after the closing bracket; did you mean 'then'?", 17),
        ("random(steps(1)) then then tour()", "unknown generator 'then'", 22),
        ("random(steps(1)) then replay()", "replay() follows a whole run and stands alone", 22),
        ("directed(g1) then directed(g2)", "test cases 'gift 1' and 'gift 2' set 'gift' to different values", 18),
        (" then ".join(["tour()"] * (MAX_PARTS + 1)), f"a path has at most {MAX_PARTS} generators", 12 * MAX_PARTS),
    ],
)
def test_what_cannot_be_chained_is_named_with_its_place(text: str, message: str, at: int) -> None:
    """Under the part that does not fit."""
    with pytest.raises(PathExpressionError) as raised:
        parse_path(text, SHOP)
    assert message in raised.value.message
    assert raised.value.detail["position"] == at


def test_values_of_a_test_case_hold_for_the_whole_walk() -> None:
    """Also in the parts before and after it."""
    _, found = steps_of("random(actions(3)) then directed(g1) then random(actions(3))")
    assert {step.data["gift"] for step in found} == {1}


def test_given_steps_may_come_with_the_plan() -> None:
    """`predefined()` follows them as a part."""
    walk = Walk(
        SHOP, WalkPlan(path="predefined() then shortest(reached(pay))", seed=1, dry=True, recorded=Recorded.of_names(["search"]))
    )
    names = [step.name for step in walk_all(walk) if step.kind is StepKind.ACTION]
    assert names == ["search", "add", "pay"]
