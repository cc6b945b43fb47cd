"""Domains: first values, conversion, bounds, draws; and text that people type."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import EvaluationError, InvalidModelError, RequestError
from melanzana.generation.data import Domain, coerce_overrides, coerce_text
from melanzana.generation.prng import Prng
from melanzana.graph.model import Parameter, ParameterType, Range, Scalar
from support_walks import choice, flag, integer, model, start


def real(name: str = "r", **more: object) -> Parameter:
    return Parameter(name=name, type=ParameterType.REAL, **more)  # type: ignore[arg-type]


def text(name: str = "t", **more: object) -> Parameter:
    return Parameter(name=name, type=ParameterType.TEXT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameter", "first"),
    [
        (integer("n", 7), 7),
        (integer("n", None), 0),
        (integer("n", None, 3, 9), 3),
        (integer("n", None, None, -2), -2),
        (integer("n", None, -5, 5), 0),
        (real(initial=2), 2.0),
        (real(), 0.0),
        (real(ranges=(Range(low=0.5, high=1.5),)), 0.5),
        (text(), ""),
        (text(initial="x"), "x"),
        (flag("b"), False),
        (choice("s", "guest", "member"), "guest"),
        (choice("s", "guest", "member", initial="member"), "member"),
    ],
)
def test_a_variable_without_an_initial_value_starts_at_the_first_one_it_may_hold(parameter: Parameter, first: Scalar):
    found = Domain(parameter).first
    assert found == first
    assert type(found) is type(first)


@pytest.mark.parametrize(
    ("parameter", "value", "held"),
    [
        (integer("n"), 3.0, 3),
        (integer("n"), -(2**63), -(2**63)),
        (real(), 3, 3.0),
        (text(), "", ""),
        (flag("b"), True, True),
        (choice("s", "a"), "b", "b"),
    ],
)
def test_a_value_is_kept_as_its_variable_holds_it(parameter: Parameter, value: object, held: Scalar):
    found = Domain(parameter).convert(value)
    assert (found, type(found)) == (held, type(held))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (integer("n"), "3"),
        (integer("n"), True),
        (integer("n"), 2.5),
        (integer("n"), math.inf),
        (integer("n"), math.nan),
        (integer("n"), 2**63),
        (integer("n"), None),
        (real(), "1.5"),
        (real(), False),
        (real(), math.nan),
        (real(), math.inf),
        (real(), 10**400),
        (text(), 3),
        (text(), None),
        (text(), ["a"]),
        (flag("b"), 1),
        (flag("b"), "true"),
        (choice("s", "a"), 1),
    ],
)
def test_a_value_of_another_kind_is_never_bent_to_fit(parameter: Parameter, value: object):
    with pytest.raises(EvaluationError, match=f"variable '{parameter.name}' is of type {parameter.type} and cannot hold"):
        Domain(parameter).convert(value)


def test_ranges_of_a_generated_parameter_are_no_bounds_but_those_of_others_are():
    assert Domain(integer("n", 0, 0, 5)).admits(6) is False
    assert Domain(integer("n", 0, 0, 5, generated=True)).admits(6) is True
    assert Domain(integer("n", 0, None, 5)).admits(-(10**18)) is True
    assert Domain(choice("s", "a", generated=True)).admits("b") is False
    assert Domain(text(ranges=(Range(low=1, high=3),))).admits("abcd") is False
    assert Domain(text(ranges=(Range(values=("x", "y")),))).admits("x") is True


def test_an_initial_value_of_another_type_is_refused():
    with pytest.raises(InvalidModelError, match="cannot hold 'x'"):
        Domain(integer("n", "x"))  # type: ignore[arg-type]


RANGES = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1)).map(sorted)


@given(RANGES, st.integers(0, 10**6))
def test_a_drawn_integer_is_within_its_range(bounds: list[int], seed: int):
    low, high = bounds
    drawn = Domain(integer("n", None, low, high, generated=True)).draw(Prng(seed))
    assert low <= drawn <= high
    assert type(drawn) is int


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(FINITE, FINITE).map(sorted), st.integers(0, 10**6))
def test_a_drawn_real_is_within_its_range(bounds: list[float], seed: int):
    low, high = bounds
    drawn = Domain(real(ranges=(Range(low=low, high=high),), generated=True)).draw(Prng(seed))
    assert low <= drawn <= high
    assert type(drawn) is float


def test_ranges_are_drawn_by_their_weights_and_values_alike():
    ranges = (Range(values=(1, 2), weight=300), Range(low=10, high=19, weight=100), Range(values=(99,), weight=0))
    domain = Domain(Parameter(name="n", type=ParameterType.INTEGER, generated=True, ranges=ranges))
    prng = Prng(8)
    drawn = [domain.draw(prng) for _ in range(4_000)]
    assert 99 not in drawn
    assert 0.70 < sum(value in (1, 2) for value in drawn) / 4_000 < 0.80
    assert set(range(10, 20)) <= set(drawn)
    assert 0.45 < drawn.count(1) / (drawn.count(1) + drawn.count(2)) < 0.55


def test_a_generated_truth_value_needs_no_range_and_text_may_have_a_length():
    prng = Prng(1)
    assert {Domain(flag("b", generated=True)).draw(prng) for _ in range(50)} == {True, False}
    words = [Domain(text(ranges=(Range(low=2, high=4),), generated=True)).draw(prng) for _ in range(50)]
    assert {len(str(word)) for word in words} == {2, 3, 4}


@pytest.mark.parametrize(
    ("parameter", "typed", "value"),
    [
        (integer("n"), " 12 ", 12),
        (real(), "1e3", 1000.0),
        (flag("b"), "Yes", True),
        (flag("b"), "0", False),
        (text(), " 12 ", " 12 "),
        (choice("s", "a"), "a", "a"),
    ],
)
def test_text_that_a_person_types_is_read_by_the_parameters_type(parameter: Parameter, typed: str, value: Scalar):
    assert coerce_text(parameter, typed) == value


@pytest.mark.parametrize(
    ("parameter", "typed", "words"),
    [
        (integer("n"), "1.5", "parameter 'n' needs a whole number, not '1.5'"),
        (real(), "much", "parameter 'r' needs a number, not 'much'"),
        (flag("b"), "maybe", "parameter 'b' needs true or false, not 'maybe'"),
    ],
)
def test_text_that_means_nothing_is_refused_by_name(parameter: Parameter, typed: str, words: str):
    with pytest.raises(RequestError) as caught:
        coerce_text(parameter, typed)
    assert caught.value.message == words
    assert caught.value.detail == {"field": f"parameters.{parameter.name}"}


def test_overrides_are_typed_by_the_models_parameters():
    subject = model(start(parameters=(flag("b"),)), parameters=(integer("n"),))
    assert coerce_overrides(subject, {"n": "4", "b": "on"}) == {"n": 4, "b": True}
    with pytest.raises(RequestError, match="no parameter 'm'; it has: b, n"):
        coerce_overrides(subject, {"m": "4"})
