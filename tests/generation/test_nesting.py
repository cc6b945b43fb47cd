"""Sub-models walked inside the actions of their parent."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import InvalidModelError, RequestError
from melanzana.generation.nesting import NestingWalk, start_walk
from melanzana.generation.step import EndReason, OnError, Step, StepKind, Verdict
from melanzana.generation.sub_models import find_in, needed
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model

SHOP = read_text(
    """
model: Shop
start: Home
variables: {user: {type: text, initial: ann}, n: {type: integer, initial: 7}}
states:
  Home:
    actions:
      log in: {to: Basket, sub models: Login}
      look: Home
  Basket:
    actions:
      pay: exit
error: {}
cleanup: {}
test cases:
  buy: {steps: [{action: log in, test case: straight}, pay]}
  wrong: {steps: [{action: log in, test case: nowhere}]}
"""
)
LOGIN = read_text(
    """
model: Login
start: Form
variables: {user: {type: text, initial: guest}, n: {type: integer, initial: 1, range: [1, 3]}}
states:
  Form:
    actions:
      type: {to: Typed, sub models: Keys}
      wait: Form
  Typed:
    actions:
      confirm: exit
error: {}
cleanup: {}
test cases:
  straight: {steps: [type, confirm], with: {user: bob}}
"""
)
KEYS = read_text("model: Keys\nstart: K\nstates:\n  K:\n    actions:\n      press: exit\n")
ALL = {model.id: model for model in (LOGIN, KEYS)}


def _walk(path: str = "random(iterations(1))", seed: int = 1, on_error: OnError = OnError.CLEAN) -> Walk:
    return start_walk(SHOP, WalkPlan(path=path, seed=seed, on_error=on_error, dry=True), ALL)


def _failing(walk: Walk, name: str) -> Iterator[Step]:
    while (step := walk.next_step()) is not None:
        failed = step.name == name
        walk.record(step, Verdict.FAILED if failed else Verdict.PASSED, message="broken" if failed else "")
        yield step
        walk.resume()


def test_a_named_test_case_is_walked_between_the_action_and_its_target() -> None:
    """Steps are numbered through, tell their model and depth, and the sub-model's Cleanup is left out."""
    steps = walk_all(_walk('directed("buy")'))
    assert [(step.depth, step.name) for step in steps] == [
        (0, "Home"),
        (0, "log in"),
        (1, "Form"),
        (1, "type"),
        (2, "K"),
        (2, "press"),
        (2, "Exit"),
        (1, "Typed"),
        (1, "confirm"),
        (1, "Exit"),
        (0, "Basket"),
        (0, "pay"),
        (0, "Exit"),
        (0, "Cleanup"),
    ]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert [step.model for step in steps[1:5]] == ["", LOGIN.id, LOGIN.id, KEYS.id]


def test_variables_of_one_name_are_handed_down_where_they_fit() -> None:
    """The parent's value counts, except against the test case and the bounds of the sub-model's variable."""
    explored = next(step for step in walk_all(_walk(seed=3)) if step.depth == 1)
    assert explored.data == {"user": "ann", "n": 1}
    directed = next(step for step in walk_all(_walk('directed("buy")')) if step.depth == 1)
    assert directed.data["user"] == "bob"


def test_coverage_is_counted_for_each_model() -> None:
    """The parent sees one action; each sub-model has figures of its own."""
    walk = _walk('directed("buy")')
    walk_all(walk)
    assert isinstance(walk, NestingWalk)
    assert walk.coverage.report().actions.covered == 2
    found = {uuid: tracker.report().actions.covered for uuid, tracker in walk.nested_coverage.items()}
    assert found == {LOGIN.id: 2, KEYS.id: 1}


@given(st.integers(0, 2**40))
def test_what_is_walked_inside_changes_nothing_outside(seed: int) -> None:
    """The parent's steps are those of a walk without sub-models, and the whole path is the same for the same seed."""
    path = "random(iterations(2))"
    plain = walk_all(Walk(SHOP, WalkPlan(path=path, seed=seed, dry=True)))
    nested = walk_all(_walk(path, seed))
    assert [step.element_id for step in nested if not step.depth] == [step.element_id for step in plain]
    assert nested == walk_all(_walk(path, seed))
    calls = sum(step.name == "log in" for step in plain)
    assert sum(step.depth == 1 and step.name == "confirm" for step in nested) == calls


def test_a_failure_inside_is_a_failure_of_the_action() -> None:
    """The sub-model's Error is entered, then the parent's Error and Cleanup; the message names model and action."""
    walk = _walk('directed("buy")')
    names = [(step.depth, step.name) for step in _failing(walk, "press")]
    assert names[-4:] == [(2, "press"), (1, "Error"), (0, "Error"), (0, "Cleanup")]
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.FAILED, EndReason.STEP_NOT_PASSED)
    for part in ("sub-model 'Login' of action 'log in'", "sub-model 'Keys' of action 'type'", "step 6", "broken"):
        assert part in walk.outcome.message


@pytest.mark.parametrize("on_error", [OnError.CONTINUE, OnError.DEBUG])
def test_a_walk_that_goes_on_ends_with_the_verdict_of_what_failed_inside(on_error: OnError) -> None:
    """All steps are performed; under debug the walk pauses at the step inside."""
    walk = _walk('directed("buy")', on_error=on_error)
    names = [step.name for step in _failing(walk, "press")]
    assert names[-4:] == ["Basket", "pay", "Exit", "Cleanup"]
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.FAILED


def test_an_abort_inside_ends_the_whole_walk() -> None:
    """Nothing of the sub-model is walked any more, and a step that was handed out may still be recorded."""
    walk = _walk('directed("buy")')
    step = walk.next_step()
    while step is not None and not step.depth:
        walk.record(step, Verdict.PASSED)
        step = walk.next_step()
    assert step is not None
    walk.abort()
    walk.record(step, Verdict.PASSED)
    assert walk.next_step() is None
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.ABORTED


def test_a_tour_of_the_parent_takes_a_call_as_one_action() -> None:
    """The tour's own actions are those without sub-models."""
    plan = WalkPlan(path="tour()", seed=1, dry=True)
    nested = [step for step in walk_all(start_walk(SHOP, plan, ALL)) if step.kind is StepKind.ACTION and not step.depth]
    assert [step.name for step in nested] == [step.name for step in walk_all(Walk(SHOP, plan)) if step.kind is StepKind.ACTION]


def _calling(name: str, inner: str) -> Model:
    return read_text(f"model: {name}\nstart: A\nstates:\n  A:\n    actions:\n      go: {{to: exit, sub models: {inner}}}\n")


def test_a_model_inside_itself_is_refused_at_any_depth() -> None:
    """The message shows the way round."""
    models = [_calling("A", "B"), _calling("B", "C"), _calling("C", "B")]
    with pytest.raises(InvalidModelError, match="'A' > 'B' > 'C' > 'B'"):
        needed(models[0], find_in(models))


def test_models_too_deep_in_each_other_are_refused() -> None:
    """Eight levels are allowed."""
    models = [_calling(f"M{number}", f"M{number + 1}") for number in range(9)]
    last = replace(KEYS, name="M9", id="last")
    with pytest.raises(InvalidModelError, match="more than 8 deep"):
        needed(models[0], find_in([*models, last]))
    assert len(needed(models[1], find_in([*models, last]))) == 8


def test_what_is_missing_is_named() -> None:
    """A missing model is named with the action, a missing test case with the step."""
    with pytest.raises(RequestError, match="action 'log in' of model 'Shop' has the sub-model 'Login'"):
        needed(SHOP, find_in([KEYS]))
    with pytest.raises(RequestError, match="names the test case 'nowhere'"):
        _walk('directed("wrong")')


def test_without_the_models_nothing_is_walked_inside() -> None:
    """Snapshots of earlier versions hold none, and keep their paths."""
    steps = walk_all(start_walk(SHOP, WalkPlan(path='directed("buy")', seed=1, dry=True), {}))
    assert not any(step.depth for step in steps)
