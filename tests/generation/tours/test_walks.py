"""Walks that follow a tour: to its end, over surprises, and never for ever."""

import pytest
from hypothesis import given, settings

from melanzana.errors import GenerationError, ImpossibleGoalError, PathExpressionError
from melanzana.generation.configurations import FullConfigurations, configurations
from melanzana.generation.network import Network
from melanzana.generation.path_expression import GeneratorKind, parse_path
from melanzana.generation.search import Landscape
from melanzana.generation.step import EndReason, OnError, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Output
from support_models import simple_models
from support_tours import Small, first_position, names_of, planned, smalls
from support_walks import (
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

SHOP = model(
    start(act("search", "Results"), act("log in", when="!known", sets="known = true")),
    place("Results", act("add", "Basket", sets="basket = basket + 1"), act("open", "Detail", "Start")),
    place("Detail", act("back", "Results")),
    place("Basket", act("pay", "Exit", when="known"), act("shop on", "Start"), act("never", "Start", when="basket > 5")),
    EXIT,
    parameters=(integer("basket", 0, 0, 2), flag("known")),
)


@settings(max_examples=60, deadline=None)
@given(simple_models(max_states=4))
def test_a_tour_of_any_model_ends_and_accounts_for_every_transition(subject) -> None:
    """Whatever counts as coverage was gone through or is named, unless an expression failed on the way."""
    walk = Walk(subject, WalkPlan(path="tour()", seed=3, dry=True))
    walk_all(walk, max_steps=50_000)
    assert walk.outcome is not None
    if walk.outcome.reason is EndReason.EVALUATION_ERROR:
        return
    assert walk.outcome.verdict is Verdict.PASSED
    report = walk.coverage.report()
    missing = report.transitions.total - report.transitions.covered
    assert walk.outcome.message.startswith(f"{missing} transition") if missing else walk.outcome.message == ""


@settings(max_examples=60, deadline=None)
@given(smalls(guarded=True))
def test_the_walk_is_the_plan(small: Small) -> None:
    """Nothing surprises a dry walk, so its actions are those of the tour and its last step ends it."""
    walk, _ = walked(small.model(), "tour()")
    assert walk.coverage.report().transitions.covered == len(small.feasible())
    tour = planned(small.model())
    assert walk._progress.actions == tour.actions
    assert walk.iteration == names_of(tour).count("|") + 1


@settings(max_examples=60, deadline=None)
@given(smalls(guarded=True))
def test_both_ways_to_explore_find_the_same_configurations(small: Small) -> None:
    """Numbers and copied positions agree arc by arc."""
    network = Network(small.model(), dry=True)
    found = []
    for space in (
        configurations(network, Landscape(network), first_position(network)),
        FullConfigurations(network, Landscape(network)),
    ):
        space.enter(first_position(network))
        space.explore()
        found.append((space.tails, space.heads, space.labels, space.first))
    assert found[0] == found[1]


def test_a_tour_goes_to_exit_and_starts_over() -> None:
    """Each part of it is an iteration."""
    walk, path = walked(SHOP, "tour()")
    assert walk.outcome is not None
    assert walk.outcome.reason is EndReason.STOP_CONDITION
    assert walk.outcome.message == "1 transition cannot be covered: 'never' (its guard is never true there)"
    assert path.count("-pay->") == 1
    assert walk.progress() == 1.0


def test_a_tour_ends_early_when_its_condition_is_met() -> None:
    """The condition is asked before each action."""
    walk, path = walked(SHOP, "tour(reached(Detail))")
    assert path.endswith("Detail")
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED


def test_a_condition_that_the_tour_cannot_meet_is_an_error_with_the_reason() -> None:
    """All that can be covered is, and the walk says what is missing."""
    drawn = integer("n", None, -(10**9), 0, generated=True)  # which value is not known before the walk
    subject = model(start(act("go", "Exit"), act("never", "Exit", when="n > 0")), EXIT, parameters=(drawn,))
    walk, _ = walked(subject, "tour(transition_coverage(100))")
    assert walk.outcome is not None
    assert (walk.outcome.verdict, walk.outcome.reason) == (Verdict.ERROR, EndReason.DEAD_END)
    assert "stands at 50%; 1 transition could not be covered: 'never'" in walk.outcome.message


def test_a_condition_that_no_tour_can_meet_is_refused() -> None:
    """Where it is known beforehand, nothing is walked."""
    with pytest.raises(ImpossibleGoalError, match="'never' in 'Basket'"):
        walked(SHOP, "tour(transition_coverage(100))")


def test_dead_ends_are_left_by_starting_over() -> None:
    """Two states without a way out take two iterations, and no dead end is noted."""
    subject = model(start(act("left", "L"), act("right", "R")), place("L"), place("R"))
    walk, path = walked(subject, "tour()")
    assert path == "Start -left-> L Start -right-> R"
    assert not walk.dead_ends


def test_actions_of_weight_0_are_left_out() -> None:
    """As a random walk leaves them out."""
    walk, path = walked(model(start(act("a"), act("erase", weight=0))), "tour()")
    assert path == "Start -a->"
    assert walk.outcome is not None
    assert walk.outcome.message == "1 transition cannot be covered: 'erase' (its weight is 0)"


def test_call_limits_previous_and_sequent_actions_are_kept_to() -> None:
    """The tour of a model that has them all."""
    subject = model(
        start(act("once", "A", limit := "A", call_limit=1), act("go", "B")),
        place("A", back("undo"), act("chain", "then")),
        place("B", sequent("then", "Start"), back("return")),
    )
    assert limit == "A"
    walk, path = walked(subject, "tour()")
    assert walk.coverage.report().transitions.ratio == 1.0
    assert "-chain-> -then->" in path


def test_generated_values_are_tried_over_several_iterations() -> None:
    """What is open to members alone is covered in an iteration that draws a member."""
    subject = model(
        start(act("in", "In", when='user == "member"'), act("look")),
        place("In", act("out", "Exit")),
        EXIT,
        parameters=(choice("user", "guest", "visitor", "member", generated=True),),
    )
    walk, _ = walked(subject, "tour()", seed=5)
    assert walk.coverage.report().transitions.ratio == 1.0
    assert walk.iteration > 1


def test_a_value_that_is_never_drawn_is_given_up() -> None:
    """After a hundred iterations in advance; nothing is walked for it."""
    subject = model(start(act("in", when="n == 5"), act("look")), parameters=(integer("n", 0, 0, 3, generated=True),))
    walk, path = walked(subject, "tour()")
    assert path == "Start -look->"
    assert walk.outcome is not None
    assert "could not be covered: 'in' (no way to it was found" in walk.outcome.message


# ---- surprises

LOGIN = model(
    start(act("log in", snippets=(snippet(outputs=(Output(variable="known"),)),)), act("pay", "Paid", when="known")),
    place("Paid", act("home", "Start")),
    parameters=(flag("known"),),
)


def test_what_snippets_answer_opens_the_way() -> None:
    """`pay` hangs on what `log in` answers: it is sought once everything certain is done."""
    walk = Walk(LOGIN, WalkPlan(path="tour()", seed=1))
    steps = performed(walk, answering({"log in": {"known": True}}))
    assert path_of(steps) == "Start -log in-> -pay-> Paid -home-> Start"
    assert walk.outcome is not None
    assert walk.outcome.message == ""


def test_answers_that_never_open_the_way_are_given_up_after_a_few_tries() -> None:
    """The walk ends and says what it could not cover."""
    walk = Walk(LOGIN, WalkPlan(path="tour()", seed=1))
    steps = performed(walk, answering({"log in": {"known": False}}))
    assert len(steps) < 30
    assert walk.outcome is not None
    assert "could not be covered: 'pay' (it hangs on what snippets answer)" in walk.outcome.message


def test_after_a_surprise_the_walk_goes_on_from_where_it_is() -> None:
    """`add` is answered with another number than planned; everything is covered all the same."""
    subject = model(
        start(
            act("add", when="n < 3", sets="n = n + 1", snippets=(snippet(outputs=(Output(variable="m"),)),)),
            act("full", "F", when="n == 3"),
        ),
        place("F", act("empty", "Start", sets="n = m")),
        parameters=(integer("n", 0, 0, 9), integer("m", 0, 0, 9)),
    )
    walk = Walk(subject, WalkPlan(path="tour()", seed=1))
    steps = performed(walk, answering({"add": {"m": 2}}))
    assert walk.coverage.report().transitions.ratio == 1.0
    assert len(steps) < 40


def test_failing_steps_do_not_keep_a_tour_from_its_end() -> None:
    """With `continue` the tour goes on after each."""
    walk = Walk(SHOP, WalkPlan(path="tour()", seed=1, on_error=OnError.CONTINUE))
    performed(walk, lambda step: (Verdict.FAILED, {}, "broken"))
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.FAILED
    assert walk.coverage.report().transitions.covered == 8


# ---- shortest


@settings(max_examples=80, deadline=None)
@given(smalls(guarded=True))
def test_a_shortest_path_has_as_few_actions_as_any(small: Small) -> None:
    """In (state, n), as a search of the small model says; what cannot be reached is refused before the run."""
    far = small.reachable()
    for state in range(1, small.states):
        nearest = min((steps for (s, _), steps in far.items() if s == state), default=None)
        try:
            walk, path = walked(small.model(), f"shortest(reached(S{state}))")
        except (GenerationError, PathExpressionError):
            assert nearest is None
        else:
            assert nearest == path.count("->")
            assert walk.outcome is not None
            assert walk.outcome.verdict is Verdict.PASSED


def test_the_shortest_path_to_an_action_performs_it() -> None:
    """And enters where it leads."""
    assert walked(SHOP, "shortest(reached(pay))")[1] == "Start -log in-> -search-> Results -add-> Basket -pay-> Exit"


def test_a_way_that_guards_close_is_refused_with_the_reason() -> None:
    """It names the actions that would lead there."""
    with pytest.raises(
        GenerationError, match=r"no path that may be walked reaches 'never' \('never': its guard is never true there\)"
    ):
        walked(SHOP, "shortest(reached(never))")


def test_durations_choose_the_cheaper_way() -> None:
    """Two quick actions beat a slow one."""
    subject = model(start(act("slow", "B"), act("quick", "A")), place("A", act("on", "B")), place("B"))
    plan = WalkPlan(path="shortest(reached(B))", seed=1, dry=True, durations={"slow": 10, "quick": 2, "on": 3})
    assert path_of(walk_all(Walk(subject, plan))) == "Start -quick-> A -on-> B"


# ---- the grammar


@pytest.mark.parametrize(
    ("text", "settings_"),
    [
        ("tour()", (None, None, None)),
        ("tour(steps(5))", (None, None, None)),
        ("tour(reset(2.5))", (2.5, None, None)),
        ("TOUR( reset(0), time(5) or reached(Detail) )", (0.0, None, None)),
        ("split(tour(), 20)", (None, 20, None)),
        ("shard(tour(reset(3)), 2/4)", (3.0, None, (2, 4))),
        ("shard(split(tour(), 20), 4 / 4)", (None, 20, (4, 4))),
    ],
)
def test_the_grammar_of_tours(text: str, settings_) -> None:
    """What stands in the brackets ends up in the plan."""
    plan = parse_path(text, SHOP)
    assert plan.generator is GeneratorKind.TOUR
    assert plan.tour is not None
    assert (plan.tour.reset_seconds, plan.tour.steps, plan.tour.share) == settings_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tour", "'(' after 'tour' is expected here, not the end (at character 5)"),
        ("tour(reset)", "'(' and a price in seconds after 'reset' is expected here, not ')' (at character 11)"),
        ("tour(reset(x))", "reset takes a number from 0 to 1000000000, not 'x' (at character 12)"),
        ("tour(reset(1) steps(2))", "',' or ')' after the price is expected here, not 'steps' (at character 15)"),
        ("split(random(never), 3)", "split takes tour(…), not 'random' (at character 7)"),
        ("split(split(tour(), 3), 3)", "split takes tour(…), not 'split' (at character 7)"),
        ("split(tour(), 0)", "split takes a whole number from 1 to 1000000000000, not '0' (at character 15)"),
        ("split(tour())", "',' after the tour in 'split' is expected here, not ')' (at character 13)"),
        ("shard(tour(), 5/4)", "shard takes a share like 1/4, the first of four, not '5/4' (at character 15)"),
        ("shard(directed(x), 1/4)", "shard takes tour(…) or split(…), not 'directed' (at character 7)"),
        (
            "shortest(steps(3))",
            "shortest takes one question: reached(name), reached_vertex(name) or reached_edge(name) (at character 1)",
        ),
        (
            "toor()",
            "unknown generator 'toor'; did you mean 'tour'?; there are random, weighted, quick, explore, directed, tour, split, "
            "shard, shortest, predefined and replay (at character 1)",
        ),
    ],
)  # fmt: skip
def test_a_wrong_tour_is_refused_with_the_place(text: str, message: str) -> None:
    """Each message says what is expected where."""
    with pytest.raises(PathExpressionError) as refused:
        parse_path(text, SHOP)
    assert refused.value.message == message
