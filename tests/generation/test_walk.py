"""One run from its first step to its outcome: stops, dead ends, failures, pauses, aborts."""

from collections.abc import Mapping

import pytest

from melanzana.errors import GenerationError
from melanzana.generation.step import EndReason, OnError, Outcome, Step, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Input, Model, Output, State, StateKind, Value
from support_walks import (
    CLEANUP,
    ERROR,
    EXIT,
    act,
    answering,
    case,
    choice,
    failing,
    integer,
    model,
    path_of,
    performed,
    place,
    snippet,
    start,
    walked,
)


def shop(*more: State, **flags: bool) -> Model:
    """Start, a basket, Exit, and the special states given."""
    return model(start(act("search", "Basket")), place("Basket", act("pay", "Exit")), EXIT, *more, **flags)


def ended(walk: Walk) -> Outcome:
    assert walk.next_step() is None
    assert walk.outcome is not None
    return walk.outcome


def run(subject: Model, on_error: OnError, step: str, verdict: Verdict = Verdict.FAILED) -> tuple[str, Outcome]:
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1, on_error=on_error))
    path = path_of(performed(walk, failing(step, verdict)))
    return path, ended(walk)


# ---- stopping


def test_steps_are_numbered_from_one_over_all_iterations():
    steps = walk_all(Walk(shop(), WalkPlan(path="random(iterations(2))", seed=1)))
    assert [(step.number, step.iteration) for step in steps] == [(n, 1 + (n > 5)) for n in range(1, 11)]


def test_a_walk_passes_with_the_reason_stop_condition():
    walk, _ = walked(shop(), "random(iterations(1))")
    assert walk.outcome == Outcome(verdict=Verdict.PASSED, reason=EndReason.STOP_CONDITION)


def test_the_target_of_the_last_action_is_still_entered():
    """So its checks run: a stop condition is asked between actions."""
    assert walked(shop(), "random(actions(1))")[1] == "Start -search-> Basket"
    assert walked(shop(), "random(steps(2))")[1] == "Start -search-> Basket"


def test_a_condition_that_holds_from_the_start_ends_the_walk_after_the_start_state():
    assert walked(shop(), "random(state_coverage(0))")[1] == "Start"


def test_time_is_what_the_caller_says():
    walk = Walk(shop(), WalkPlan(path="random(time(10))", seed=1))
    for elapsed in (0.0, 3.0, 9.9):
        step = walk.next_step(elapsed)
        assert step is not None
        walk.record(step, Verdict.PASSED)
    assert walk.next_step(10.0) is None
    assert ended(walk).reason is EndReason.STOP_CONDITION


def test_cleanup_is_entered_once_at_the_end():
    assert walked(shop(CLEANUP, ERROR), "random(iterations(2))")[1].count("Cleanup") == 1
    assert walked(shop(CLEANUP, ERROR), "random(iterations(1))")[1].endswith("Exit Cleanup")


def test_progress_is_the_stop_conditions_and_ends_at_one():
    walk = Walk(shop(), WalkPlan(path="random(actions(4))", seed=1))
    assert walk.progress() == 0.0
    walk_all(walk)
    assert walk.progress() == 1.0


# ---- dead ends


def test_a_dead_end_ends_the_iteration_like_exit():
    subject = model(start(act("go", "A")), place("A"))
    walk, path = walked(subject, "random(actions(3))")
    assert path == "Start -go-> A Start -go-> A Start -go-> A"
    assert walk.outcome == Outcome(verdict=Verdict.PASSED, reason=EndReason.STOP_CONDITION)
    assert walk.dead_ends == {"A": 2}


def test_a_run_whose_last_iteration_ended_in_a_dead_end_passes_and_says_so():
    walk, _ = walked(model(start(act("go", "A")), place("A")), "random(iterations(1))")
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.PASSED, EndReason.DEAD_END)
    assert walk.outcome.message == "no action can be performed in state 'A' (it has none)"


def test_iterations_without_any_action_end_after_a_hundred_even_for_never():
    subject = model(start(act("go", "Exit", when='user == "admin"')), EXIT, parameters=(choice("user", "guest", "admin"),))
    walk, path = walked(subject, "random(never)")
    assert path.count("Start") == 100
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.ERROR, EndReason.DEAD_END)
    assert "could not perform a single action" in walk.outcome.message
    assert "its guard is false" in walk.outcome.message


#: Drawn from so many values that it is not known beforehand which.
DRAWN = integer("n", None, -(10**9), 0, generated=True)


def test_iterations_that_bring_nothing_new_end_the_run_as_an_error():
    """A guard that no draw makes true keeps full coverage from being reached; the run does not go on for ever."""
    subject = model(start(act("go", "Exit"), act("never", when="n > 0")), EXIT, parameters=(DRAWN,))
    walk, path = walked(subject, "random(action_coverage(100))")
    assert path.count("Start") == 1_001
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.ERROR, EndReason.DEAD_END)
    assert "1,000 iterations in a row brought nothing new; the stop condition stands at 50%" in walk.outcome.message


def test_actions_that_bring_nothing_new_end_an_endless_iteration_too():
    subject = model(start(act("go"), act("never", when="n > 0")), parameters=(DRAWN,))
    walk, path = walked(subject, "random(action_coverage(100))")
    assert 100_000 <= path.count("-go->") < 110_000
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.DEAD_END


def test_never_goes_on_although_nothing_is_new():
    walk = Walk(shop(), WalkPlan(path="random(never)", seed=1, dry=True))
    assert len(walk_all(walk, max_steps=20_000)) == 20_000
    assert walk.outcome is None


# ---- steps that do not pass


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.ERROR])
def test_clean_enters_error_then_cleanup_and_ends(verdict: Verdict):
    path, outcome = run(shop(CLEANUP, ERROR), OnError.CLEAN, "search", verdict)
    assert path == "Start -search-> Error Cleanup"
    assert (outcome.verdict, outcome.reason) == (verdict, EndReason.STEP_NOT_PASSED)
    assert outcome.message == "step 2, action 'search' in state 'Start': it broke"


def test_clean_ends_without_special_states_when_there_are_none():
    assert run(shop(), OnError.CLEAN, "Basket")[0] == "Start -search-> Basket"


def test_immediate_ends_at_once():
    path, outcome = run(shop(CLEANUP, ERROR), OnError.IMMEDIATE, "search")
    assert path == "Start -search->"
    assert outcome.verdict is Verdict.FAILED


def test_immediate_still_cleans_up_after_a_walk_that_passed():
    assert run(shop(CLEANUP, ERROR), OnError.IMMEDIATE, "nothing")[0].endswith("Exit Cleanup")


def test_continue_walks_on_as_if_the_step_had_passed_and_remembers():
    subject = model(
        start(act("add", "Basket", sets="n = n + 1")),
        place("Basket", act("pay", "Exit", when="n == 1")),
        EXIT,
        CLEANUP,
        ERROR,
        parameters=(integer("n"),),
    )
    path, outcome = run(subject, OnError.CONTINUE, "add")
    assert path == "Start -add-> Basket -pay-> Exit Cleanup"
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, EndReason.STOP_CONDITION)
    assert outcome.message.startswith("step 2, action 'add'")


def test_a_failure_counts_more_than_an_error_that_came_before_it():
    walk = Walk(shop(), WalkPlan(path="random(iterations(1))", seed=1, on_error=OnError.CONTINUE))
    verdicts = {"search": Verdict.ERROR, "pay": Verdict.FAILED}
    performed(walk, lambda step: (verdicts.get(step.name, Verdict.PASSED), {}, step.name))
    assert ended(walk).verdict is Verdict.FAILED
    assert ended(walk).message.startswith("step 4")


def test_debug_pauses_until_somebody_resumes():
    walk = Walk(shop(CLEANUP, ERROR), WalkPlan(path="random(iterations(1))", seed=1, on_error=OnError.DEBUG))
    assert path_of(performed(walk, failing("search"))) == "Start -search->"
    assert walk.paused
    with pytest.raises(GenerationError, match="paused"):
        walk.next_step()
    walk.resume()
    assert path_of(performed(walk, failing("nothing"))) == "Basket -pay-> Exit Cleanup"
    assert (ended(walk).verdict, ended(walk).reason) == (Verdict.FAILED, EndReason.STOP_CONDITION)


def test_debug_ends_when_somebody_aborts():
    walk = Walk(shop(CLEANUP, ERROR), WalkPlan(path="random(iterations(1))", seed=1, on_error=OnError.DEBUG))
    performed(walk, failing("search"))
    walk.abort()
    assert not walk.paused
    assert (ended(walk).verdict, ended(walk).reason) == (Verdict.FAILED, EndReason.ABORTED)


def test_a_failure_in_the_error_state_does_not_loop():
    walk = Walk(shop(CLEANUP, ERROR), WalkPlan(path="random(iterations(1))", seed=1))
    names = ("search", "Error", "Cleanup")
    path = path_of(performed(walk, lambda step: (Verdict.FAILED if step.name in names else Verdict.PASSED, {}, step.name)))
    assert path == "Start -search-> Error Cleanup"
    assert ended(walk).message.startswith("step 2")


def test_a_cleanup_that_fails_spoils_a_run_that_had_passed():
    path, outcome = run(shop(CLEANUP), OnError.CLEAN, "Cleanup")
    assert path.endswith("Cleanup")
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, EndReason.STEP_NOT_PASSED)


def test_a_failed_step_moves_nothing_and_assigns_nothing():
    subject = model(start(act("add", "A", sets="n = 1")), place("A"), ERROR, parameters=(integer("n"),))
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1))
    steps = performed(walk, failing("add"))
    assert steps[-1].name == "Error"
    assert steps[-1].data == {"n": 0}
    assert walk.coverage.hits("A") == 0


def test_a_failed_step_counts_as_covered():
    """Coverage says what was tried."""
    walk = Walk(shop(), WalkPlan(path="random(iterations(1))", seed=1))
    performed(walk, failing("search"))
    assert walk.coverage.report().actions.covered == 1


# ---- aborting


@pytest.mark.parametrize(("wanted", "path"), [(True, "Cleanup"), (False, "")])
def test_abort_cleans_up_only_if_the_model_says_so(wanted: bool, path: str):
    walk = Walk(shop(CLEANUP, ERROR, run_cleanup_after_abort=wanted), WalkPlan(path="random(never)", seed=1))
    step = walk.next_step()
    assert step is not None
    walk.record(step, Verdict.PASSED)
    walk.abort()
    assert path_of(walk_all(walk)) == path
    assert walk.outcome == Outcome(verdict=Verdict.ERROR, reason=EndReason.ABORTED, message="the run was aborted")


def test_a_step_that_is_open_when_the_run_is_aborted_may_be_recorded_or_not():
    for recorded in (True, False):
        walk = Walk(shop(), WalkPlan(path="random(never)", seed=1))
        step = walk.next_step()
        assert step is not None
        walk.abort()
        if recorded:
            assert walk.record(step, Verdict.FAILED, {}, "killed") is Verdict.FAILED
        assert ended(walk).reason is EndReason.ABORTED


def test_an_abort_during_the_ending_leaves_out_what_is_left():
    walk = Walk(shop(CLEANUP, ERROR), WalkPlan(path="random(iterations(1))", seed=1))
    while (step := walk.next_step()) is not None and step.name != "Error":
        walk.record(step, Verdict.FAILED if step.name == "search" else Verdict.PASSED)
    walk.abort()
    assert ended(walk).reason is EndReason.ABORTED


def test_an_abort_after_the_end_changes_nothing():
    walk, _ = walked(shop(), "random(iterations(1))")
    walk.abort()
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.STOP_CONDITION


# ---- expressions that fail on the data


def test_a_guard_that_cannot_be_evaluated_ends_the_walk_as_an_error():
    subject = model(start(act("pay", "Exit", when="10 / n > 1")), EXIT, CLEANUP, ERROR, parameters=(integer("n"),))
    walk, path = walked(subject, "random(iterations(1))")
    assert path == "Start Cleanup"
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.ERROR, EndReason.EVALUATION_ERROR)
    assert walk.outcome.message.startswith("guard of action 'pay' of state 'Start' (`10 / n > 1`): ")
    assert "at character 4" in walk.outcome.message


@pytest.mark.parametrize("on_error", OnError)
def test_an_assignment_that_cannot_be_evaluated_ends_the_walk_whatever_on_error_says(on_error: OnError):
    subject = model(start(act("share", "Exit", sets="n = 10 / n")), EXIT, parameters=(integer("n"),))
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1, on_error=on_error))
    steps = performed(walk, failing("nothing"))
    assert path_of(steps) == "Start -share->"
    assert (ended(walk).verdict, ended(walk).reason) == (Verdict.ERROR, EndReason.EVALUATION_ERROR)
    assert "assignment to 'n'" in ended(walk).message


def test_an_input_that_cannot_be_evaluated_ends_the_walk_before_the_step():
    call = snippet(inputs=(Input(expression="10 / n"),))
    subject = model(start(act("share", "Exit", snippets=(call,))), EXIT, parameters=(integer("n"),))
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1))
    assert path_of(performed(walk, failing("nothing"))) == "Start"
    assert "input of shop:do in action 'share'" in ended(walk).message


def test_a_guard_of_an_action_that_is_not_drawn_is_not_evaluated():
    """Weight 0: never in question, so its guard cannot end a random walk."""
    subject = model(start(act("pay", "Exit", when="1 / n > 0", weight=0), act("end", "Exit")), EXIT, parameters=(integer("n"),))
    assert walked(subject, "random(iterations(1))")[1] == "Start -end-> Exit"


# ---- the protocol of calls


def test_a_step_must_be_recorded_before_the_next_one():
    walk = Walk(shop(), WalkPlan(path="random(never)", seed=1))
    walk.next_step()
    with pytest.raises(GenerationError, match="not recorded"):
        walk.next_step()


def test_only_the_step_handed_out_last_can_be_recorded():
    walk = Walk(shop(), WalkPlan(path="random(never)", seed=1))
    step = walk.next_step()
    assert step is not None
    walk.record(step, Verdict.PASSED)
    with pytest.raises(GenerationError, match="step 1 is not"):
        walk.record(step, Verdict.PASSED)


@pytest.mark.parametrize("seed", [-1, 2**63, True])
def test_a_seed_out_of_range_is_refused(seed: int):
    with pytest.raises(GenerationError, match="seed"):
        Walk(shop(), WalkPlan(path="random(never)", seed=seed))


def test_the_walks_own_words_say_why_a_step_that_passed_does_not():
    buy = act("buy", "Exit", snippets=(snippet(outputs=(Output(variable="price"),)),))
    walk = Walk(model(start(buy), EXIT, parameters=(integer("price"),)), WalkPlan(path="random(iterations(1))", seed=1))
    verdicts: list[tuple[str, Verdict, str]] = []

    def note(step: Step, outputs: Mapping[str, Value]) -> None:
        verdicts.append((step.name, walk.record(step, Verdict.PASSED, outputs), walk.message))

    while (step := walk.next_step()) is not None:
        note(step, {"price": "x"} if step.name == "buy" else {})
    assert verdicts == [
        ("Start", Verdict.PASSED, ""),
        ("buy", Verdict.ERROR, "variable 'price' is of type integer and cannot hold 'x'"),
    ]


def test_outputs_of_a_state_are_kept():
    check = place("A", act("end", "Exit", when="n == 5"), snippets=(snippet(outputs=(Output(variable="n"),)),))
    subject = model(start(act("go", "A")), check, EXIT, parameters=(integer("n"),))
    walk = Walk(subject, WalkPlan(path="random(iterations(1))", seed=1))
    assert path_of(performed(walk, answering({"A": {"n": 5}}))) == "Start -go-> A -end-> Exit"


def test_an_error_state_that_an_action_leads_to_is_not_entered_again_when_it_fails():
    subject = model(start(act("crash", "Error")), place("Error", kind=StateKind.ERROR), CLEANUP)
    assert run(subject, OnError.CLEAN, "Error")[0] == "Start -crash-> Error Cleanup"


def test_the_end_of_a_test_case_is_its_last_target():
    subject = model(*shop(CLEANUP).states, test_cases=(case("buy", "search", "pay"),))
    walk, path = walked(subject, 'directed("buy")')
    assert path == "Start -search-> Basket -pay-> Exit Cleanup"
    assert walk.outcome == Outcome(verdict=Verdict.PASSED, reason=EndReason.TEST_CASE_DONE)
    assert walk.progress() == 1.0
