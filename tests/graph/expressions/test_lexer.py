"""Tokens: what each is, where it stands, and which characters are refused."""

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.budgets import MAX_CHARACTERS
from melanzana.graph.expressions.lexer import Token, TokenKind, tokenize


def test_tokens_know_their_kind_value_and_place() -> None:
    """Every token keeps its text and position; white space gives none; one END closes the list."""
    assert tokenize(" size(`my x`) >= 1.5\n") == [
        Token(TokenKind.NAME, "size", 1, "size"),
        Token(TokenKind.OPERATOR, "(", 5),
        Token(TokenKind.QUOTED_NAME, "`my x`", 6, "my x"),
        Token(TokenKind.OPERATOR, ")", 12),
        Token(TokenKind.OPERATOR, ">=", 14),
        Token(TokenKind.NUMBER, "1.5", 17, 1.5),
        Token(TokenKind.END, "", 21),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("1.25", 1.25),
        ("1e3", 1000.0),
        ("2.5E-1", 0.25),
        ('"it\'s"', "it's"),
        ("'say \"x\"'", 'say "x"'),
        (r'"a\n\r\t\\\"\'\`b"', "a\n\r\t\\\"'`b"),
        (r'"\u00e9\U0001F600"', "é😀"),
        ("`größe in cm`", "größe in cm"),
        ("`a``b`", "a`b"),
        ("`two\nlines`", "two\nlines"),
    ],
)
def test_constants_and_quoted_names_are_decoded(text: str, value: object) -> None:
    """Numbers, strings of both quotes with their escapes, and names in backquotes have the value they stand for."""
    token = tokenize(text)[0]
    assert (token.value, type(token.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ('a == "x', 5, "not closed"),
        ("a == 'x\n'", 5, "not closed"),
        ("a + `b", 4, "not closed"),
        ("``", 0, "empty"),
        ("a # b", 2, "comments"),
        ("größe > 1", 2, "backquotes"),
        ("$x", 0, "backquotes"),
        ("a == “x”", 5, "straight quotes"),
        ("a\u00a0> 1", 1, "no-break space"),
        ("a – b", 2, "minus"),
        ("a ≠ b", 2, "!="),
        ("a ^ 2", 2, "power"),
        ("{1}", 0, "maps"),
        ("a \0", 2, "unexpected character"),
        ("12abc", 0, "digit"),
        ("0x1F", 0, "decimal"),
        ("3u", 0, "decimal"),
        ("1.", 0, "write 1.0"),
        ("1 + 9223372036854775809", 4, "too large for an int"),
        ("1e999", 0, "too large for a float"),
        (r'"a\q"', 2, "unknown escape"),
        (r'"\ud800"', 1, "not a Unicode character"),
        (r'"\UFFFFFFFF"', 1, "not a Unicode character"),
        ("x" * (MAX_CHARACTERS + 1), MAX_CHARACTERS, "longer than"),
    ],
)
def test_what_is_no_token_is_refused_where_it_stands(text: str, position: int, words: str) -> None:
    """The error names the character position and what to write instead."""
    with pytest.raises(ExpressionError, match=words) as caught:
        tokenize(text)
    assert caught.value.detail["position"] == position
