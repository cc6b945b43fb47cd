"""What must hold of the known variables: never more than the guard itself asks for."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import EvaluationError
from melanzana.generation.relaxing import possibly
from melanzana.graph.expressions import BOOL, INT, compile_expression, parse, print_expression

TYPES = {"a": INT, "b": INT, "u": INT, "v": INT}


@pytest.mark.parametrize(
    ("guard", "left"),
    [
        ("a == 1", "a == 1"),
        ("u == 1", None),
        ("a == 1 && u == 1", "a == 1"),
        ("a == 1 || u == 1", None),
        ("(a == 1 && u > 2) || (b == 1 && v > 2)", "a == 1 || b == 1"),
        ("!(a == 1 || u == 1)", "!(a == 1)"),
        ("!(a == 1 && u == 1)", None),
        ("a == 1 ? u == 1 : b == 2", "a == 1 ? true : b == 2"),
        ("u == 1 ? a == 1 : a == 2", None),
        ("(u != 0 && 7 / a > 1) || b == 1", None),
    ],
)
def test_what_is_left_of_a_guard(guard, left):
    """Only what the known variables must fulfil in every case is kept."""
    found = possibly(parse(guard), {"u", "v"})
    assert (None if found is None else print_expression(found)) == left


_LEAVES = st.sampled_from(["a == 1", "a > b", "u == 1", "u > a", "v != b", "7 / a > 3", "7 / v > 1", "a + 9223372036854775807 > 0"])
_GUARDS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda part: f"!({part})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})"),
    ),
    max_leaves=6,
)


@given(guard=_GUARDS)
def test_a_guard_that_can_be_true_stays_possible(guard):
    """Wherever some values of the unknown variables make a guard true, what is left of it is true."""
    whole, left = compile_expression(guard, TYPES, BOOL), possibly(parse(guard), {"u", "v"})
    if left is None:
        return
    weak = compile_expression(print_expression(left), TYPES, BOOL)
    assert not weak.names & {"u", "v"}
    for a, b in product(range(3), repeat=2):
        can_be_true = any(_true(whole, {"a": a, "b": b, "u": u, "v": v}) for u, v in product(range(3), repeat=2))
        assert not can_be_true or _true(weak, {"a": a, "b": b})


def _true(expression, values):
    try:
        return expression.evaluate(values)
    except EvaluationError:
        return False
