"""Properties that hold for every expression and every value (Hypothesis)."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import (
    Expression,
    compile_expression,
    parse,
    parse_assignments,
    print_expression,
    print_name,
)
from melanzana.graph.expressions.budgets import INT_MAX, INT_MIN
from melanzana.graph.expressions.javascript import translate_actions, translate_guard
from melanzana.graph.expressions.parser import COMPARISONS
from melanzana.graph.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Field,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Node,
    Unary,
    Variable,
    children,
    levels,
    rebuilt,
    size,
)
from support_expressions import TYPES, VALUES

_ALPHABET = st.sampled_from("abfgstpqm019 .,;:?!&|=<>+-*/%()[]\"'`\\\n_é")
_WORDS = st.sampled_from(
    [*TYPES, "true", "null", "and", "or", "not", "in", "size", "min", "startsWith", "&&", "||", "==", "<=", "1.5", "'x'"]
)
TEXTS = st.one_of(st.text(max_size=80), st.text(_ALPHABET, max_size=60), st.lists(_WORDS | _ALPHABET, max_size=30).map(" ".join))

SCALARS = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(INT_MIN, INT_MAX),
    st.sampled_from([0, 1, -1, INT_MIN, INT_MAX]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
)
NAMES = st.sampled_from([*TYPES, "in", "not", "größe", "x`y"])
_FIELDS = NAMES.filter(bool) | st.text(min_size=1, max_size=5)
_ARITHMETIC = ["+", "-", "*", "/", "%"]


def _grown(smaller: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operands = st.lists(smaller, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Unary, st.sampled_from("!-"), smaller),
        st.builds(Logic, st.sampled_from(["&&", "||"]), operands),
        st.builds(Binary, st.sampled_from([*COMPARISONS, *_ARITHMETIC]), smaller, smaller),
        st.builds(Conditional, smaller, smaller, smaller),
        st.builds(ListLiteral, st.lists(smaller, max_size=3).map(tuple)),
        st.builds(Index, smaller, smaller),
        st.builds(Field, smaller, _FIELDS),
        st.builds(
            Call, st.sampled_from(["size", "min", "startsWith", "contains"]), st.lists(smaller, min_size=1, max_size=2).map(tuple)
        ),
    )


TREES: st.SearchStrategy[Node] = st.recursive(st.builds(Literal, SCALARS) | st.builds(Variable, NAMES), _grown, max_leaves=25)

PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=8
)
STRANGE = PLAIN | st.floats() | st.integers() | st.binary(max_size=3) | st.tuples(st.integers()) | st.builds(object)


def _compiled(text: str) -> Expression | None:
    try:
        return compile_expression(text, TYPES)
    except ExpressionError as error:
        assert 0 <= error.detail["position"] <= len(text)
        return None


def _outcome(expression: Expression, values: dict[str, Any]) -> str:
    try:
        return repr(expression.evaluate(values))
    except EvaluationError as error:
        return f"{error.message} {error.detail}"


@given(TEXTS)
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    """Compiling raises nothing else; nor do the assignment reader and the JavaScript translator."""
    _compiled(text)
    for read in (parse_assignments, translate_guard):
        with suppress(ExpressionError):
            read(text)
    translate_actions([text])


@given(TREES, st.fixed_dictionaries({}, optional=dict.fromkeys(TYPES, STRANGE)))
def test_any_values_give_a_value_or_an_evaluation_error(tree: Node, changed: dict[str, Any]) -> None:
    """Whatever the data are, evaluating raises nothing else and is deterministic; a value is a plain one."""
    expression = _compiled(print_expression(tree))
    if expression is None:
        return
    values = VALUES | changed
    with suppress(EvaluationError):
        assert type(expression.evaluate(values)) in (bool, int, float, str, type(None), list, dict)
    assert _outcome(expression, values) == _outcome(expression, values)


@given(TREES)
def test_printing_and_reading_give_the_same_tree(tree: Node) -> None:
    """For every tree within the budgets."""
    try:
        again = parse(print_expression(tree))
    except ExpressionError as error:
        assert "nested" in error.message or "feed" in error.message or "too large" in error.message
        return
    assert repr(again) == repr(tree)


@given(TREES)
def test_the_variables_read_are_the_names(tree: Node) -> None:
    """`names` is what the tree shows."""
    expression = _compiled(print_expression(tree))
    if expression is not None:
        read = {node.name for level in levels(tree) for node in level if isinstance(node, Variable)}
        assert expression.names == read


@given(TREES)
def test_rebuilding_without_change_changes_nothing(tree: Node) -> None:
    """And the number of nodes is that of the children plus one."""
    assert repr(rebuilt(tree, lambda node: node)) == repr(tree)
    assert size(tree) == 1 + sum(size(child) for child in children(tree))


@given(NAMES | st.text(min_size=1, max_size=20))
def test_every_name_can_be_written(name: str) -> None:
    """A variable of any name is one token that reads back as that name."""
    assert repr(parse(print_name(name))) == repr(Variable(name))


@given(st.integers(INT_MIN, INT_MAX), st.integers(INT_MIN, INT_MAX))
def test_int_arithmetic_is_exact_or_an_overflow(left: int, right: int) -> None:
    """Quotient and remainder belong together and round toward zero."""
    values = VALUES | {"a": left, "b": right}
    for sign, exact in (("+", left + right), ("-", left - right), ("*", left * right)):
        try:
            assert compile_expression(f"a {sign} b", TYPES).evaluate(values) == exact
        except EvaluationError:
            assert not INT_MIN <= exact <= INT_MAX
    with suppress(EvaluationError):
        assert compile_expression("a / b * b + a % b == a", TYPES).evaluate(values) is True


@given(PLAIN, PLAIN)
def test_equality_is_symmetric_and_the_opposite_of_inequality(left: Any, right: Any) -> None:
    """`==` gives the same both ways, errors included, and `!=` the opposite."""
    values = VALUES | {"m": [left, right]}
    outcomes = []
    for text in ("m[0] == m[1]", "m[1] == m[0]", "!(m[0] != m[1])"):
        try:
            outcomes.append(compile_expression(text, TYPES).evaluate(values))
        except EvaluationError:
            outcomes.append("error")
    assert len(set(outcomes)) == 1
    assert compile_expression("m[0] == m[0]", TYPES).evaluate(values) is True
