"""What can never be met is refused before a run, what can no longer be met ends it; nothing is refused on a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import ImpossibleGoalError
from melanzana.generation.coverage import CoverageTracker, Covered
from melanzana.generation.network import Network
from melanzana.generation.path_expression import parse_path
from melanzana.generation.possible import BEGINNING
from melanzana.generation.progress import Progress
from melanzana.generation.prospect import Can
from melanzana.generation.reach import explored, shaped
from melanzana.generation.step import EndReason, Verdict
from melanzana.generation.stop_conditions import Actions, AllOf, AnyOf, Coverage, Elapsed, Iterations, Never, Reached, StopCondition
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Model, Output
from support_tours import smalls
from support_walks import EXIT, act, integer, model, place, snippet, start, walked

SHOP = model(
    start(act("search", "Basket")),
    place(
        "Basket",
        act("add", sets="basket = basket + 1", when="basket < 3"),
        act("pay", "Exit", when="basket > 9"),
        act("back", "Start"),
    ),
    EXIT,
    parameters=(integer("basket"),),
)
#: From `Cellar` nothing leads back, and nothing ends.
TRAP = model(
    start(act("up", "Attic"), act("down", "Cellar")), place("Attic", act("home", "Start")), place("Cellar", act("wait"), act("dig"))
)


def _refused(subject: Model, path: str, **more: object) -> ImpossibleGoalError:
    with pytest.raises(ImpossibleGoalError) as caught:
        Walk(subject, WalkPlan(path=path, seed=1, dry=True, **more))  # type: ignore[arg-type]
    return caught.value


def test_the_elements_that_block_are_named() -> None:
    """The message says how much is out of reach and why; the detail lists each element with its id."""
    error = _refused(SHOP, "random(transition_coverage(100))")
    assert error.message == (
        "the stop condition can never be met: transition_coverage(100) asks for 4 of 4 transitions, and only 3 can be reached; "
        "not 'pay' in 'Basket' → Exit (its guard `basket > 9` is never true) (at character 8)"
    )
    why = "its guard `basket > 9` is never true"
    pay = {"kind": "transition", "id": "pay", "label": "'pay' in 'Basket' → Exit", "reason": why, "target": "Exit"}
    assert error.detail == {"position": 7, "elements": [pay], "blocked": 1}


@pytest.mark.parametrize(
    "path",
    [
        "random(reached(Exit))",
        "weighted(steps(9) and reached(pay))",
        "random(iterations(1) or reached(pay))",
        "tour(state_coverage(100))",
        "random(action_coverage(80))",
    ],
)
def test_whatever_asks_for_it_is_refused(path: str) -> None:
    """So for every generator and wherever the question stands, if nothing beside it can be met instead."""
    assert "never be met" in _refused(SHOP, path).message


@pytest.mark.parametrize(
    "path", ["random(reached(Exit) or actions(9))", "random(action_coverage(75))", "random(time(1) or reached(pay))"]
)
def test_what_can_be_met_otherwise_is_not_refused(path: str) -> None:
    """A part that cannot be met does no harm beside one that can."""
    Walk(SHOP, WalkPlan(path=path, seed=1, dry=True))


def test_overrides_count() -> None:
    """A value that the caller fixes may open a way, and close one."""
    walk = Walk(SHOP, WalkPlan(path="random(reached(pay))", seed=1, dry=True, parameters={"basket": 10}))
    assert walk.outcome is None
    assert "'add'" in _refused(SHOP, "random(reached(add))", parameters={"basket": 10}).message


def test_where_snippets_decide_nothing_is_refused() -> None:
    """An answer may be anything; nothing is performed in a dry run, so there it is known."""
    asks = act("ask", snippets=(snippet(outputs=(Output(variable="basket"),)),))
    subject = model(start(asks, act("pay", "Exit", when="basket > 9")), EXIT, parameters=(integer("basket"),))
    Walk(subject, WalkPlan(path="random(reached(pay))", seed=1))
    assert "'pay' cannot be reached" in _refused(subject, "random(reached(pay))").message


def test_what_is_too_much_to_look_at_is_not_refused() -> None:
    """A guard that a million steps would open is not called impossible."""
    subject = model(start(act("inc", sets="n = n + 1"), act("far", "Exit", when="n > 1000000")), EXIT, parameters=(integer("n"),))
    Walk(subject, WalkPlan(path="random(reached(far))", seed=1, dry=True))


def test_a_walk_that_can_no_longer_get_there_ends_soon_and_says_why() -> None:
    """In a place that cannot be left, after the first few thousand actions that bring nothing new."""
    ends = [walked(TRAP, "random(state_coverage(100))", seed=seed)[0] for seed in range(8)]
    assert {walk.outcome.verdict for walk in ends if walk.outcome} == {Verdict.PASSED, Verdict.ERROR}
    for walk in ends:
        assert walk.outcome is not None
        if walk.outcome.verdict is Verdict.ERROR:
            assert walk.outcome.reason is EndReason.DEAD_END
            assert "can no longer be met: state_coverage(100) asks for 3 of 3 states, and only 2" in walk.outcome.message
            assert "'Attic' (nothing leads to it any more)" in walk.outcome.message
            assert walk.coverage.report().hits["wait"] + walk.coverage.report().hits["dig"] < 9_000


def test_used_up_calls_are_noticed() -> None:
    """An iteration that never ends and has used up a call it needs again."""
    subject = model(
        start(act("choose", "A", "B", call_limit=1)), place("A", act("a")), place("B", act("b"))
    )  # fmt: skip
    walk, _ = walked(subject, "random(state_coverage(100))")
    assert walk.outcome is not None
    assert "can no longer be met" in walk.outcome.message


@pytest.mark.parametrize(
    ("condition", "can"),
    [
        (Actions(5), Can.YES),
        (Iterations(1), Can.NO),
        (Reached("add", ("add",)), Can.YES),
        (Reached("pay", ("pay",)), Can.NO),
        (Reached("x", ("pay", "add")), Can.YES),
        (Coverage(Covered.STATES, 100.0, 3), Can.NO),
        (Coverage(Covered.STATES, 50.0, 2), Can.UNKNOWN),
        (Coverage(Covered.STATES, 20.0, 1), Can.YES),
        (Coverage(Covered.STATES, 0.0, 0), Can.YES),
        (Never(), Can.UNKNOWN),
        (Elapsed(1.0), Can.UNKNOWN),
        (AllOf((Actions(5), Iterations(1))), Can.NO),
        (AllOf((Actions(5), Reached("add", ("add",)))), Can.UNKNOWN),
        (AllOf((Elapsed(0.0), Actions(5))), Can.YES),
        (AnyOf((Iterations(1), Reached("pay", ("pay",)))), Can.NO),
        (AnyOf((Iterations(1), Elapsed(1.0))), Can.UNKNOWN),
        (AnyOf((Iterations(1), Actions(1))), Can.YES),
    ],
)
def test_each_condition_says_whether_it_can_be_met(condition: StopCondition, can: Can) -> None:
    """YES when there is a walk that does it, NO when there is none, UNKNOWN otherwise; a NO has a reason."""
    reach = explored(Network(SHOP, dry=True), {})
    prospect = condition.feasibility(BEGINNING, reach)
    assert prospect.can is can
    assert bool(prospect.reason) == (can is Can.NO)


def test_arcs_alone_never_say_yes() -> None:
    """Without a look at guards, what arcs lead to is only possible."""
    assert Reached("pay", ("pay",)).feasibility(BEGINNING, shaped(SHOP)).can is Can.UNKNOWN


def test_what_was_covered_before_counts() -> None:
    """From the middle of a walk, what was gone through need not be come to again."""
    progress = Progress(CoverageTracker(SHOP))
    for name in ("Start", "Basket", "Exit"):
        progress.coverage.visit("state", name)
    assert Coverage(Covered.STATES, 100.0, 3).feasibility(progress, explored(Network(SHOP, dry=True), {})).can is Can.YES


@given(small=smalls(guarded=True), seed=st.integers(0, 2**32))
def test_nothing_that_a_walk_meets_is_ever_refused(small, seed: int) -> None:
    """What random walks come to, any question about it accepts, before and at every moment of the walk."""
    subject = small.model()
    walk = Walk(subject, WalkPlan(path="random(actions(40) or iterations(6))", seed=seed, dry=True))
    while (step := walk.next_step()) is not None:
        walk.record(step, Verdict.PASSED)
    reach = explored(Network(subject, dry=True), {})
    hits = walk.coverage.report()
    for action in (action for action, times in hits.hits.items() if times and action in reach.counted(Covered.ACTIONS)):
        assert Reached(action, (action,)).feasibility(BEGINNING, reach).can is not Can.NO
    covered = sum(1 for times in hits.transition_hits.values() if times)
    assert Coverage(Covered.TRANSITIONS, 100.0, covered).feasibility(BEGINNING, reach).can is not Can.NO
    if walk.iteration > 1:
        assert Iterations(1).feasibility(BEGINNING, reach).can is not Can.NO
    parse_path("random(iterations(1) or actions(1))", subject)
