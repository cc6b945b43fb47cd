"""What may come next and what it changes: the rules of single moves, seen through walks."""

import re
from itertools import pairwise

import pytest

from melanzana.errors import MelanzanaError
from melanzana.generation.step import EndReason, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Input, Output, Parameter, ParameterType, Range
from support_walks import (
    CLEANUP,
    ERROR,
    EXIT,
    act,
    answering,
    back,
    choice,
    flag,
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


def test_the_walk_enters_start_first_and_the_target_after_each_action():
    _, path = walked(model(start(act("go", "A")), place("A", act("end", "Exit")), EXIT), "random(iterations(1))")
    assert path == "Start -go-> A -end-> Exit"


def test_an_action_without_a_target_stays_without_entering_the_state_again():
    subject = model(start(act("look", call_limit=2), act("end", "Exit", weight=0)), EXIT)
    assert walked(subject, "random(iterations(1))")[1] == "Start -look-> -look->"


def test_a_target_that_is_the_state_itself_enters_it_again():
    _, path = walked(model(start(act("reload", "Start"))), "random(actions(2))")
    assert path == "Start -reload-> Start -reload-> Start"


def test_a_false_guard_keeps_an_action_away():
    subject = model(start(act("never", "A", when="n > 0"), act("go", "Exit")), place("A"), EXIT, parameters=(integer("n"),))
    for seed in range(20):
        assert walked(subject, "random(iterations(1))", seed)[1] == "Start -go-> Exit"


def test_assignments_see_the_values_before_them_and_take_effect_together():
    subject = model(
        start(act("swap", "A", sets="a = b; b = a")),
        place("A", act("end", "Exit", when="a == 2 && b == 1")),
        EXIT,
        parameters=(integer("a", 1), integer("b", 2)),
    )
    assert walked(subject, "random(iterations(1))")[1] == "Start -swap-> A -end-> Exit"


def test_an_action_whose_assignment_would_leave_the_bounds_is_not_offered():
    subject = model(start(act("add", sets="n = n + 1")), parameters=(integer("n", 0, 0, 3),))
    walk, path = walked(subject, "random(iterations(1))")
    assert path == "Start -add-> -add-> -add->"
    assert walk.outcome is not None
    assert "would leave the bounds" in walk.outcome.message


def test_a_call_limit_counts_within_one_iteration():
    subject = model(
        start(act("once", call_limit=1), act("end", "Exit", when="n == 1"), parameters=()), EXIT, parameters=(integer("n", 1),)
    )
    steps = walk_all(Walk(subject, WalkPlan(path="random(iterations(30))", seed=3)))
    for iteration in range(1, 31):
        assert sum(step.name == "once" for step in steps if step.iteration == iteration) <= 1
    assert sum(step.name == "once" for step in steps) > 5


def test_previous_leads_to_the_last_other_state_and_enters_it():
    subject = model(
        start(act("go", "A")), place("A", act("open", "D")), place("D", act("retry", "D", call_limit=1), back("close", weight=1))
    )
    steps = walk_all(Walk(subject, WalkPlan(path="random(actions(40))", seed=5)))
    for before, after in pairwise(steps):
        if before.name == "close":
            assert (before.target, after.name) == ("A", "A")
    assert any(step.name == "close" for step in steps)


def test_a_previous_action_is_not_offered_before_there_is_a_previous_state():
    walk, path = walked(model(start(back("back"))), "random(iterations(1))")
    assert path == "Start"
    assert walk.outcome is not None
    assert "there is no previous state" in walk.outcome.message


def test_a_sequent_action_comes_directly_after_the_action_that_names_it_and_only_then():
    subject = model(
        start(act("type", "confirm"), sequent("confirm", "A"), act("skip", "A", weight=300)), place("A", act("home", "Start"))
    )
    steps = walk_all(Walk(subject, WalkPlan(path="random(actions(60))", seed=2)))
    names = [step.name for step in steps]
    for index, name in enumerate(names):
        if name == "confirm":
            assert names[index - 1] == "type"
        if name == "type" and index + 1 < len(names):
            assert names[index + 1] == "confirm"
    assert "confirm" in names


def test_a_chain_goes_on_in_the_state_that_owns_the_sequent_action_without_entering_it():
    subject = model(start(act("jump", "land")), place("B", sequent("land"), act("end", "Exit", when='state == "B"')), EXIT)
    steps = walk_all(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)))
    assert path_of(steps) == "Start -jump-> -land-> -end-> Exit"
    assert [step.state for step in steps] == ["Start", "Start", "B", "B", "Exit"]


def test_an_action_is_not_offered_when_the_only_action_it_leads_to_could_not_follow():
    subject = model(
        start(act("type", "confirm", sets="n = 1"), sequent("confirm", "Exit", when="n == 0"), act("end", "Exit")), EXIT
    )
    subject = model(*subject.states, parameters=(integer("n"),))
    for seed in range(10):
        assert walked(subject, "random(iterations(1))", seed)[1] == "Start -end-> Exit"


def test_global_actions_are_offered_in_normal_states_and_in_start_if_the_model_says_so():
    states = (start(act("go", "A")), place("A", act("home", "Start")), ERROR, EXIT)
    shout = (act("shout"),)
    allowed = walk_all(Walk(model(*states, global_actions=shout), WalkPlan(path="random(actions(60))", seed=1)))
    barred = walk_all(
        Walk(model(*states, global_actions=shout, global_actions_in_start=False), WalkPlan(path="random(actions(60))", seed=1))
    )
    assert {step.state for step in allowed if step.name == "shout"} == {"Start", "A"}
    assert {step.state for step in barred if step.name == "shout"} == {"A"}


def test_global_actions_are_not_offered_in_an_error_state_that_an_action_leads_to():
    subject = model(start(act("crash", "Error")), ERROR, global_actions=(act("shout"),), global_actions_in_start=False)
    walk, path = walked(subject, "random(iterations(1))")
    assert path == "Start -crash-> Error"
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.DEAD_END


def test_weight_zero_is_never_chosen_at_random():
    subject = model(start(act("never", weight=0), act("end", "Exit")), EXIT)
    for generator in ("random", "weighted"):
        assert walked(subject, f"{generator}(iterations(1))")[1] == "Start -end-> Exit"


def test_cleanup_as_a_target_ends_the_iteration_and_is_not_entered_twice_at_the_end():
    _, path = walked(model(start(act("end", "Cleanup")), CLEANUP), "random(iterations(2))")
    assert path == "Start -end-> Cleanup Start -end-> Cleanup"


def test_the_variable_state_is_the_name_of_the_present_state():
    subject = model(start(act("go", "A")), place("A"), EXIT, global_actions=(act("end", "Exit", when='state == "A"'),))
    assert walked(subject, "random(iterations(1))")[1] == "Start -go-> A -end-> Exit"


def test_a_variable_of_an_action_shadows_those_of_its_state_and_of_the_model():
    local = act("go", "Exit", when="n == 3", parameters=(integer("n", 3),))
    subject = model(start(local, parameters=(integer("n", 2),)), EXIT, parameters=(integer("n", 1),))
    steps = walk_all(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)))
    assert [step.data for step in steps] == [{"n": 2}, {"n": 3}, {"n": 1}]


def test_an_assignment_goes_to_the_innermost_variable_of_its_name():
    subject = model(start(act("set", "A", sets="n = 9"), parameters=(integer("n", 2),)), place("A"), parameters=(integer("n", 1),))
    steps = walk_all(Walk(subject, WalkPlan(path="random(actions(1))", seed=1)))
    assert steps[-1].data == {"n": 1}


def test_variables_start_anew_with_each_iteration():
    subject = model(start(act("add", "Exit", sets="n = n + 1")), EXIT, parameters=(integer("n", 5),))
    steps = walk_all(Walk(subject, WalkPlan(path="random(iterations(3))", seed=1)))
    assert [step.data["n"] for step in steps if step.name == "Start"] == [5, 5, 5]
    assert [step.data["n"] for step in steps if step.name == "Exit"] == [6, 6, 6]


def test_generated_values_are_drawn_per_iteration_state_entry_and_call():
    die = (Range(low=1, high=10**9),)
    drawn = {"type": ParameterType.INTEGER, "generated": True, "ranges": die}
    subject = model(
        start(act("stay", parameters=(Parameter(name="c", **drawn),)), parameters=(Parameter(name="b", **drawn),)),
        parameters=(Parameter(name="a", **drawn),),
        global_actions=(act("reload", "Start"),),
    )
    steps = walk_all(Walk(subject, WalkPlan(path="random(actions(40))", seed=1)))
    assert len({step.data["a"] for step in steps}) == 1
    entries = [step.data["b"] for step in steps if step.kind is StepKind.STATE]
    calls = [step.data["c"] for step in steps if step.name == "stay"]
    assert len(set(entries)) == len(entries) > 3
    assert len(set(calls)) == len(calls) > 3


def test_a_generated_value_of_the_action_counts_when_its_bounds_are_foretold():
    """`n` never leaves 0 … 10 although each call adds a number that is drawn for it."""
    amount = Parameter(name="amount", type=ParameterType.INTEGER, generated=True, ranges=(Range(low=1, high=9),))
    subject = model(
        start(act("add", sets="n = n + amount", parameters=(amount,)), act("clear", sets="n = 0")),
        parameters=(integer("n", 0, 0, 10),),
    )
    walk, _ = walked(subject, "random(actions(500))")
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED


def test_a_fixed_parameter_replaces_initial_and_generated_values():
    subject = model(start(act("end", "Exit")), EXIT, parameters=(choice("user", "guest", "member", generated=True), integer("n")))
    steps = walk_all(Walk(subject, WalkPlan(path="random(iterations(9))", seed=1, parameters={"user": "member", "n": 7})))
    assert all(step.data == {"user": "member", "n": 7} for step in steps)


@pytest.mark.parametrize(
    ("parameters", "part"),
    [
        ({"m": 1}, "no parameter 'm'"),
        ({"n": "1"}, "cannot hold '1'"),
        ({"n": True}, "cannot hold True"),
        ({"n": 6}, "outside the bounds"),
        ({"user": "x"}, "one of 'guest', 'member'"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_before_the_walk(parameters: dict, part: str):
    subject = model(start(act("end", "Exit")), EXIT, parameters=(choice("user", "guest", "member"), integer("n", 0, 0, 5)))
    with pytest.raises(MelanzanaError, match=part) as caught:
        Walk(subject, WalkPlan(path="random(iterations(1))", seed=1, parameters=parameters))
    assert caught.value.detail["field"] == f"parameters.{next(iter(parameters))}"


def test_outputs_are_kept_before_the_assignments_of_the_step_are_made():
    buy = act("buy", "Exit", sets="total = price * 2", snippets=(snippet(outputs=(Output(variable="price"),)),))
    subject = model(start(buy), EXIT, parameters=(integer("price"), integer("total")))
    steps = performed(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)), answering({"buy": {"price": 21}}))
    assert steps[-1].data == {"price": 21, "total": 42}


def test_a_whole_number_from_json_is_an_integer():
    buy = act("buy", "Exit", snippets=(snippet(outputs=(Output(variable="price"),)),))
    subject = model(start(buy), EXIT, parameters=(integer("price"), flag("seen")))
    steps = performed(
        Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)), answering({"buy": {"price": 3.0, "seen": True}})
    )
    assert steps[-1].data == {"price": 3, "seen": True}
    assert isinstance(steps[-1].data["price"], int)


@pytest.mark.parametrize(
    ("outputs", "part"),
    [
        ({"price": "3"}, "cannot hold '3'"),
        ({"price": 3.5}, "cannot hold 3.5"),
        ({"price": None}, "cannot hold None"),
        ({"price": [1]}, r"cannot hold \[1\]"),
        ({"price": 2**63}, "cannot hold"),
        ({"price": -1}, "outside the bounds"),
        ({"prize": 1}, "no variable 'prize'"),
    ],
)
def test_an_output_that_its_variable_cannot_hold_makes_the_step_an_error(outputs: dict, part: str):
    buy = act("buy", "Exit", snippets=(snippet(outputs=(Output(variable="price"),)),))
    walk = Walk(model(start(buy), EXIT, parameters=(integer("price", 0, 0, 99),)), WalkPlan(path="random(iterations(1))", seed=1))
    steps = performed(walk, answering({"buy": outputs}))
    assert path_of(steps) == "Start -buy->"
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.ERROR, EndReason.STEP_NOT_PASSED)
    assert re.search(part, walk.outcome.message)


def test_a_bound_that_an_output_breaks_through_an_assignment_makes_the_step_an_error():
    buy = act("buy", "Exit", sets="n = price", snippets=(snippet(outputs=(Output(variable="price"),)),))
    walk = Walk(
        model(start(buy), EXIT, parameters=(integer("price"), integer("n", 0, 0, 5))),
        WalkPlan(path="random(iterations(1))", seed=1),
    )
    performed(walk, answering({"buy": {"price": 6}}))
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.STEP_NOT_PASSED
    assert "outside its bounds: 0 to 5" in walk.outcome.message


def test_bounds_are_foretold_for_the_assignments_that_hang_on_no_output():
    buy = act("buy", sets="n = n + 1; total = total + price", snippets=(snippet(outputs=(Output(variable="price"),)),))
    subject = model(start(buy), parameters=(integer("price"), integer("total"), integer("n", 0, 0, 2)))
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1))
    assert path_of(performed(walk, answering({"buy": {"price": 9}}))) == "Start -buy-> -buy->"
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.DEAD_END


def test_inputs_are_evaluated_on_the_data_before_the_step_and_not_at_all_in_a_dry_run():
    call = snippet(inputs=(Input(expression="n + 1"), Input(name="term", expression="'lamp'")), outputs=(Output(variable="n"),))
    subject = model(start(act("go", "Exit", sets="n = n * 10", snippets=(call,))), EXIT, parameters=(integer("n", 4),))
    step = walk_all(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)))[1]
    assert [(c.reference, c.arguments, dict(c.named_arguments)) for c in step.calls] == [("shop:do", (5,), {"term": "lamp"})]
    assert step.calls[0].outputs == (Output(variable="n"),)
    assert walk_all(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1, dry=True)))[1].calls == ()


def test_a_disabled_snippet_is_not_called():
    subject = model(start(act("go", "Exit", snippets=(snippet(disabled=True),))), EXIT)
    assert walk_all(Walk(subject, WalkPlan(path="random(iterations(1))", seed=1)))[1].calls == ()
