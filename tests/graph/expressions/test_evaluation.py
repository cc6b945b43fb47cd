"""Values: what expressions give, and which data are an error."""

from typing import Any

import pytest

from melanzana.errors import EvaluationError
from melanzana.graph.expressions import BOOL, DYNAMIC, FLOAT, INT, NULL, STRING, ExprType, compile_expression, list_of
from melanzana.graph.expressions.budgets import INT_MAX, INT_MIN, MAX_COMPARED, MAX_STRING
from support_expressions import TYPES, VALUES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b", 4),
        ("a - b", 10),
        ("a * b", -21),
        ("a / b", -2),
        ("-7 / 3", -2),
        ("a % b", 1),
        ("-7 % 3", -1),
        ("-7 % -3", -1),
        ("-b", 3),
        ("f + g", 1.25),
        ("f / g", -6.0),
        ("-f", -1.5),
        ("s + t", "abcé"),
        ("m.k + a", 8),
        ("m.in * f", 3.75),
        ("-m.in", -2.5),
        ("a > b", True),
        ("a < 7.5", True),
        ("a == 7.0", True),
        ("m.k == 1.0", True),
        ("9007199254740993 == 9007199254740992.0", False),
        ("q < p", True),
        ('"a" < "b"', True),
        ("m.k < 2", True),
        ("m.n == null", True),
        ("a == null", False),
        ("a != null", True),
        ("m.k != 1", False),
        ("m == m", True),
        ("m.l == [m.l[0]]", True),
        ("xs == [1, 2, 3]", True),
        ("xs == [1.0, 2.0, 3.0]", True),
        ("xs != [1, 2]", True),
        ("[] == []", True),
        ("a in [1, 7]", True),
        ("a in xs", False),
        ("f in [1, 1.5]", True),
        ('s in ["abc", "x"]', True),
        ("a in []", False),
        ("[1] in [[2], [1]]", True),
        ('"k" in m', True),
        ('"zz" in m', False),
        ("m.k in [1.0]", True),
        ("null in [m.n]", True),
        ("p && !q", True),
        ("q || p && p", True),
        ("p and not q", True),
        ("not p or q", False),
        ("q ? 1 : 2", 2),
        ("xs[2]", 3),
        ("m.l[0].z", "q"),
        ('m["in"]', 2.5),
        ("m.`in`", 2.5),
        ("size(t)", 1),
        ("xs.size()", 3),
        ("m.size()", 4),
        ('s.startsWith("ab")', True),
        ('s.endsWith("ab")', False),
        ('contains(s, "")', True),
        ("min(a, b)", -3),
        ("max(f, g)", 1.5),
        ("min(m.k, a)", 1),
        ("`my name` * 2", 8),
        ("[a, m.k]", [7, 1]),
        ("9223372036854775807", INT_MAX),
        ("-9223372036854775808", INT_MIN),
        ("--9223372036854775807", INT_MAX),
    ],
)
def test_an_expression_has_this_value(text: str, value: Any) -> None:
    """Value and exact type, on the values of `support_expressions`."""
    result = compile_expression(text, TYPES).evaluate(VALUES)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a / 0", 2, "division by zero"),
        ("a % 0", 2, "division by zero"),
        ("f / 0.0", 2, "division by zero"),
        ("9223372036854775807 + 1", 20, "integer overflow"),
        ("-9223372036854775808 - 1", 21, "integer overflow"),
        ("9223372036854775807 * 2", 20, "integer overflow"),
        ("-(-9223372036854775808)", 0, "integer overflow"),
        ("-9223372036854775808 / -1", 21, "integer overflow"),
        ("-9223372036854775808 % -1", 21, "integer overflow"),
        ("m.k + 9223372036854775807", 4, "integer overflow"),
        ("1e308 * 10.0", 6, "too large for a float"),
        ("m.in * 1e308 + 1e308 * m.in", 5, "too large for a float"),
        ("1e308 / 1e-10", 6, "too large for a float"),
        ("m.k + f", 4, "do not mix"),
        ('m.k + "x"', 4, r"int \+ string is not defined"),
        ("m.k / f", 4, "int / float is not defined"),
        ("m.in % 2", 5, "float % int is not defined"),
        ("-m", 0, "not a map"),
        ('m.k == "1"', 4, "int == string is not defined"),
        ("m.k != p", 4, "int != bool is not defined"),
        ("m < 1", 2, "map < int is not defined"),
        ("[m] == [1]", 4, "map == int is not defined"),
        ('m.k in ["1"]', 4, "int == string is not defined"),
        ("m.k in m", 4, "int in map is not defined"),
        ("m.k in m.k", 4, "int in int is not defined"),
        ("m && p", 0, "a bool is expected here"),
        ("!m.k", 3, "a bool is expected here"),
        ("m.n ? 1 : 2", 2, "a bool is expected here and this is of type null"),
        ("xs[3]", 2, "the list has 3"),
        ("xs[-1]", 2, "no element -1"),
        ('m.l["z"]', 3, "a list cannot be indexed by a value of type string"),
        ("m.k.z", 4, "has no elements or fields"),
        ("m.zz", 2, "no field 'zz'"),
        ("m.__class__", 2, "no field '__class__'"),
        ("size(m.k)", 0, "size takes"),
        ("m.contains(s)", 2, "contains takes two strings, not map and string"),
        ("min(m.k, m.in)", 0, "of one type"),
    ],
)
def test_bad_data_are_an_error(text: str, position: int, words: str) -> None:
    """Evaluation fails with the position, a sentence and the text; nothing becomes false or zero in silence."""
    with pytest.raises(EvaluationError, match=words) as caught:
        compile_expression(text, TYPES).evaluate(VALUES)
    assert caught.value.detail == {"position": position, "expression": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [("q && a / 0 == 1", False), ("p || a / 0 == 1", True), ("p ? 1 : a / 0", 1), ("a in [7, a]", True), ("1 in [m, 1]", True)],
)
def test_only_what_is_needed_is_evaluated(text: str, value: Any) -> None:
    """`&&`, `||` and `?:` read left to right and stop when decided; `in` forgives elements it cannot compare once one matches."""
    assert compile_expression(text, TYPES).evaluate(VALUES) == value


@pytest.mark.parametrize("text", ["a / 0 == 1 && q", "a / 0 == 1 || p"])
def test_an_error_on_the_left_is_an_error(text: str) -> None:
    """Unlike CEL, a later operand does not absorb it."""
    with pytest.raises(EvaluationError, match="division by zero"):
        compile_expression(text, TYPES).evaluate(VALUES)


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        (INT, True, "variable 'x' should be of type int and is of type bool"),
        (INT, 1.0, "is of type float"),
        (INT, None, "is of type null"),
        (INT, "1", "is of type string"),
        (INT, 2**63, "64 bits"),
        (INT, -(2**70), "64 bits"),
        (FLOAT, float("nan"), "not a number"),
        (FLOAT, float("-inf"), "infinite"),
        (FLOAT, 2**70, "64 bits"),
        (FLOAT, "1.5", "is of type string"),
        (STRING, b"x", "Python type bytes"),
        (STRING, None, "is of type null"),
        (BOOL, 1, "is of type int"),
        (NULL, 0, "should be of type null"),
        (list_of(INT), (1, 2), "Python type tuple"),
        (list_of(INT), {}, "is of type map"),
        (DYNAMIC, object(), "Python type object"),
        (DYNAMIC, 2**63, "64 bits"),
        (DYNAMIC, float("inf"), "infinite"),
    ],
)
def test_a_variable_holds_what_it_declares(type_: ExprType, value: Any, words: str) -> None:
    """A value of another type, or one that is no plain value, is an error as soon as it is read."""
    with pytest.raises(EvaluationError, match=words):
        compile_expression("x", {"x": type_}).evaluate({"x": value})


def test_subclasses_are_no_plain_values() -> None:
    """An object with operators of its own never has them called."""

    class Loud(int):
        def __add__(self, other: object) -> int:
            raise AssertionError("called")

    for type_ in (INT, DYNAMIC):
        with pytest.raises(EvaluationError, match="Python type Loud"):
            compile_expression("x + 1", {"x": type_}).evaluate({"x": Loud(1)})


def test_an_int_is_widened_where_a_float_is_declared() -> None:
    """REAL variables take the whole numbers that JSON and YAML write without a point."""
    result = compile_expression("x", {"x": FLOAT}).evaluate({"x": 3})
    assert (result, type(result)) == (3.0, float)


@pytest.mark.parametrize(("text", "value"), [("3", 3.0), ("a", 7.0), ("m.k", 1.0), ("f", 1.5), ("-1", -1.0)])
def test_an_int_result_becomes_the_wanted_float(text: str, value: float) -> None:
    """Literals, ints and dynamic ints alike."""
    result = compile_expression(text, TYPES, FLOAT).evaluate(VALUES)
    assert (result, type(result)) == (value, float)


def test_a_dynamic_result_is_checked_against_what_is_wanted() -> None:
    """A guard over a dynamic value that is no bool fails, and so does an element that breaks its list's type."""
    with pytest.raises(EvaluationError, match="the result should be of type bool and is of type int"):
        compile_expression("m.k", TYPES, BOOL).evaluate(VALUES)
    with pytest.raises(EvaluationError, match="element should be of type int and is of type string"):
        compile_expression("xs[0] + 1", TYPES).evaluate({"xs": ["1"]})


def test_a_missing_variable_is_named() -> None:
    """A variable that is declared and has no value is an error only where it is read."""
    expression = compile_expression("p || a > 1", TYPES, BOOL)
    assert expression.evaluate({"p": True}) is True
    with pytest.raises(EvaluationError, match="variable 'a' has no value") as caught:
        expression.evaluate({"p": False})
    assert caught.value.detail["variable"] == "a"


def test_whatever_the_mapping_does_one_error_comes_out() -> None:
    """An exception of the values' own is mapped."""

    class Broken(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise RuntimeError("no")

    with pytest.raises(EvaluationError, match="RuntimeError"):
        compile_expression("a", TYPES).evaluate(Broken())


def test_joined_strings_have_a_limit() -> None:
    """Up to the limit is fine, one more character is an error, however the strings came together."""
    half = "x" * (MAX_STRING // 2)
    for text in ("s + s", "m + m", "s + m"):
        expression = compile_expression(text, TYPES)
        assert len(str(expression.evaluate({"s": half, "m": half}))) == MAX_STRING
        with pytest.raises(EvaluationError, match="longer than 65,536 characters"):
            expression.evaluate({"s": half + "x", "m": half + "x"})


def test_comparisons_have_a_limit() -> None:
    """Equality and membership over huge or endless data stop with an error."""
    endless: list[Any] = []
    endless.append(endless)
    other: list[Any] = []
    other.append(other)
    wide: list[Any] = [1]
    for _ in range(60):
        wide = [wide, wide]
    cases = [("m == n", endless, other), ("m == n", [0] * (MAX_COMPARED + 1), [0] * (MAX_COMPARED + 1)), ("m == n", wide, [*wide])]
    cases += [("m in n", 1, [0] * (MAX_COMPARED + 1)), ("m in n", endless, [other])]
    for text, m, n in cases:
        with pytest.raises(EvaluationError, match="values to compare"):
            compile_expression(text, {"m": DYNAMIC, "n": DYNAMIC}).evaluate({"m": m, "n": n})
