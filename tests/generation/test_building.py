"""Test cases that are built step by step are offered exactly what a walk can do next."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import ImpossibleStepError
from melanzana.generation.building import CaseBuilder, first_impossible
from melanzana.generation.standard_models import STANDARD_MODELS
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model, TestCase, TestCaseStep

SHOP = read_text("""
model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0}
states:
  Home: {actions: {search: Results, leave: exit}}
  Results:
    actions:
      add: {when: basket < 2, set: basket = basket + 1}
      pay: {when: basket > 0, to: Receipt}
      back: Home
  Receipt: {actions: {shop on: Home}}
""")
IDS = {action.name: action.id for _, action in SHOP.actions()}


def case(*names: str) -> TestCase:
    return TestCase(id="c", name="case", steps=tuple(TestCaseStep(action=IDS[name]) for name in names))


def offered(*names: str) -> list[str]:
    return [offer.name for offer in CaseBuilder(SHOP).stand(case(*names)).offers]


def test_guards_and_data_decide_what_is_offered() -> None:
    """Nothing to pay before something was added, nothing more to add when the basket is full."""
    assert offered() == ["search", "leave"]
    assert offered("search") == ["add", "back"]
    assert offered("search", "add") == ["add", "pay", "back"]
    assert offered("search", "add", "add") == ["pay", "back"]
    assert offered("leave") == ["search", "leave"]


def test_the_states_on_the_way_are_told() -> None:
    """Before each step, and after the last."""
    assert CaseBuilder(SHOP).stand(case("search", "add", "pay")).states == (("Home",), ("Results",), ("Results",), ("Receipt",))


def test_the_first_step_that_cannot_follow_is_named_with_what_can() -> None:
    """A run may close the gap; the builder shows where it is."""
    standing = CaseBuilder(SHOP).stand(case("search", "pay"))
    assert (standing.impossible, [offer.name for offer in standing.offers]) == (2, ["add", "back"])
    assert first_impossible(SHOP, case("search", "pay")) == ""
    assert CaseBuilder(SHOP).bridged(case(), IDS["pay"]) == (IDS["search"], IDS["add"], IDS["pay"])


def test_what_no_path_leads_to_is_said() -> None:
    """With the reason that a run would give."""
    island = read_text("model: M\nstart: A\nstates: {A: {actions: {stay: {}}}, B: {actions: {swim: {}}}}")
    swim = next(action.id for _, action in island.actions() if action.name == "swim")
    lost = TestCase(id="c", name="lost", steps=(TestCaseStep(action=swim),))
    assert "cannot follow" in first_impossible(island, lost)
    with pytest.raises(ImpossibleStepError):
        CaseBuilder(island).bridged(TestCase(id="c", name="lost", steps=()), swim)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(STANDARD_MODELS), st.integers(0, 50))
def test_every_walk_is_offered_step_by_step(model: Model, seed: int) -> None:
    """Of models without drawn values: whatever a random walk does next was among the offers; what is offered can be planned."""
    builder = CaseBuilder(model)
    if builder.stand(TestCase(id="c", name="c", steps=())).depends_on_draws:
        return
    walk = Walk(model, WalkPlan(path="random(actions(6))", seed=seed, dry=True))
    done: list[TestCaseStep] = []
    for step in walk_all(walk):
        if step.iteration > 1:
            return
        if step.kind == "action":
            standing = builder.stand(TestCase(id="c", name="c", steps=tuple(done)))
            assert step.element_id in {offer.action for offer in standing.offers}
            done.append(TestCaseStep(action=step.element_id))
            assert first_impossible(model, TestCase(id="c", name="c", steps=tuple(done))) == ""
