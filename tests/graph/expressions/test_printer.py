"""Printing: one spelling for a tree, and the way back."""

import pytest

from melanzana.graph.expressions import parse, print_expression, print_name
from melanzana.graph.expressions.syntax import Literal, Unary


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a+b*c", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("a and (b or c)", "a && (b || c)"),
        ("(a && b) && c", "(a && b) && c"),
        ("not a in b", "!(a in b)"),
        ("!a==b", "!a == b"),
        ("(a==b)==c", "(a == b) == c"),
        ("a--1", "a - -1"),
        ("--a", "--a"),
        ("-(5)", "-(5)"),
        ("- -5", "-(-5)"),
        ("(-5).size()", "size(-5)"),
        ("(5).k + (-1.5)[0]", "(5).k + (-1.5)[0]"),
        ("(a?b:c)?a:(b?c:a)", "(a ? b : c) ? a : b ? c : a"),
        ("(a || b).startsWith(c)", "(a || b).startsWith(c)"),
        ("endsWith(a, b)", "a.endsWith(b)"),
        ("[a,b,]", "[a, b]"),
        ("a[b].c.`d e`", "a[b].c.`d e`"),
        ("`a` + `in` + `x``y`", "a + `in` + `x``y`"),
        ("'it\\'s \"x\"'", '"it\'s \\"x\\""'),
        ('"\\u0001\\u00e9\\t"', '"\\u0001é\\t"'),
        ("1e16", "1e+16"),
        ("null == true", "null == true"),
    ],
)
def test_a_tree_has_one_spelling(text: str, printed: str) -> None:
    """Words become signs, parentheses stay only where they mean something, and reading it again gives the same tree."""
    assert print_expression(parse(text)) == printed
    assert repr(parse(printed)) == repr(parse(text))


def test_a_minus_before_a_number_is_kept_apart() -> None:
    """The negation of a literal is not the negative literal."""
    assert print_expression(Unary("-", Literal(5))) == "-(5)"


@pytest.mark.parametrize(
    ("name", "printed"),
    [("a_1", "a_1"), ("1a", "`1a`"), ("not", "`not`"), ("ü", "`ü`"), ("a`b", "`a``b`"), ("a\n", "`a\n`")],
)
def test_names_are_quoted_only_where_they_must_be(name: str, printed: str) -> None:
    """Words of the language and other characters need backquotes."""
    assert print_name(name) == printed
