"""What can be covered: exactly what brute force finds on small models, and never less than any walk covers."""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import EvaluationError, InvalidModelError, RequestError
from melanzana.generation.coverage import counted_actions, counted_states, transitions_of
from melanzana.generation.feasible import feasible
from melanzana.generation.step import Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Output, ParameterType, Range
from support_models import simple_models
from support_tours import smalls
from support_walks import EXIT, act, back, choice, flag, integer, model, place, sequent, snippet, start

ANSWERS = {ParameterType.INTEGER: [0, 1, 7], ParameterType.REAL: [0.0, 1.5], ParameterType.BOOLEAN: [True, False]}


@given(small=smalls(guarded=True))
def test_what_brute_force_reaches_is_feasible_and_nothing_else(small):
    """On models of one variable without snippets the answer is exact."""
    found = feasible(small.model())
    assert found.complete
    assert found.actions == small.feasible()


@given(subject=simple_models(), seed=st.integers(0, 2**32), dry=st.booleans(), data=st.data())
def test_no_walk_covers_what_is_not_feasible(subject, seed, dry, data):
    """Whatever is drawn and whatever snippets answer, a walk stays within what is feasible; and that within what counts."""
    found = feasible(subject, dry=dry)
    assert found.states <= {state.id for state in counted_states(subject)}
    assert found.transitions <= {pair for action in counted_actions(subject) for pair in transitions_of(action)}
    assert {action for action, _ in found.transitions} == found.actions
    walk = Walk(subject, WalkPlan(path="random(actions(60) or iterations(9))", seed=seed, dry=dry))
    for step in islice(iter(walk.next_step, None), 200):
        walk.record(step, Verdict.PASSED, {} if dry else _answers(walk, step, data))
    hits = walk.coverage.report()
    counted = {state.id for state in counted_states(subject)}
    entered = {element for element, times in hits.hits.items() if times and element in counted}
    assert entered <= found.states | {state.id for state in subject.states if state.kind in ("error", "cleanup")}
    assert {pair for pair, times in hits.transition_hits.items() if times} <= found.transitions


def _answers(walk, step, data):
    """Something for every output that its variable can hold."""
    position = walk._position
    element = position.network.numbers[step.element_id]
    compiled = position.network.states[element] if element >= 0 else position.network.actions[-1 - element]
    answers = {}
    for name in sorted(compiled.output_names):
        _, domain = compiled.scope.home(name)
        value = data.draw(st.sampled_from(ANSWERS.get(domain.type, ["lamp", "x"])))
        try:
            answers[name] = domain.accept(value)
        except EvaluationError:
            continue
    return answers


def test_what_a_snippet_answers_may_be_anything_unless_nothing_is_performed():
    """A guard over an output can be true in a run, and in a dry run only as the data say."""
    subject = model(
        start(act("ask", snippets=(snippet(outputs=(Output(variable="n"),)),)), act("go", "Exit", when="n > 5 && m == 0")),
        act_free := place("Lost"),
        EXIT,
        parameters=(integer("n"), integer("m")),
    )
    assert feasible(subject).actions == {"ask", "go"}
    assert feasible(subject, dry=True).actions == {"ask"}
    assert act_free.id not in feasible(subject).states


def test_few_values_that_can_be_drawn_are_tried_one_by_one():
    """Each value of a small range is looked at, and none besides."""
    user = choice("user", "guest", "member", generated=True)
    level = integer("level", None, 1, 3, generated=True)
    sure = flag("sure", generated=True)
    never = replace(integer("never", None, generated=True), ranges=(Range(values=(1,)), Range(values=(2,), weight=0)))
    guards = ['user == "member"', 'user == "admin"', "level == 3 && sure", "level == 4", "never == 1", "never == 2"]
    actions = [act(guard, when=guard) for guard in guards]
    subject = model(start(*actions), parameters=(user, level, sure, never))
    assert feasible(subject).actions == {'user == "member"', "level == 3 && sure", "never == 1"}
    assert feasible(subject, parameters={"user": "guest"}).actions == {"level == 3 && sure", "never == 1"}


def test_many_values_that_can_be_drawn_are_taken_as_unknown():
    """Of a wide range, of reals and of a state's own draws, any value is possible."""
    wide = integer("wide", None, 0, 10**9, generated=True)
    own = integer("own", None, 1, 2, generated=True)
    subject = model(start(act("a", when="wide == 5"), act("b", when="own == 9"), parameters=(own,)), parameters=(wide,))
    assert feasible(subject).actions == {"a", "b"}


def test_chains_call_limits_and_ways_back_are_followed():
    """A sequent action comes only after who names it, and a previous one enters where the walk came from."""
    subject = model(
        start(act("go", "A", call_limit=1)),
        place("A", act("type", "confirm", "deny"), sequent("confirm"), sequent("deny", "B", when="false"), back("back")),
        place("B"),
    )
    found = feasible(subject)
    assert found.transitions == {("go", "A"), ("type", "confirm"), ("confirm", None), ("back", None)}
    assert found.states == {"Start", "A"}


def test_where_the_limit_ends_the_search_what_was_not_found_counts_as_feasible():
    """Unless no arc leads to it at all."""
    subject = model(
        start(act("inc", sets="n = n + 1"), act("far", "A", when="n == 1000000")),
        place("A"),
        place("Lost", act("x")),
        parameters=(integer("n"),),
    )
    found = feasible(subject, limit=500)
    assert not found.complete
    assert found.reason == "only 500 configurations of states and data were looked at, and there are more"
    assert found.actions == {"inc", "far"}
    assert found.states == {"Start", "A"}


def test_the_search_ends_when_nothing_is_left_to_find():
    """A counter that grows without end is no hindrance where everything was come to."""
    subject = model(start(act("inc", sets="n = n + 1"), act("go", "Exit", when="n > 3")), EXIT, parameters=(integer("n"),))
    found = feasible(subject)
    assert found.complete
    assert found.actions == {"inc", "go"}


def test_actions_of_weight_zero_are_performed_only_where_they_are_asked_for():
    """A walk never chooses them, a test case may."""
    subject = model(start(act("erase", "Gone", weight=0)), place("Gone"))
    assert feasible(subject).actions == frozenset()
    assert feasible(subject, any_weight=True).states == {"Start", "Gone"}


def test_what_cannot_be_walked_is_refused_as_by_a_walk():
    """No Start state, and a parameter that the model does not have."""
    with pytest.raises(InvalidModelError):
        feasible(model(place("A")))
    with pytest.raises(RequestError):
        feasible(model(start()), parameters={"x": 1})
