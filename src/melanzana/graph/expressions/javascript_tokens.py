"""JavaScript to the tokens of our own language, and into statements.

Used by `javascript.py` only. What has no counterpart is refused here when one token shows it (a keyword, a template string, a
division); the rest is left to the parser and the translator.
"""

import re
from collections.abc import Sequence

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, MAX_CHARACTERS
from melanzana.graph.expressions.lexer import Token, TokenKind, unescape

#: Methods that have a counterpart; `Math.min` and `Math.max` are read as methods too.
TRANSLATED_METHODS = frozenset({"startsWith", "endsWith", "includes", "contains", "equals", "length", "min", "max"})
ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "++", "--"})

_KEYWORDS = frozenset(
    {
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "finally",
        "for",
    }
    | {"function", "if", "import", "in", "instanceof", "new", "return", "super", "switch", "this", "throw", "try", "typeof"}
    | {"undefined", "NaN", "Infinity", "void", "while", "with", "yield"}
)
_SAME_CONSTANTS = frozenset({"true", "false", "null"})
_SPELLED_ALIKE = {"===": "==", "!==": "!="}
_OPERATORS = frozenset(
    {"&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]"}
)
_KINDS = {"number": TokenKind.NUMBER, "name": TokenKind.NAME, "string": TokenKind.STRING}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[^\W\d$][\w$]*|\$[\w$]*)
  | (?P<string>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
  | (?P<template>`(?:[^`\\]|\\.)*`)
  | (?P<operator>>>>=?|===|!==|\*\*|\+\+|--|=>|&&|\|\||\?\?|[-+*/%&|^=!<>]=|[-+*/%&|^=!<>~?:.,;(){}\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)


def javascript_tokens(js: str) -> list[Token]:
    """The tokens as JavaScript has them, without an END. Errors: `ExpressionError` for what is no token of ours at all."""
    if len(js) > MAX_CHARACTERS:
        raise ExpressionError(f"the script is longer than {MAX_CHARACTERS:,} characters", position=MAX_CHARACTERS)
    found: list[Token] = []
    position = 0
    while position < len(js):
        match = _TOKEN.match(js, position)
        if match is None:
            raise ExpressionError(f"the JavaScript that starts with {js[position]!r} cannot be translated", position=position)
        if match.lastgroup == "number" and (js[match.end() : match.end() + 1].isalnum() or re.match("0[0-9]", match.group())):
            raise ExpressionError("only decimal numbers can be translated", position=position)
        if match.lastgroup != "space":
            found.append(Token(_KINDS.get(match.lastgroup or "", TokenKind.OPERATOR), match.group(), position))
        position = match.end()
    return found


def statements(tokens: Sequence[Token], js: str) -> list[list[Token]]:
    """The tokens of each statement, cut at semicolons, at line ends where JavaScript would insert one, and after blocks."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        current = found[-1]
        if depth == 0 and (token.text == ";" or (current and _starts_anew(current[-1], token, js))):
            found.append([])
        if depth > 0 or token.text != ";":
            found[-1].append(token)
        depth = max(0, depth + _depth_change(token))
    return [statement for statement in found if statement]


def _starts_anew(previous: Token, token: Token, js: str) -> bool:
    if previous.text == "}":
        return token.text not in ("else", "catch", "finally")
    ends = previous.kind is not TokenKind.OPERATOR or previous.text in (")", "]", "++", "--")
    starts = token.kind is TokenKind.NAME or token.text in ("++", "--")
    return ends and starts and "\n" in js[previous.end : token.position]


def _depth_change(token: Token) -> int:
    if token.kind is not TokenKind.OPERATOR:
        return 0
    return (token.text in "([{") - (token.text in ")]}")


def expression_tokens(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of one JavaScript expression as tokens of ours, with an END, for `parse_tokens`."""
    around = zip([None, *tokens[:-1]], tokens, [*tokens[1:], None], strict=True)
    translated = [_translated(before, token, after) for before, token, after in around] if tokens else []
    end = tokens[-1].end if tokens else 0
    return [*translated, Token(TokenKind.END, "", end)]


def _translated(previous: Token | None, token: Token, following: Token | None) -> Token:
    match token.kind:
        case TokenKind.NUMBER:
            return Token(TokenKind.NUMBER, token.text, token.position, _number(token))
        case TokenKind.STRING:
            return Token(TokenKind.STRING, token.text, token.position, unescape(token.text[1:-1], token.position + 1))
        case TokenKind.NAME:
            return _name(previous, token, following)
        case _:
            return _operator(token)


def _number(token: Token) -> int | float:
    if not token.text.isdigit():
        return _finite(float(token.text), token.position)
    if len(token.text) > 19 or int(token.text) > INT_MAX:
        raise ExpressionError("the number is too large for an int (64 bits)", position=token.position)
    return int(token.text)


def _finite(value: float, position: int) -> float:
    if value > FLOAT_MAX:
        raise ExpressionError("the number is too large for a float (64 bits)", position=position)
    return value


def _name(previous: Token | None, token: Token, following: Token | None) -> Token:
    """A variable is marked as quoted, so that the parser takes no variable of JavaScript for a word of ours."""
    if token.text in _SAME_CONSTANTS:
        return Token(TokenKind.NAME, token.text, token.position, token.text)
    if token.text in _KEYWORDS:
        raise ExpressionError(f"the JavaScript word '{token.text}' has no counterpart", position=token.position)
    if following is None or following.text != "(":
        return Token(TokenKind.QUOTED_NAME, token.text, token.position, token.text)
    if token.text in TRANSLATED_METHODS and previous is not None and previous.text == ".":
        return Token(TokenKind.NAME, token.text, token.position, token.text)
    raise ExpressionError(f"the JavaScript function '{token.text}' has no counterpart", position=token.position)


def _operator(token: Token) -> Token:
    text = _SPELLED_ALIKE.get(token.text, token.text)
    if text == "/":
        message = "division cannot be translated: JavaScript gives a fraction where ints here are rounded"
        raise ExpressionError(message, position=token.position)
    if text not in _OPERATORS:
        raise ExpressionError(f"the JavaScript sign '{text}' cannot stand in an expression", position=token.position)
    return Token(TokenKind.OPERATOR, text, token.position)
