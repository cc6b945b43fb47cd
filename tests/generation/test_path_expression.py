"""Path expressions: what is understood, what is refused and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import PathExpressionError
from melanzana.generation.coverage import Covered
from melanzana.generation.path_expression import GeneratorKind, default_path, parse_path, quoted
from melanzana.generation.stop_conditions import (
    Actions,
    AllOf,
    AnyOf,
    Coverage,
    Elapsed,
    Iterations,
    Never,
    Reached,
    Steps,
)
from support_walks import EXIT, act, case, integer, model, place, start

SHOP = model(
    start(act("search", "Results")),
    place("Results", act("add", "Basket"), act("search again", "Results")),
    place("Basket", act("pay", "Exit"), act("add", "Results")),
    EXIT,
    test_cases=(case("buy a lamp", "search", "add", "pay"), case('say "hi" \\ (x)', "search"), case("twice"), case("twice")),
)


def condition(text: str):
    return parse_path(f"random({text})", SHOP).condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps(5)", Steps(5)),
        ("actions(7)", Actions(7)),
        ("length(7)", Actions(7)),
        ("iterations( 2 )", Iterations(2)),
        ("time(1.5)", Elapsed(1.5)),
        ("time_duration(60)", Elapsed(60.0)),
        ("never", Never()),
        ("never()", Never()),
        ("NEVER", Never()),
        ("state_coverage(50)", Coverage(Covered.STATES, 50.0, 2)),
        ("vertex_coverage(100)", Coverage(Covered.STATES, 100.0, 4)),
        ("action_coverage(100)", Coverage(Covered.ACTIONS, 100.0, 4)),
        ("transition_coverage(33.4)", Coverage(Covered.TRANSITIONS, 33.4, 2)),
        ("edge_coverage(0)", Coverage(Covered.TRANSITIONS, 0.0, 0)),
        ("reached(Basket)", Reached("Basket", ("Basket",))),
        ("reached( search again )", Reached("search again", ("search again",))),
        ('reached("Basket")', Reached("Basket", ("Basket",))),
        ("reached_vertex(Basket)", Reached("Basket", ("Basket",))),
        ("reached_edge('pay')", Reached("pay", ("pay",))),
        ("steps(1) or steps(2) and steps(3)", AnyOf((Steps(1), AllOf((Steps(2), Steps(3)))))),
        ("steps(1) || steps(2) && steps(3)", AnyOf((Steps(1), AllOf((Steps(2), Steps(3)))))),
        ("(steps(1) OR steps(2)) AND steps(3)", AllOf((AnyOf((Steps(1), Steps(2))), Steps(3)))),
        ("steps(1)or steps(2)||steps(3)", AnyOf((Steps(1), Steps(2), Steps(3)))),
        ("((never))", Never()),
    ],
)
def test_a_stop_condition_means_what_it_says(text: str, expected: object):
    assert condition(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("random(never)", GeneratorKind.RANDOM),
        ("weighted(never)", GeneratorKind.WEIGHTED),
        ("weighted_random(never)", GeneratorKind.WEIGHTED),
        (" Random ( never ) ", GeneratorKind.RANDOM),
    ],
)
def test_a_generator_is_named_before_the_bracket(text: str, kind: GeneratorKind):
    assert parse_path(text, SHOP).generator is kind


@pytest.mark.parametrize("text", ['directed("buy a lamp")', "directed(buy a lamp)", "directed('id of buy a lamp')"])
def test_a_test_case_is_named_by_name_or_id(text: str):
    assert parse_path(text, SHOP).test_case is SHOP.test_cases[0]


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "is empty"),
        ("   ", 0, "is empty"),
        ("randon(never)", 0, "unknown generator 'randon'; did you mean 'random'?"),
        ("random", 6, "'(' after 'random' is expected here, not the end"),
        ("random()", 7, "a stop condition is missing"),
        ("random(never", 12, "')' after the stop condition is expected here, not the end"),
        ("random(never))", 13, "')' is too much"),
        ("random(steps(5) steps(6))", 16, "')' after the stop condition is expected here, not 'steps'"),
        ("random(step(5))", 7, "unknown stop condition 'step'; did you mean 'steps'?"),
        ("random(steps)", 12, "'(' and a whole number after 'steps'"),
        ("random(steps())", 13, "a whole number and ')' are expected here"),
        ("random(steps(0))", 13, "steps takes a whole number from 1 to"),
        ("random(steps(-1))", 13, "not '-1'"),
        ("random(steps(1.5))", 13, "not '1.5'"),
        ("random(steps(٣))", 13, "not '٣'"),
        ("random(steps(99999999999999))", 13, "from 1 to"),
        ("random(state_coverage(101))", 22, "state_coverage takes a number from 0 to 100, not '101'"),
        ("random(time(1e3))", 12, "not '1e3'"),
        ("random(reached(Baskte))", 15, "no state or action named 'Baskte'; did you mean 'Basket'?"),
        ("random(reached_vertex(pay))", 22, "no state named 'pay'"),
        ("random(reached_edge(Basket))", 20, "no action named 'Basket'"),
        ("random(never or)", 15, "unknown stop condition ')'"),
        ("random(never and (never)", 24, "is expected here, not the end"),
        ("random(never(3))", 13, "without anything before it"),
        ("directed(buy a lam)", 9, "no test case 'buy a lam'; did you mean 'buy a lamp'?"),
        ("directed(twice)", 9, "has 2 test cases named 'twice'"),
        ("directed()", 9, "the name of a test case and ')' are expected here"),
        ('directed("buy a lamp" x)', 22, "not 'x'"),
        ("random(" + "(" * 51 + "never", 57, "nested more than 50 deep"),
        ("random(never)" + " " * 10_000, 0, "longer than 10,000 characters"),
    ],
)
def test_what_is_wrong_is_refused_with_its_position(text: str, position: int, part: str):
    with pytest.raises(PathExpressionError) as caught:
        parse_path(text, SHOP)
    assert part in caught.value.message
    assert caught.value.detail["position"] == position


ISLAND = model(
    start(act("go", "A"), act("rare", "B", weight=0)),
    place("A", act("home", "Start")),
    place("B", act("leave", "A")),
    place("Island"),
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("random(state_coverage(100))", "asks for 4 of 4 states, and only 2 can be reached; not 'B' (no path"),
        ("random(transition_coverage(60))", "only 2 can be reached; not 'rare' in 'Start' → B (its weight is 0), 'leave' in"),
        ("random(action_coverage(51))", "asks for 3 of 4 actions, and only 2"),
        ("random(reached(Island))", "'Island' cannot be reached: no path from the start leads to it"),
        ("random(reached(Island) or reached(B))", "leads to it; 'B' cannot be reached"),
        ("random(steps(5) and reached(Island))", "'Island' cannot be reached"),
        ("random(iterations(1))", "no iteration ever ends"),
    ],
)
def test_a_condition_that_can_never_be_met_is_refused_before_the_run(text: str, part: str):
    with pytest.raises(PathExpressionError, match="can never be met") as caught:
        parse_path(text, ISLAND)
    assert part in caught.value.message
    assert caught.value.detail["position"] == 7


@pytest.mark.parametrize(
    "text",
    [
        "random(state_coverage(50))",
        "random(reached(Island) or steps(5))",
        "random(state_coverage(100) or never)",
        "random(iterations(1) or actions(10))",
    ],
)
def test_a_condition_that_may_still_be_met_is_accepted(text: str):
    assert parse_path(text, ISLAND).condition is not None


def test_a_guard_may_end_an_iteration_so_iterations_are_accepted():
    subject = model(start(act("go", when="n == 0")), parameters=(integer("n"),))
    assert parse_path("random(iterations(1))", subject).condition == Iterations(1)


def test_a_run_that_names_no_path_has_the_usual_limits():
    assert default_path() == "weighted(iterations(1) or actions(10000))"
    assert default_path(iterations=3, actions=50) == "weighted(iterations(3) or actions(50))"


@pytest.mark.parametrize("name", ["buy a lamp", 'say "hi" \\ (x)'])
def test_the_path_of_a_test_case_names_it_whatever_its_name_holds(name: str):
    found = parse_path(default_path(name), SHOP).test_case
    assert found is not None
    assert found.name == name


@given(st.text(max_size=20))
def test_every_name_can_be_quoted(name: str):
    subject = model(start(), test_cases=(case(name),))
    assert parse_path(f"directed({quoted(name)})", subject).test_case is subject.test_cases[0]


@given(
    st.lists(
        st.sampled_from(["random(", "steps(", "5", ")", "(", "and", "||", '"', "never", "reached(", "pay", "\\", " "]), max_size=12
    )
)
def test_any_text_is_either_read_or_refused(parts: list[str]):
    text = "".join(parts)
    try:
        parse_path(text, SHOP)
    except PathExpressionError as error:
        assert 0 <= error.detail["position"] <= len(text)
