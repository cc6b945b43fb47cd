"""Static types: what each operator and function takes and gives, and how a mistake is explained."""

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import (
    BOOL,
    DYNAMIC,
    FLOAT,
    INT,
    NULL,
    STRING,
    ExprType,
    compile_expression,
    expression_type,
    list_of,
)
from melanzana.graph.model import ParameterType
from support_expressions import TYPES


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1", INT),
        ("1.0", FLOAT),
        ('"x"', STRING),
        ("true", BOOL),
        ("null", NULL),
        ("m", DYNAMIC),
        ("a + b", INT),
        ("a % b", INT),
        ("f / g", FLOAT),
        ("s + t", STRING),
        ("m + 1", INT),
        ("1.5 * m", FLOAT),
        ("s + m", STRING),
        ("m + m", DYNAMIC),
        ("-a", INT),
        ("-f", FLOAT),
        ("-m", DYNAMIC),
        ("a < f", BOOL),
        ("p < q", BOOL),
        ("s >= t", BOOL),
        ("a == null", BOOL),
        ("null != s", BOOL),
        ("xs == [1, 2]", BOOL),
        ("xs == [1.5]", BOOL),
        ("xs == []", BOOL),
        ("m == s", BOOL),
        ("a in xs", BOOL),
        ("a in [1.5, 2]", BOOL),
        ("f in xs", BOOL),
        ("null in ss", BOOL),
        ("m in ss", BOOL),
        ('"k" in m', BOOL),
        ("a in []", BOOL),
        ("p ? a : b", INT),
        ("p ? a : m", DYNAMIC),
        ("p ? [1] : [1.5]", list_of(DYNAMIC)),
        ("[a, 1]", list_of(INT)),
        ("[a, 1.5]", list_of(DYNAMIC)),
        ("[]", list_of(DYNAMIC)),
        ("[[1], []]", list_of(DYNAMIC)),
        ("[[a]]", list_of(list_of(INT))),
        ("xs[0]", INT),
        ("xs[m]", INT),
        ("[ss][0][1]", STRING),
        ("m.k", DYNAMIC),
        ('m["k"]', DYNAMIC),
        ("m[0]", DYNAMIC),
        ("size(s)", INT),
        ("xs.size()", INT),
        ("size(m)", INT),
        ("s.contains(t)", BOOL),
        ("startsWith(s, m)", BOOL),
        ("min(a, b)", INT),
        ("max(f, m)", FLOAT),
        ("min(m, m)", DYNAMIC),
        ("!m", BOOL),
        ("m && p", BOOL),
    ],
)
def test_an_expression_has_this_type(text: str, type_: ExprType) -> None:
    """Types follow from the variables; DYNAMIC where they cannot be known."""
    assert compile_expression(text, TYPES).type == type_


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a + 1.0", 2, "int and float do not mix"),
        ("f + 1", 2, "write 1.0"),
        ("2 * f", 2, "write 2.0"),
        ("f % g", 2, "remainder is for ints"),
        ('"n" + 1', 4, 'write "1" for text'),
        ("s + a", 2, "only two strings"),
        ("s - t", 2, "string - string is not defined"),
        ("p + q", 2, r"bool \+ bool is not defined"),
        ("xs + xs", 3, r"list of int \+ list of int is not defined"),
        ("null + 1", 5, "is not defined"),
        ('a == "7"', 2, "without quotes"),
        ("s == 7", 2, 'write "7"'),
        ('p == "true"', 2, "without quotes"),
        ("a < s", 2, "one type"),
        ("p == 1", 2, "one type"),
        ("xs < xs", 3, "is not defined"),
        ("xs == ss", 3, "is not defined"),
        ("null < 1", 5, "is not defined"),
        ("s in t", 2, "contains"),
        ("a in b", 2, "must be a list"),
        ("s in xs", 2, "is not defined"),
        ('a in ["1"]', 2, "string"),
        ("p ? 1 : 1.5", 2, "write 1.0"),
        ("p ? 1 : s", 2, "one type"),
        ("p ? s : null", 2, "one type"),
        ("[1, s]", 4, "one type"),
        ("a && p", 0, "!= 0"),
        ("p || s", 5, '!= ""'),
        ("!xs", 1, "not a list of int"),
        ("a ? 1 : 2", 0, "a bool is expected"),
        ("-s", 0, "minus sign"),
        ("s[0]", 1, "only lists and maps"),
        ("xs[s]", 3, "indexed by an int"),
        ("m[p]", 2, "indexed by an int and a map by a string"),
        ("s.length", 2, "did you mean size"),
        ("a.foo", 2, "has no fields"),
        ("size(a)", 5, "not an int"),
        ("s.contains(1)", 11, "two strings"),
        ("xs.contains(1)", 0, "element in list"),
        ("min(a, f)", 0, "of one type"),
        ("min(f, 1)", 0, "write 1.0"),
        ("max(s, t)", 4, "two numbers"),
        ("min(a)", 0, "takes 2 arguments"),
        ("size(s, t)", 0, "takes 1 argument:"),
        ("len(s)", 0, "did you mean 'size'"),
        ("s.startswith(t)", 2, "did you mean 'startsWith'"),
        ("xs.all(x, x > 1)", 3, "leaves out"),
        ("foo(1)", 0, "unknown function 'foo'; there are contains"),
    ],
)
def test_a_type_error_is_explained(text: str, position: int, words: str) -> None:
    """The error stands at the operator, or at the argument that is wrong, and says how to write it."""
    with pytest.raises(ExpressionError, match=words) as caught:
        compile_expression(text, TYPES)
    assert caught.value.detail["position"] == position


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("my_name", "my name"),
        ("A", "a"),
        ("ssx", "ss"),
        ("True", "true"),
        ("None", "null"),
        ("undefined", "null"),
        ("completely", None),
    ],
)
def test_an_unknown_variable_gets_a_suggestion(text: str, suggestion: str | None) -> None:
    """The nearest declared name or constant is offered; far names get the list of what is declared."""
    with pytest.raises(ExpressionError, match="unknown variable") as caught:
        compile_expression(text, TYPES)
    assert caught.value.detail.get("suggestion") == suggestion
    assert ("declared are a, b" in caught.value.message) == (suggestion is None)


def test_without_variables_the_error_says_so() -> None:
    """A name where nothing is declared is probably text without quotes."""
    with pytest.raises(ExpressionError, match="no variables are declared here"):
        compile_expression("member", {})


@pytest.mark.parametrize(
    ("text", "want", "type_"),
    [
        ("p", BOOL, BOOL),
        ("m", BOOL, BOOL),
        ("a", FLOAT, FLOAT),
        ("m", FLOAT, FLOAT),
        ("a", DYNAMIC, INT),
        ("[]", list_of(INT), list_of(DYNAMIC)),
        ("m", list_of(INT), list_of(INT)),
    ],
)
def test_a_wanted_type_is_accepted(text: str, want: ExprType, type_: ExprType) -> None:
    """The same type, an int for a float, and a dynamic value (checked later) fit what is wanted."""
    assert compile_expression(text, TYPES, want).type == type_


@pytest.mark.parametrize(
    ("text", "want", "words"),
    [
        ("a", BOOL, "!= 0"),
        ("f", INT, "an int is expected, and this is a float"),
        ("null", STRING, "null"),
        ("xs", list_of(STRING), "list"),
    ],
)
def test_a_result_of_the_wrong_type_is_refused(text: str, want: ExprType, words: str) -> None:
    """A guard is a bool; other places say which type they want."""
    with pytest.raises(ExpressionError, match=words):
        compile_expression(text, TYPES, want)


def test_every_parameter_type_has_a_type_in_expressions() -> None:
    """Sets and texts are strings; the other three have their own."""
    types = {type_: expression_type(type_) for type_ in ParameterType}
    assert types == {
        ParameterType.INTEGER: INT,
        ParameterType.REAL: FLOAT,
        ParameterType.TEXT: STRING,
        ParameterType.BOOLEAN: BOOL,
        ParameterType.SET: STRING,
    }
