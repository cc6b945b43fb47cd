"""How many paths and values can be covered: exact where brute force can tell, and never less than a walk covers."""

from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.generation.feasible import feasible
from melanzana.generation.feasible_kinds import FeasibleKinds, feasible_requirements
from melanzana.generation.kinds import Glance
from melanzana.generation.path_coverage import PathTracker
from melanzana.generation.step import StepKind, Verdict
from melanzana.generation.succession import Succession
from melanzana.generation.variable_coverage import VariableTracker
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Output
from support_models import simple_models
from support_tours import smalls
from support_walks import act, choice, flag, integer, model, place, snippet, start


@given(small=smalls(guarded=True, most=6), depth=st.integers(1, 3))
def test_paths_and_values_are_those_of_brute_force(small, depth):
    """Every way from every situation that can be come to is walked."""
    level = {(node, ()) for node in small.reachable()}
    for _ in range(depth):
        level = {(ahead, (*path, arc.name)) for node, path in level for arc, ahead in small.onward(node)}
    kinds = FeasibleKinds(small.model())
    assert kinds.paths(depth) == len({path for _, path in level})
    decides = any(arc.low > 0 or arc.high < 3 or arc.add for arc in small.arcs)
    values = {node[1] for node in small.reachable() for _ in small.onward(node)} if decides else {0}
    if small.feasible():
        assert kinds.values(1) == {(("", "n", str(value)),) for value in values}


@settings(max_examples=40, deadline=None)
@given(subject=simple_models(max_states=4), seed=st.integers(0, 2**32), depth=st.integers(1, 3))
def test_no_walk_covers_more(subject, seed, depth):
    """Distinct paths are at most as many as are feasible, values and pairs are among the feasible ones."""
    kinds = FeasibleKinds(subject, dry=True)
    paths, singles, pairs = PathTracker(subject, depth), VariableTracker(subject, 1), VariableTracker(subject, 2)
    walk = Walk(subject, WalkPlan(path="random(actions(60) or iterations(9))", seed=seed, dry=True))
    for step in islice(iter(walk.next_step, None), 200):
        walk.record(step, Verdict.PASSED)
        for tracker in (paths, singles, pairs):
            tracker.see(Glance(step.kind is StepKind.ACTION, step.element_id, step.target, step.iteration, step.data))
    total = kinds.paths(depth)
    assert total is None or paths.covered <= total <= Succession(subject).count(depth)
    for tracker, found in ((singles, kinds.values(1)), (pairs, kinds.values(2))):
        assert found is None or (set(tracker.hits) <= found and len(found) <= tracker.total)


def test_values_that_nothing_sets_are_not_feasible():
    """Constants, draws of some weight and initial values are; what code or a reckoning sets may be anything."""
    subject = model(
        start(
            act("a", "Start", sets="paid = true; size = 'M'"),
            act("b", "Start", sets="n = n + 1", snippets=(snippet(outputs=(Output(variable="answer"),)),)),
        ),
        parameters=(flag("paid"), flag("never"), choice("size", "S", "M", "L"), integer("n", 0, 0, 2), choice("answer", "x", "y")),
    )
    found = FeasibleKinds(subject).values(1)
    labels = {(name, label) for ((_, name, label),) in found}
    assert labels == {
        *(("paid", "false"), ("paid", "true"), ("never", "false"), ("size", "S"), ("size", "M")),
        *(("n", "0"), ("n", "1"), ("n", "2"), ("answer", "x"), ("answer", "y")),
    }


def test_pairs_that_the_data_rule_out_are_left_out():
    """Variables that decide what may be done are looked at together."""
    subject = model(
        start(
            act("log in", when="!member", sets="member = true"),
            act("buy", when="member && n < 1", sets="n = n + 1"),
        ),
        parameters=(flag("member"), integer("n", 0, 0, 1)),
    )
    found = FeasibleKinds(subject).values(2)
    pairs = {(one[2], other[2]) for one, other in found}
    assert pairs == {("false", "0"), ("true", "0")}


def test_where_there_is_too_much_nothing_is_said():
    """A counter without end."""
    kinds = FeasibleKinds(model(start(act("inc", sets="n = n + 1"), act("go", when="n == 7000000")), parameters=(integer("n"),)))
    assert kinds.paths(2) is None
    assert kinds.values(1) is None


def test_a_requirement_is_feasible_with_any_of_its_elements():
    """And not with elements that no walk comes to."""
    subject = model(
        start(act("a", "A", requirements=("R1",))),
        place("A"),
        place("B", act("b", requirements=("R1", "R2")), requirements=("R3",)),
    )
    assert feasible_requirements(subject, feasible(subject)) == {"R1"}
