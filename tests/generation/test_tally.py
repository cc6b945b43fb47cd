"""The figures of a random walk are those of `Walk`, to the last count."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melanzana.errors import MelanzanaError
from melanzana.generation import tally as module
from melanzana.generation.tally import tally
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Model
from support_fields import fields
from support_models import simple_models
from support_walks import EXIT, act, integer, model, place, start

PATHS = st.sampled_from(
    [
        "random(actions(300))",
        "weighted(actions(300))",
        "random(steps(301))",
        "weighted(steps(50) and iterations(3))",
        "random(iterations(7) or actions(200))",
        "weighted(transition_coverage(100) or steps(800))",
        "random(state_coverage(50) and actions(5) or steps(700))",
        "random(transition_coverage(100))",
    ]
)
SEEDS = st.integers(0, 2**63 - 1)


@settings(max_examples=150, deadline=None)
@given(st.one_of(fields(), simple_models()), PATHS, SEEDS)
def test_a_tally_is_what_the_walk_comes_to(subject: Model, path: str, seed: int):
    """Outcome, steps, actions, iterations and every hit; or nothing is told."""
    plan = WalkPlan(path=path, seed=seed, dry=True)
    try:
        walk = Walk(subject, plan)
    except MelanzanaError:
        assume(False)
        raise
    told = tally(subject, plan)
    if told is None:
        return
    steps = walk_all(walk)
    assert told.outcome == walk.outcome
    assert told.progress.steps == len(steps)
    assert told.progress.actions == sum(step.kind == "action" for step in steps)
    assert told.iteration == walk.iteration
    assert told.coverage.report() == walk.coverage.report()


FIELD = model(
    start(act("go", "A"), act("stay")),
    place("A", act("on", "B", when="fuel > 0", sets="fuel = fuel - 1"), act("back", "Start", weight=30)),
    place("B", act("fill", when="fuel == 0", sets="fuel = 3"), act("out", "A", "Start")),
    parameters=(integer("fuel", 2, 0, 3),),
)


@pytest.mark.parametrize("path", ["random(actions(5000))", "weighted(actions(5000))", "random(steps(5001))"])
def test_a_long_walk_is_told_as_well(path: str):
    """Over several thousand actions, past every look at whether it is idle."""
    plan = WalkPlan(path=path, seed=7, dry=True)
    told, walk = tally(FIELD, plan), Walk(FIELD, plan)
    assert told is not None
    assert (told.progress.steps, told.coverage.report()) == (len(walk_all(walk)), walk.coverage.report())


def test_draws_are_made_again_when_the_first_are_used_up(monkeypatch: pytest.MonkeyPatch):
    """And the walk does not notice."""
    monkeypatch.setattr(module, "DRAWS", 7)
    plan = WalkPlan(path="random(actions(500))", seed=3, dry=True)
    told, walk = tally(FIELD, plan), Walk(FIELD, plan)
    assert told is not None
    walk_all(walk)
    assert told.coverage.report() == walk.coverage.report()


NUMBER = integer("n", 3)
DRAWN = integer("n", None, 0, 3, generated=True)
ELSEWHERE = {
    "another generator": (FIELD, "tour()"),
    "a clock": (FIELD, "random(actions(5) or time(3))"),
    "a call limit": (model(start(act("once", call_limit=2), act("go"))), "random(actions(9))"),
    "a division": (model(start(act("go", when="10 / n > 1"), act("on")), parameters=(NUMBER,)), "random(actions(9))"),
    "drawn values": (model(start(act("go", when="n > 1"), act("on")), parameters=(DRAWN,)), "random(actions(9))"),
}


@pytest.mark.parametrize(("subject", "path"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_only_the_walk_can_tell_is_left_to_it(subject: Model, path: str):
    """Other generators, clocks, call limits, expressions that can fail, choices that hang on drawn values."""
    assert tally(subject, WalkPlan(path=path, seed=1, dry=True)) is None


def test_a_walk_that_performs_code_is_left_to_it():
    """Its outputs may change anything."""
    assert tally(FIELD, WalkPlan(path="random(actions(9))", seed=1)) is None


def test_a_state_entered_at_the_start_of_an_iteration_counts_at_once():
    """The step that meets `steps(n)` may be Start, entered again."""
    subject = model(start(act("go", "Exit"), act("stay")), EXIT)
    for count in range(2, 40):
        plan = WalkPlan(path=f"random(steps({count}))", seed=5, dry=True)
        told, walk = tally(subject, plan), Walk(subject, plan)
        assert told is not None
        assert told.progress.steps == len(walk_all(walk))
