"""Assignments in one line of text, and against the types of their variables."""

from typing import Any

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import check_assignment, parse_assignments
from melanzana.graph.model import Assignment
from support_expressions import TYPES, VALUES


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("  \n", []),
        ("a = 1", [("a", "1")]),
        ("a = b + 1; s = 'x;y' ;", [("a", "b + 1"), ("s", "'x;y'")]),
        ("`my name`=a==b;\n p = not q", [("my name", "a==b"), ("p", "not q")]),
        ("xs = [1, 2]", [("xs", "[1, 2]")]),
    ],
)
def test_assignments_are_read_in_order(text: str, pairs: list[tuple[str, str]]) -> None:
    """Each keeps the text of its expression as it was written."""
    assert parse_assignments(text) == tuple(Assignment(variable=name, expression=expression) for name, expression in pairs)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a", 1, "'=' is missing after a"),
        ("a 1", 2, "'=' is missing after a"),
        ("a == 1", 2, "one ="),
        ("a := 1", 2, "written with ="),
        ("a += 1", 2, r"write a = a \+ …"),
        ("a++", 1, r"write a = a \+ 1"),
        ("`my name`--", 9, "write `my name` = `my name` - 1"),
        ("a =", 3, "ends too early"),
        ("a = ; b = 1", 4, "a value is missing before ';'"),
        ("a = 1; b = (2", 13, r"'\)' is missing"),
        ("a = 1 b = 2", 6, "operator is missing before 'b'"),
        ("a = 1\nb = 2", 6, "';' is missing between two assignments"),
        ("a = b = 1", 6, "';' is missing"),
        ("a = 1; a = 2", 7, "assigned twice"),
        ("1 = a", 0, "name of a variable"),
        ("and = 1", 0, "name of a variable"),
        ("a = 1;; b = 2", 6, "name of a variable"),
        ("a = 1; b = 'x", 11, "not closed"),
    ],
)
def test_mistakes_stand_where_they_are_in_the_whole_text(text: str, position: int, words: str) -> None:
    """Positions count from the start of the text, not of the one assignment."""
    with pytest.raises(ExpressionError, match=words) as caught:
        parse_assignments(text)
    assert caught.value.detail["position"] == position


@pytest.mark.parametrize(
    ("variable", "expression", "value"),
    [
        ("a", "a + 1", 8),
        ("f", "2", 2.0),
        ("f", "a", 7.0),
        ("s", "s + 'x'", "abcx"),
        ("p", "m.k == 1", True),
        ("f", "m.k", 1.0),
        ("m", "[1]", [1]),
    ],
)
def test_an_assignment_gives_a_value_of_its_variables_type(variable: str, expression: str, value: Any) -> None:
    """Ints become floats for REAL variables; dynamic values are checked when they are there."""
    compiled = check_assignment(Assignment(variable=variable, expression=expression), TYPES)
    result = compiled.evaluate(VALUES)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("variable", "expression", "detail", "words"),
    [
        ("a", "1.5", {"position": 0}, "variable 'a' holds an int and cannot take a float"),
        ("s", "a", {"position": 0}, "holds a string and cannot take an int"),
        ("p", "a", {"position": 0}, "holds a bool and cannot take an int"),
        ("a", "null", {"position": 0}, "cannot take null"),
        ("my nam", "1", {"suggestion": "my name"}, "unknown variable 'my nam'"),
        ("state", "'Home'", {}, "cannot be assigned"),
    ],
)
def test_a_wrong_assignment_names_its_variable(variable: str, expression: str, detail: dict[str, Any], words: str) -> None:
    """Type, unknown name, and the walk's own variable."""
    with pytest.raises(ExpressionError, match=words) as caught:
        check_assignment(Assignment(variable=variable, expression=expression), TYPES)
    assert caught.value.detail == {"variable": variable, **detail}


def test_a_mistake_inside_the_expression_keeps_its_position() -> None:
    """It counts in the expression."""
    with pytest.raises(ExpressionError, match="did you mean") as caught:
        check_assignment(Assignment(variable="a", expression="1 + bb"), TYPES)
    assert caught.value.detail["position"] == 4
