"""`quick` goes on to the nearest transition that is left, whatever happens."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melanzana.errors import MelanzanaError
from melanzana.generation.feasible import feasible
from melanzana.generation.step import OnError, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Model
from support_fields import fields
from support_walks import EXIT, act, flag, integer, model, place, start

WHOLE = "quick(transition_coverage(100))"

SHOP = model(
    start(
        act("log in", when="!known", sets="known = true"), act("log out", when="known", sets="known = false"), act("look", "Shelf")
    ),
    place("Shelf", act("home", "Start"), act("open", "Item")),
    place(
        "Item",
        act("back", "Shelf"),
        act("add", when="basket < 3", sets="basket = basket + 1"),
        act("remove", when="basket > 0", sets="basket = basket - 1"),
        act("pay", "Start", when="known && basket > 0", sets="basket = 0"),
    ),
    parameters=(flag("known", initial=False), integer("basket", 0, 0, 3)),
)


def actions(path: str, subject: Model, seed: int = 1, **more: object) -> list[str]:
    walk = Walk(subject, WalkPlan(path=path, seed=seed, dry=True, **more))  # type: ignore[arg-type]
    return [step.name for step in walk_all(walk, max_steps=5_000) if step.kind is StepKind.ACTION]


def test_a_shop_with_login_and_basket_is_covered_in_few_steps():
    """Where others go round in circles before the guard of `pay`: each action once, and a few twice."""
    path = actions(WHOLE, SHOP)
    assert set(path) == {"log in", "log out", "look", "home", "open", "back", "add", "remove", "pay"}
    assert len(path) <= 17


@settings(max_examples=60)
@given(fields(), st.integers(0, 2**63 - 1))
def test_everything_that_can_be_covered_is(subject: Model, seed: int):
    """Guards, limits, exits and dead ends included, in one go."""
    try:
        walk = Walk(subject, WalkPlan(path="quick(steps(400))", seed=seed, dry=True))
        can = feasible(subject)
    except MelanzanaError:
        assume(False)
        raise
    walk_all(walk)
    covered = {pair for pair, hits in walk.coverage.report().transition_hits.items() if hits}
    assert not can.complete or can.transitions <= covered


def test_a_seed_decides_nothing_until_chance_is_asked():
    """Ways are the same under every seed: the nearest one, in the order of the model."""
    assert actions(WHOLE, SHOP, 1) == actions(WHOLE, SHOP, 2)


def test_it_goes_on_after_everything_was_covered():
    """The next lap begins; the walk ends when its condition says so."""
    path = actions("quick(actions(60))", SHOP)
    assert len(path) == 60
    assert min(path.count(name) for name in set(path)) >= 3


def test_what_can_only_be_reached_by_starting_over_is_reached():
    """A branch that leads to Exit leaves the other one for the next iteration."""
    subject = model(
        start(act("left", "L"), act("right", "R")), place("L", act("out", "Exit")), place("R", act("off", "Exit")), EXIT
    )
    assert sorted(actions(WHOLE, subject)) == ["left", "off", "out", "right"]


def test_a_dead_end_is_left_by_starting_over():
    """Without Exit, too."""
    subject = model(start(act("in", "Trap"), act("on", "B")), place("Trap"), place("B", act("back", "Start")))
    assert set(actions(WHOLE, subject)) == {"in", "on", "back"}


def test_a_surprise_is_walked_from():
    """The system under test says that nobody is logged in after all: the way to `pay` is found anew."""
    walk = Walk(SHOP, WalkPlan(path=WHOLE, seed=1, on_error=OnError.CONTINUE, dry=True))
    surprises, performed = 3, []
    while (step := walk.next_step()) is not None:
        performed.append(step.name)
        outputs = {}
        if step.name == "add" and surprises:
            surprises -= 1
            outputs = {"known": False}
        walk.record(step, Verdict.PASSED, outputs)
        assert len(performed) < 200
    assert "pay" in performed
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED


@pytest.mark.parametrize("name", ["quick", "quick_random"])
def test_graphwalkers_name_is_known(name: str):
    """Path expressions of GraphWalker can stay."""
    assert actions(f"{name}(edge_coverage(100))", SHOP) == actions(WHOLE, SHOP)
