"""Test cases become moves: targets, gaps, what is impossible, and what only the run can tell."""

import pytest

from melanzana.errors import ImpossibleStepError
from melanzana.generation.routes import plan_directed
from melanzana.generation.step import EndReason, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Model, Output, Parameter, ParameterType, Range, TestCase
from support_walks import (
    EXIT,
    act,
    answering,
    back,
    case,
    choice,
    integer,
    model,
    path_of,
    performed,
    place,
    sequent,
    snippet,
    start,
    walked,
)


def planned(subject: Model, test_case: TestCase, **more: object) -> list[tuple[str, str | None, int | None]]:
    return [(m.action_id, m.target_id, m.step) for m in plan_directed(subject, test_case, **more)]  # type: ignore[arg-type]


def test_of_several_targets_the_one_that_owns_the_next_step_is_taken():
    subject = model(start(act("go", "A", "B", "C")), place("A"), place("B", act("end", "Exit")), place("C"), EXIT)
    assert planned(subject, case("t", "go", "end")) == [("go", "B", 1), ("end", "Exit", 2)]


def test_a_target_is_taken_from_which_a_later_step_can_follow():
    """`shout` can be performed in A and B; only B owns the step after it."""
    subject = model(start(act("go", "A", "B")), place("A"), place("B", act("end", "Exit")), EXIT, global_actions=(act("shout"),))
    assert planned(subject, case("t", "go", "shout", "end")) == [("go", "B", 1), ("shout", None, 2), ("end", "Exit", 3)]


def test_a_gap_is_closed_by_the_shortest_path():
    subject = model(
        start(act("go", "A"), act("jump", "C")),
        place("A", act("on", "B")),
        place("B", act("on2", "C")),
        place("C", act("end", "Exit")),
        EXIT,
        test_cases=(case("t", "go", "end"), case("u", "end")),
    )
    assert planned(subject, subject.test_cases[0]) == [("go", "A", 1), ("on", "B", None), ("on2", "C", None), ("end", "Exit", 2)]
    assert planned(subject, subject.test_cases[1]) == [("jump", "C", None), ("end", "Exit", 1)]
    assert walked(subject, "directed(u)")[1] == "Start -jump-> C -end-> Exit"


def test_a_gap_is_closed_by_moves_that_make_the_guard_true():
    """`pay` needs two things in the basket: the search adds them."""
    subject = model(
        start(act("add", sets="n = n + 1"), act("pay", "Exit", when="n == 2")), EXIT, parameters=(integer("n"), integer("other"))
    )
    assert planned(subject, case("t", "pay")) == [("add", None, None), ("add", None, None), ("pay", "Exit", 1)]


def test_call_limits_are_respected_in_gaps():
    subject = model(
        start(act("short", "A", call_limit=1), act("long", "B")),
        place("A", act("home", "Start"), act("look")),
        place("B", act("on", "A")),
    )
    assert planned(subject, case("t", "short", "home", "look")) == [
        ("short", "A", 1),
        ("home", "Start", 2),
        ("long", "B", None),
        ("on", "A", None),
        ("look", None, 3),
    ]


def test_an_action_of_weight_zero_may_be_a_step():
    subject = model(start(act("rare", "Exit", weight=0)), EXIT)
    assert planned(subject, case("t", "rare")) == [("rare", "Exit", 1)]


def test_the_parameters_of_a_step_are_set_before_its_guard_is_looked_at():
    user = choice("user", "guest", "member")
    subject = model(start(act("log in", "A", when='user == "member"')), place("A"), parameters=(user,))
    test_case = case("t", ("log in", {"user": "member"}))
    assert planned(subject, test_case) == [("log in", "A", 1)]
    walk, _ = walked(model(*subject.states, parameters=(user,), test_cases=(test_case,)), "directed(t)")
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED


def test_the_parameters_of_the_test_case_hold_from_the_start_and_those_of_the_caller_count_more():
    subject = model(start(act("go", "Exit", when="n == 3")), EXIT, parameters=(integer("n"),))
    test_case = case("t", "go", parameters={"n": 3})
    assert planned(subject, test_case) == [("go", "Exit", 1)]
    with pytest.raises(ImpossibleStepError, match="its guard is false"):
        plan_directed(subject, test_case, parameters={"n": 4})


def test_a_previous_action_and_a_chain_may_be_steps():
    subject = model(start(act("go", "A")), place("A", act("type", "confirm"), sequent("confirm", "D")), place("D", back("close")))
    assert planned(subject, case("t", "go", "type", "confirm", "close")) == [
        ("go", "A", 1),
        ("type", "confirm", 2),
        ("confirm", "D", 3),
        ("close", "A", 4),
    ]


def test_a_test_case_may_go_on_in_a_new_iteration_after_exit():
    subject = model(start(act("go", "Exit")), EXIT, test_cases=(case("t", "go", "go"),))
    assert planned(subject, subject.test_cases[0]) == [("go", "Exit", 1), ("go", "Exit", 2)]
    assert walked(subject, "directed(t)")[1] == "Start -go-> Exit Start -go-> Exit"


def test_a_test_case_without_steps_ends_after_the_start_state():
    subject = model(start(act("go", "Exit")), EXIT, test_cases=(case("t"),))
    walk, path = walked(subject, "directed(t)")
    assert path == "Start"
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.TEST_CASE_DONE


@pytest.mark.parametrize(
    ("steps", "step", "parts"),
    [
        (("go", "pay"), 2, ["step 2 ('pay')", "test case 't'", "in state 'A' its guard is false", "possible in state 'A': look"]),
        (("go", "look", "look"), 3, ["call limit of 1 is used up", "possible in state 'A': nothing"]),
        (("go", "lost"), 2, ["it is offered in state 'Island'", "no path that may be walked leads there from state 'A'"]),
        (("fly",), 1, ["names 'fly', which is no action of the model"]),
        (("A",), 1, ["names 'A', which is no action of the model"]),
        ((("go", {"m": 1}),), 1, ["there is no variable 'm'"]),
        ((("go", {"n": "x"}),), 1, ["cannot hold 'x'"]),
    ],
)
def test_the_first_impossible_step_is_named_before_the_run(steps: tuple[str, ...], step: int, parts: list[str]):
    subject = model(
        start(act("go", "A")),
        place("A", act("pay", "Exit", when="n > 0"), act("look", call_limit=1)),
        place("Island", act("lost", "Start")),
        EXIT,
        parameters=(integer("n"),),
        test_cases=(case("t", *steps),),
    )
    with pytest.raises(ImpossibleStepError) as caught:
        Walk(subject, WalkPlan(path="directed(t)", seed=1))
    assert caught.value.detail["step"] == step
    for part in parts:
        assert part in caught.value.message


def test_a_search_that_finds_nothing_gives_up_within_its_limit():
    """The counter has no bound and no guard will ever be true; the search is over all the same, and says why."""
    subject = model(
        start(act("add", sets="n = n + 1"), act("look", "A")), place("A", act("end", when="n < 0")), parameters=(integer("n"),)
    )
    with pytest.raises(ImpossibleStepError) as caught:
        plan_directed(subject, case("t", "end"))
    assert caught.value.detail["step"] == 1


def test_what_a_snippet_sets_may_make_a_step_possible():
    """Before the run `logged_in` is false; the step is a guess then, and a fact when it is its turn."""
    log_in = act("log in", "A", snippets=(snippet(outputs=(Output(variable="logged_in"),)),))
    subject = model(
        start(log_in),
        place("A", act("order", "Exit", when="logged_in == 1")),
        EXIT,
        parameters=(integer("logged_in"),),
        test_cases=(case("t", "log in", "order"),),
    )
    for answer, reason in ((1, EndReason.TEST_CASE_DONE), (0, EndReason.IMPOSSIBLE_STEP)):
        walk = Walk(subject, WalkPlan(path="directed(t)", seed=1))
        performed(walk, answering({"log in": {"logged_in": answer}}))
        assert walk.outcome is not None
        assert walk.outcome.reason is reason
    with pytest.raises(ImpossibleStepError):
        Walk(subject, WalkPlan(path="directed(t)", seed=1, dry=True))


def test_the_way_is_planned_again_when_the_system_answers_otherwise_than_foreseen():
    """The gap leads through `open` while nobody says that the door is locked; then through the window."""
    look = act("look", "Door", snippets=(snippet(outputs=(Output(variable="locked"),)),))
    subject = model(
        start(look),
        place("Door", act("open", "Inside", when="locked == 0"), act("walk round", "Window")),
        place("Window", act("climb", "Inside")),
        place("Inside", act("sit", "Exit")),
        EXIT,
        parameters=(integer("locked"),),
        test_cases=(case("t", "look", "sit"),),
    )
    paths = {}
    for answer in (0, 1):
        walk = Walk(subject, WalkPlan(path="directed(t)", seed=1))
        paths[answer] = path_of(performed(walk, answering({"look": {"locked": answer}})))
    assert paths[0] == "Start -look-> Door -open-> Inside -sit-> Exit"
    assert paths[1] == "Start -look-> Door -walk round-> Window -climb-> Inside -sit-> Exit"


def test_the_plan_foresees_the_values_that_the_walk_will_draw():
    """Whether a step is possible depends on the seed; where the plan says yes the walk goes through."""
    coin = Parameter(name="coin", type=ParameterType.INTEGER, generated=True, ranges=(Range(low=0, high=1),))
    subject = model(
        start(act("toss", "A")),
        place("A", act("win", "Exit", when="coin == 1"), parameters=(coin,)),
        EXIT,
        test_cases=(case("t", "toss", "win"),),
    )
    outcomes = set()
    for seed in range(12):
        try:
            walk, _ = walked(subject, "directed(t)", seed)
        except ImpossibleStepError:
            outcomes.add("impossible")
        else:
            assert walk.outcome is not None
            outcomes.add(str(walk.outcome.reason))
    assert outcomes == {"impossible", "test_case_done"}


def test_a_test_case_may_have_hundreds_of_steps():
    subject = model(start(act("go", "A")), place("A", act("home", "Start")), test_cases=(case("t", *["go", "home"] * 200),))
    walk, path = walked(subject, "directed(t)")
    assert path.count("-go->") == 200
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED
