"""The grammar: which tree a text has, and what is said about a text that has none."""

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import parse
from melanzana.graph.expressions.budgets import MAX_HEIGHT, MAX_NESTING, MAX_NODES
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
)

A, B, C = Variable("a"), Variable("b"), Variable("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("null", Literal(None)),
        ("-5", Literal(-5)),
        ("-9223372036854775808", Literal(-(2**63))),
        ("`in`", Variable("in")),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a--1", Binary("-", A, Literal(-1))),
        ("(a - b) - c", Binary("-", Binary("-", A, B), C)),
        ("a - (b - c)", Binary("-", A, Binary("-", B, C))),
        ("a + b < c", Binary("<", Binary("+", A, B), C)),
        ("a || b && c", Logic("||", (A, Logic("&&", (B, C))))),
        ("a && b && c", Logic("&&", (A, B, C))),
        ("(a && b) && c", Logic("&&", (Logic("&&", (A, B)), C))),
        ("a && (b && c)", Logic("&&", (A, Logic("&&", (B, C))))),
        ("a or b and c", Logic("||", (A, Logic("&&", (B, C))))),
        ("!a == b", Binary("==", Unary("!", A), B)),
        ("not a == b", Unary("!", Binary("==", A, B))),
        ("not a and b", Logic("&&", (Unary("!", A), B))),
        ("a or not not b", Logic("||", (A, Unary("!", Unary("!", B))))),
        ("not a in b", Unary("!", Binary("in", A, B))),
        ("a ? b : c ? a : b", Conditional(A, B, Conditional(C, A, B))),
        ("[a, b,]", ListLiteral((A, B))),
        ("[]", ListLiteral(())),
        ("a.b[c]", Index(Field(A, "b"), C)),
        ("a.`b c`", Field(A, "b c")),
        ("a.in", Field(A, "in")),
        ("a.contains(b)", Call("contains", (A, B))),
        ("contains(a, b)", Call("contains", (A, B))),
        ("!a.b", Unary("!", Field(A, "b"))),
        ("-a.b", Unary("-", Field(A, "b"))),
    ],
)
def test_a_text_has_this_tree(text: str, tree: Node) -> None:
    """Precedence, association, the three words and the two forms of a call."""
    assert repr(parse(text)) == repr(tree)


def test_nodes_remember_where_they_stood() -> None:
    """The position of a binary node is its operator's; of a call its name's."""
    tree = parse("a == size(b)")
    assert isinstance(tree, Binary)
    assert (tree.position, tree.left.position, tree.right.position) == (2, 0, 5)


@pytest.mark.parametrize(
    ("text", "position", "words", "suggestion"),
    [
        ("", 0, "empty", None),
        ("  ", 2, "empty", None),
        ("a +", 3, "ends too early", None),
        ("a = 1", 2, "did you mean '=='", "=="),
        ("a === 1", 2, "did you mean '=='", "=="),
        ("a !== 1", 2, "did you mean '!='", "!="),
        ("a <> 1", 2, "did you mean '!='", "!="),
        ("a =< 1", 2, "did you mean '<='", "<="),
        ("a => 1", 2, "did you mean '>='", ">="),
        ("a & b", 2, "did you mean '&&'", "&&"),
        ("a | b", 2, r"did you mean '\|\|'", "||"),
        ("(a = 1)", 3, "did you mean '=='", "=="),
        ("a AND b", 2, "did you mean 'and'", "and"),
        ("a Or b", 2, "did you mean 'or'", "or"),
        ("a IN b", 2, "did you mean 'in'", "in"),
        ("a is b", 2, "did you mean '=='", "=="),
        ("a mod b", 2, "did you mean '%'", "%"),
        ("a contains b", 2, "a.contains", "a.contains(b)"),
        ("a startswith b", 2, "a.startsWith", "a.startsWith(b)"),
        ("a not in b", 2, "not in", "!(a in b)"),
        ("a ! b", 2, "!=", "!="),
        ("my name > 1", 3, "backquotes", "`my name`"),
        ("a 1", 2, "operator is missing before '1'", None),
        ('a "x"', 2, 'operator is missing before "x"', None),
        ("a += 1", 2, "only an assignment", None),
        ("a := 1", 2, "only an assignment", None),
        ("a++", 2, r"no \+\+", "x = x + 1"),
        ("+a", 0, "leave it out", None),
        (".5", 0, "0.5", "0.5"),
        ("a; b", 1, "separates assignments", None),
        ("a)", 1, "closes nothing", None),
        ("a]", 1, "closes nothing", None),
        ("a : b", 2, "is missing", "?"),
        ("(a", 2, r"'\)' is missing", ")"),
        ("(a ]", 3, "closes nothing", None),
        ("[a b]", 3, "backquotes", "`a b`"),
        ("[a", 2, "is missing", ","),
        ("size(a,)", 7, "a value is missing", None),
        ("a[1", 3, r"'\]' is missing", "]"),
        ("a.", 2, "after the dot", None),
        ("a.1", 2, "after the dot", None),
        ("a ? b", 5, "second half", ":"),
        ("a < b < c", 6, "do not chain", None),
        ("a == b == c", 7, "do not chain", None),
        ("a == not b", 5, "parentheses", "!"),
        ("and a", 0, "a value is missing before 'and'", None),
        ("in", 0, "a value is missing before 'in'", None),
        ("9223372036854775808", 0, "too large for an int", None),
        ("-a - 9223372036854775808", 5, "too large for an int", None),
    ],
)
def test_what_has_no_tree_is_explained(text: str, position: int, words: str, suggestion: str | None) -> None:
    """The error has the position of the token that does not fit, a sentence, and a suggestion for the usual slips."""
    with pytest.raises(ExpressionError, match=words) as caught:
        parse(text)
    assert (caught.value.detail["position"], caught.value.detail.get("suggestion")) == (position, suggestion)


@pytest.mark.parametrize("opening", ["(", "[", "!", "-", "not ", "size(", "a[", "true?1:"])
def test_nesting_has_a_limit(opening: str) -> None:
    """Each construct that can nest is refused past the documented depth."""
    closing = {"(": ")", "[": "]", "size(": ")", "a[": "]"}.get(opening, "")
    parse(opening * (MAX_NESTING - 1) + "a" + closing * (MAX_NESTING - 1))
    with pytest.raises(ExpressionError, match="levels deep"):
        parse(opening * (MAX_NESTING + 1) + "a" + closing * (MAX_NESTING + 1))


def test_height_has_a_limit() -> None:
    """A sum of too many terms is refused, and so is a long chain of indexes; grouped, the same sum is fine."""
    parse("+".join(["a"] * MAX_HEIGHT))
    for text in ("+".join(["a"] * (MAX_HEIGHT + 1)), "a" + "[0]" * MAX_HEIGHT, "a" + ".b" * MAX_HEIGHT):
        with pytest.raises(ExpressionError, match="operations feed each other"):
            parse(text)
    parse("+".join(["(a+a+a+a)"] * 20))


def test_logic_chains_do_not_count_for_height() -> None:
    """Hundreds of conditions may be joined by `&&`."""
    tree = parse("&&".join(["a"] * (MAX_NODES - 1)))
    assert isinstance(tree, Logic)
    assert len(tree.operands) == MAX_NODES - 1


def test_size_has_a_limit() -> None:
    """One node more than allowed is refused."""
    with pytest.raises(ExpressionError, match=f"more than {MAX_NODES} parts"):
        parse("&&".join(["a"] * MAX_NODES))
