"""What only a search finds: each finding on a model that has it, and nothing on walks that come there all the same."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.checking.semantics import check_path, examine, semantics
from melanzana.generation.step import Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.findings import Severity
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model, Output, State, TestCase
from support_models import simple_models
from support_tours import smalls
from support_walks import EXIT, act, case, integer, model, place, sequent, snippet, start

N = integer("n", 0, 0, 9)
UP = act("up", sets="n = n + 1")


def _codes(subject: Model) -> dict[str, str | None]:
    return {finding.code: finding.element for finding in examine(subject)}


def _of(*states: State, cases: tuple[TestCase, ...] = ()) -> Model:
    return model(*states, parameters=(N,), test_cases=cases)


FAR = act("far", "Exit", when="n > 20")
INC = act("inc", sets="n = n + 1", call_limit=2)
SUBJECTS = [
    (_of(start(UP, act("far", when="n > 20"))), "guard-never", "Start/far"),
    (_of(start(act("set", sets="n = 12"), act("go"))), "bounds-never", "Start/set"),
    (_of(start(UP, act("any", when="n < 100"))), "guard-always", "Start/any"),
    (_of(start(UP, act("far", "A", when="n > 20")), place("A", act("x", "Start"))), "state-unreachable", "A"),
    (_of(start(UP, FAR), EXIT), "exit-unreachable", "Exit"),
    (_of(start(UP, act("idle"), act("go", "Exit", when="n == 2")), EXIT), "no-way-out", "Start"),
    (_of(start(UP)), "data-dead-end", "Start"),
    (_of(start(act("in", "A")), place("A", act("x"))), "no-way-back", "A"),
    (_of(start(INC, act("far", when="n == 3"))), "limit-starved", "Start/far"),
    (_of(start(act("go", "Exit", call_limit=3)), EXIT), "limit-unused", "Start/go"),
    (_of(start(UP, FAR, act("end", "Exit")), EXIT, cases=(case("t", "up", "far"),)), "test-step-impossible", "test case t"),
]


@pytest.mark.parametrize(("subject", "code", "element"), SUBJECTS, ids=[code for _, code, _ in SUBJECTS])
def test_each_finding_is_found(subject: Model, code: str, element: str) -> None:
    """The code is there, on the element that it is about, and the message names a way to mend it."""
    assert _codes(subject).get(code) == element
    (finding,) = [finding for finding in examine(subject) if finding.code == code]
    assert finding.message.startswith(f"{element}: ")
    assert finding.severity is not Severity.ERROR


def test_a_dead_end_of_the_data_tells_the_data() -> None:
    """The first such data in the order of the search."""
    (finding,) = [one for one in semantics(model(start(UP), parameters=(N,))) if one.code == "data-dead-end"]
    assert "is a dead end once n = 9" in finding.message


def test_a_test_case_may_have_gaps() -> None:
    """What the walk puts between two steps is no fault, and what it cannot is named with its number."""
    subject = model(
        start(act("in", "A")),
        place("A", act("out", "Exit")),
        EXIT,
        test_cases=(case("gap", "out"), case("back", "in", "out", "in", "in")),
    )
    assert [finding.code for finding in examine(subject)] == ["test-step-gap", "test-step-gap"]


def test_where_snippets_decide_nothing_is_claimed() -> None:
    """An answer may be anything, so no guard over it is never or always true."""
    asks = act("ask", snippets=(snippet(outputs=(Output(variable="n"),)),))
    subject = model(start(asks, act("a", "Exit", when="n > 5"), act("b", when="n < 20")), EXIT, parameters=(integer("n"),))
    assert _codes(subject) == {}


def test_a_variable_that_nothing_names_is_a_remark() -> None:
    """In the model nothing names it; whether action code reads it is for people to say."""
    assert _codes(model(start(act("go", "Exit")), EXIT, parameters=(N,))) == {"variable-unused": "model m"}


def test_what_was_not_looked_at_is_said() -> None:
    """A counter without an end gives one remark, and no claim about what it might open."""
    subject = model(
        start(act("inc", "Start", sets="n = n + 1"), act("far", "Exit", when="n > 99999999")), EXIT, parameters=(integer("n"),)
    )
    assert _codes(subject) == {"search-incomplete": "model m"}


def test_a_sequent_action_that_may_not_follow_is_left_to_its_own_guard() -> None:
    """Chains are followed; an action whose chain is open is no fault."""
    subject = model(start(act("type", "yes", "no"), sequent("yes", "Exit"), sequent("no")), EXIT)
    assert _codes(subject) == {}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("random(actions(5))", None),
        ("random(reached(far))", "goal-impossible"),
        ("random(reached(fra))", "path-expression"),
        ("tour(transition_coverage(100))", "goal-impossible"),
        ("tour()", None),
    ],
)
def test_a_path_expression_is_checked(path: str, code: str | None) -> None:
    """Its grammar, its names, and whether it can be met."""
    subject = model(start(UP, act("far", when="n > 20")), parameters=(N,))
    assert [finding.code for finding in check_path(path, subject)] == ([code] if code else [])


NEVER = {"guard-never", "bounds-never", "action-unreachable", "limit-starved"}


@given(subject=st.one_of(simple_models(), smalls(guarded=True).map(lambda small: small.model())), seed=st.integers(0, 2**32))
def test_what_a_walk_comes_to_is_never_called_impossible(subject: Model, seed: int) -> None:
    """Whatever a random walk enters or performs, no finding says that it cannot be."""
    findings = examine(subject)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return
    denied = {finding.element_id for finding in findings if finding.code in NEVER | {"state-unreachable", "exit-unreachable"}}
    walk = Walk(subject, WalkPlan(path="random(actions(60) or iterations(9))", seed=seed, dry=True))
    for step in islice(iter(walk.next_step, None), 200):
        walk.record(step, Verdict.PASSED)
        assert walk.outcome is not None or walk.is_ending or step.element_id not in denied


def test_the_shipped_shape_of_a_shop_is_clean() -> None:
    """A usual model with data has nothing to say about."""
    shop = """
model: Shop
start: Home
variables: {basket: {type: integer, initial: 0, range: [0, 3]}}
states:
  Home: {actions: {search: Results}}
  Results: {actions: {add: {to: Basket, set: {basket: basket + 1}}, cart: Basket, home: Home}}
  Basket:
    actions:
      shop on: Results
      pay: {to: exit, when: basket > 0}
      remove: {to: Home, when: basket > 1, set: {basket: basket - 1}}
"""
    assert [finding for finding in examine(read_text(shop)) if finding.severity is not Severity.INFO] == []
