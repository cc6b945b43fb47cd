"""Values of parameters: read as the variable's type, or refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import ImpossibleGoalError, RequestError
from melanzana.executions.planning import Plannable as Source
from melanzana.executions.planning import fingerprint, make_plan
from melanzana.executions.records import StartRequest
from melanzana.graph.formats.document import logic_hash, to_document
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Scalar

MODEL = read_text(
    """
model: Types
start: A
variables:
  whole: {type: integer, initial: 0}
  real: {type: real, initial: 0.5}
  flag: {type: boolean, initial: false}
  word: {type: text, initial: ''}
  one: {type: set, values: [red, green], initial: red}
states:
  A:
    actions:
      stay: {to: exit}
"""
)
SOURCE = Source(document=to_document(MODEL), model_id=MODEL.id, model_version=1, model_hash=logic_hash(MODEL))


def planned(name: str, value: Scalar) -> Scalar:
    plan = make_plan(StartRequest(model=MODEL.id, parameters={name: value}), SOURCE, MODEL, 1)
    return plan.snapshot.parameters[name]


@pytest.mark.parametrize(
    ("name", "given", "typed"),
    [
        ("whole", "42", 42),
        ("whole", 7, 7),
        ("whole", 7.0, 7),
        ("real", "2.5", 2.5),
        ("real", 2, 2.0),
        ("flag", "True", True),
        ("flag", "false", False),
        ("flag", True, True),
        ("word", "x", "x"),
        ("word", 3, "3"),
        ("one", "green", "green"),
    ],
)
def test_a_value_gets_the_type_of_its_variable(name: str, given: Scalar, typed: Scalar) -> None:
    """Text, as command lines send it, is read as the type; other values must fit."""
    value = planned(name, given)
    assert (value, type(value)) == (typed, type(typed))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", "4.2"),
        ("whole", True),
        ("whole", "nan"),
        ("whole", 2**63),
        ("whole", "9" * 5000),
        ("real", "many"),
        ("real", "nan"),
        ("real", "inf"),
        ("real", True),
        ("flag", 1),
        ("flag", "yes"),
        ("word", True),
        ("one", "blue"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: Scalar) -> None:
    """The error names the variable and what it wants."""
    with pytest.raises(RequestError, match=name) as caught:
        planned(name, value)
    assert caught.value.detail["field"] == f"parameters.{name}"


@given(
    st.builds(
        StartRequest, model=st.text(max_size=5), seed=st.none() | st.integers(0, 5), tags=st.lists(st.text(max_size=3)).map(tuple)
    ),
    st.builds(
        StartRequest, model=st.text(max_size=5), seed=st.none() | st.integers(0, 5), tags=st.lists(st.text(max_size=3)).map(tuple)
    ),
)
def test_a_fingerprint_tells_requests_apart(one: StartRequest, other: StartRequest) -> None:
    """Equal requests have equal fingerprints, different ones different."""
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


BARRED = read_text(
    """
model: Barred
start: A
variables: {whole: {type: integer, initial: 0}}
states:
  A:
    actions:
      ask: {do: "steps:ask", save: whole}
      pay: {to: exit, when: whole > 9}
"""
)
BARRED_SOURCE = Source(document=to_document(BARRED), model_id=BARRED.id, model_version=1, model_hash=logic_hash(BARRED))


def test_a_goal_that_no_run_reaches_is_refused_with_what_blocks_it() -> None:
    """In a dry run nothing answers; with code, or with another value, the same goal may be reached."""
    ask = StartRequest(model=BARRED.id, path="random(reached(pay))", perform=False)
    with pytest.raises(ImpossibleGoalError) as caught:
        make_plan(ask, BARRED_SOURCE, BARRED, 1)
    (blocking,) = caught.value.detail["elements"]
    assert (blocking["kind"], blocking["label"]) == ("action", "'pay' in 'A'")
    assert blocking["reason"] == "its guard `whole > 9` is never true"
    for other in (replace(ask, perform=True), replace(ask, parameters={"whole": 10})):
        assert make_plan(other, BARRED_SOURCE, BARRED, 1).snapshot.path == ask.path
