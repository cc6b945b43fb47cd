"""The sentence for a token that does not fit: says what stands there and what was probably meant.

Called by the parser only, at the moment it gives up.
"""

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.lexer import Token, TokenKind
from melanzana.graph.expressions.suggestions import ASSIGNING_OPERATORS, METHOD_WORDS, WRONG_OPERATORS, WRONG_WORDS

_WORDS = ("and", "or", "not", "in")
#: Operators of the language in a place where they cannot stand -> message and suggestion.
_MISPLACED: dict[str, tuple[str, str | None]] = {
    ";": ("';' separates assignments and cannot stand in an expression", None),
    ")": ("')' closes nothing: its '(' is missing", None),
    "]": ("']' closes nothing: its '[' is missing", None),
    ":": ("':' belongs to a ?: and its '?' is missing", "?"),
    "!": ("an operator is missing before '!': inequality is written !=", "!="),
}

Slip = tuple[str, str | None]


def refusal(token: Token, previous: Token | None, *, operand: bool, otherwise: str = "") -> ExpressionError:
    """The error for `token`; `operand`: a value should stand here; `otherwise`: the message when no slip is recognised."""
    message, suggestion = _operand_slip(token, previous) if operand else _operator_slip(token, previous)
    return ExpressionError(message or otherwise or f"unexpected {_shown(token)}", position=token.position, suggestion=suggestion)


def _operand_slip(token: Token, previous: Token | None) -> Slip:
    if token.kind is TokenKind.END:
        return ("the expression is empty" if previous is None else "the expression ends too early: a value is missing"), None
    if token.is_operator("+") and previous is not None and previous.is_operator("+"):
        return "there is no ++: an assignment is written x = x + 1", "x = x + 1"
    if token.is_operator("+"):
        return "there is no sign +: leave it out", None
    if token.is_operator("."):
        return "a value is missing before the dot; numbers start with a digit, as in 0.5", "0.5"
    return f"a value is missing before {_shown(token)}", None


def _operator_slip(token: Token, previous: Token | None) -> Slip:
    if token.kind is TokenKind.NAME:
        return _word_slip(token, previous)
    if token.kind in (TokenKind.NUMBER, TokenKind.STRING, TokenKind.QUOTED_NAME):
        return f"an operator is missing before {_shown(token)}", None
    if token.text in WRONG_OPERATORS:
        right = WRONG_OPERATORS[token.text]
        return f"'{token.text}' is not an operator here: did you mean '{right}'?", right
    if token.text in ASSIGNING_OPERATORS:
        return f"'{token.text}' changes a variable, which only an assignment does: x = x {token.text[0]} 1", None
    return _MISPLACED.get(token.text, ("", None))


def _word_slip(token: Token, previous: Token | None) -> Slip:
    word = token.text
    if word == "not":
        return "an operator is missing before 'not': 'not in' is written !(a in b)", "!(a in b)"
    if word.lower() in _WORDS and word != word.lower():
        return f"unknown operator '{word}': did you mean '{word.lower()}'?", word.lower()
    if word.lower() in METHOD_WORDS:
        right = METHOD_WORDS[word.lower()]
        return f"'{word}' is not an operator: write a.{right}(b)", f"a.{right}(b)"
    if word.lower() in WRONG_WORDS:
        right = WRONG_WORDS[word.lower()]
        return f"'{word}' is not an operator: did you mean '{right}'?", right
    if previous is not None and previous.kind is TokenKind.NAME:
        both = f"`{previous.text} {word}`"
        return f"an operator is missing before '{word}'; a name with spaces is written in backquotes: {both}", both
    return f"an operator is missing before '{word}'", None


def _shown(token: Token) -> str:
    if token.kind is TokenKind.END:
        return "the end"
    return token.text if token.kind is TokenKind.STRING else f"'{token.text}'"
