"""`predefined` and `replay` follow given steps exactly, or end with the step that cannot follow and why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import GenerationError, ImpossibleStepError, PathExpressionError
from melanzana.generation.recorded import Recorded, RecordedStep
from melanzana.generation.step import EndReason, StepKind
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Model
from support_recordings import recorded
from support_walks import EXIT, act, case, choice, integer, model, place, sequent, start, walked

ORDER = act("order", "Home", parameters=(integer("amount", None, 0, 999, generated=True),))
SHOP = model(
    start(act("open", "Home", "Shelf")),
    place("Home", act("to shelf", "Shelf"), ORDER, act("leave", "Exit")),
    place(
        "Shelf", act("take", "chain", when="basket < 1", sets="basket = basket + 1"), act("home", "Home"), sequent("chain", "Home")
    ),
    EXIT,
    parameters=(integer("basket", 0, 0, 2), choice("user", "guest", "member", generated=True)),
    test_cases=(case("seven", "open", ("order", {"amount": 7})),),
)


def replayed(subject: Model, steps: Recorded, path: str = "replay()", seed: int = 99) -> Walk:
    walk = Walk(subject, WalkPlan(path=path, seed=seed, dry=True, recorded=steps))
    walk_all(walk)
    return walk


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("predefined(Start, open, Home, 'to shelf', Shelf)", "Start -open-> Home -to shelf-> Shelf"),
        ("predefined(open, take)", "Start -open-> Shelf -take->"),
        ("predefined(open, take, chain, leave, Start)", "Start -open-> Shelf -take-> -chain-> Home -leave-> Exit Start"),
        ('predefined_path("Start/open", "Shelf/home")', "Start -open-> Shelf -home-> Home"),
    ],
)
def test_names_are_followed_and_the_next_one_decides_a_target(path: str, expected: str) -> None:
    """States may be left out; of several targets that one is taken where the next name is."""
    walk, found = walked(SHOP, path)
    assert found == expected
    assert walk.outcome is not None and walk.outcome.reason is EndReason.TEST_CASE_DONE


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "predefined(open, Home, take)",
            "step 3 ('take') of the predefined path cannot follow in state 'Home': it is offered in 'Shelf'; "
            "possible: 'to shelf', 'order', 'leave'",
        ),
        (
            "predefined(open, take, chain, 'to shelf', take)",
            "step 5 ('take') of the predefined path cannot follow in state 'Shelf': its guard `basket < 1` is false (basket = 1); "
            "possible: 'home'",
        ),
        (
            "predefined(open, take, home)",
            "step 3 ('home') of the predefined path cannot follow in state 'Shelf': 'chain' must come next; possible: 'chain'",
        ),
        (
            "predefined(open, Home, Shelf)",
            "step 3 ('Shelf') of the predefined path cannot follow in state 'Home': the walk is in another state; "
            "possible: 'to shelf', 'order', 'leave'",
        ),
    ],
)
def test_a_step_that_cannot_follow_ends_the_walk_with_the_reason(path: str, message: str) -> None:
    """Its number, its name, the state, the guard with the values it was asked about, and what would be possible."""
    walk, _ = walked(SHOP, path)
    assert walk.outcome is not None
    assert (walk.outcome.reason, walk.outcome.message) == (EndReason.IMPOSSIBLE_STEP, message)


def test_what_means_nothing_is_refused_before_the_first_step() -> None:
    """A name that the model does not have, no steps at all, names where none may stand."""
    with pytest.raises(ImpossibleStepError, match="step 2 of the predefined path names 'nowhere'"):
        walked(SHOP, "predefined(open, nowhere)")
    with pytest.raises(GenerationError, match="none came: use --steps FILE"):
        walked(SHOP, "predefined()")
    with pytest.raises(GenerationError, match="none came: use melanzana replay"):
        walked(SHOP, "replay()")
    with pytest.raises(PathExpressionError, match="takes no names"):
        walked(SHOP, "replay(open)")
    with pytest.raises(PathExpressionError, match="',' or '\\)' after 'open'"):
        walked(SHOP, "predefined(open take)")


def test_recorded_values_take_the_place_of_drawn_ones() -> None:
    """Of a global variable at the start and of an action's own; another seed changes nothing."""
    steps = Recorded((
        RecordedStep(element="Start", kind=StepKind.STATE, iteration=1, values={"user": "member"}),
        RecordedStep(element="open", kind=StepKind.ACTION, target="Home", iteration=1),
        RecordedStep(element="order", kind=StepKind.ACTION, target="Home", iteration=1, values={"amount": 123}),
    ))  # fmt: skip
    for seed in range(5):
        walk = Walk(SHOP, WalkPlan(path="replay()", seed=seed, dry=True, recorded=steps))
        found = walk_all(walk)
        assert [step.data.get("user") for step in found] == ["member"] * len(found)
        assert [step.data["amount"] for step in found if step.name == "order"] == [123]


def test_a_test_case_sets_what_an_action_would_draw() -> None:
    """A step's own generated variable holds the value of the test case while the step is performed."""
    walk = Walk(SHOP, WalkPlan(path='directed("seven")', seed=3, dry=True))
    assert [step.data["amount"] for step in walk_all(walk) if step.name == "order"] == [7]


def test_a_value_that_does_not_fit_is_said() -> None:
    """With the step and the variable."""
    wrong = RecordedStep(element="open", kind=StepKind.ACTION, target="Home", values={"basket": "full"})
    walk = replayed(SHOP, Recorded((wrong,)))
    assert walk.outcome is not None
    assert "step 1 ('open') of the recorded walk cannot be given its values: variable 'basket'" in walk.outcome.message


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(1, 60))
def test_a_recorded_walk_is_replayed_step_by_step(seed: int, other: int, steps: int) -> None:
    """Elements, targets and data are the same under any seed, also after a way through JSON."""
    original = recorded(Walk(SHOP, WalkPlan(path="random(never)", seed=seed, dry=True)), steps)
    assert Recorded.from_json(original.to_json()) == original
    again = recorded(Walk(SHOP, WalkPlan(path="replay()", seed=other, dry=True, recorded=original)), steps)
    assert again.steps[: len(original.steps)] == original.steps


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (["Start", "open"], ["Start", "open"]),
        ([{"currentElementName": "Start"}, {"name": "open"}], ["Start", "open"]),
        ({"steps": [{"kind": "state", "id": "Start", "name": "Start"}]}, ["Start"]),
    ],
)
def test_a_file_of_steps_may_be_written_in_several_ways(document: object, names: list[str]) -> None:
    """A list of names, what GraphWalker prints, what `generate --json` prints."""
    assert [step.element for step in Recorded.from_json(document).steps] == names


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"path": []}, 'a recorded walk is a list of names, or a document with a list "steps"'),
        ([{}], "step 1 of the recorded walk has no name"),
        (["a", {"id": "b", "kind": "edge"}], "step 2 of the recorded walk is of the kind 'edge', not state or action"),
        ([{"id": "b", "iteration": "1"}], "step 1 of the recorded walk has a target that is no text, or an iteration that is no"),
        ([{"id": "b", "values": [1]}], "step 1 of the recorded walk has values that are no object"),
    ],
)
def test_a_file_that_means_nothing_is_refused_with_the_step(document: object, message: str) -> None:
    """And with what is wrong there."""
    with pytest.raises(GenerationError) as refused:
        Recorded.from_json(document)
    assert refused.value.message.startswith(message)
