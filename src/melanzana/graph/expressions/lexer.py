"""Text to tokens: the only place that looks at characters.

The parser, the assignment reader and the JavaScript translator read the tokens. Operators of other languages (`=`, `===`, `+=`)
are tokens too, so that the parser can say what to write instead.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, MAX_CHARACTERS
from melanzana.graph.expressions.suggestions import WRONG_CHARACTERS


class TokenKind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    NAME = "name"  #: bare: may be a word of the language
    QUOTED_NAME = "quoted name"  #: in backquotes: always a variable or field
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as it was written at `position`; `value` is the number, the string's content or the name."""

    kind: TokenKind
    text: str
    position: int
    value: int | float | str = ""

    @property
    def end(self) -> int:
        """The position just after the token."""
        return self.position + len(self.text)

    def is_operator(self, *operators: str) -> bool:
        """Is this one of these operators, written with signs?"""
        return self.kind is TokenKind.OPERATOR and self.text in operators

    def is_word(self, *words: str) -> bool:
        """Is this one of these bare words?"""
        return self.kind is TokenKind.NAME and self.text in words


NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_]*"

_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\r\n]+)
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<name>{NAME_PATTERN})
  | (?P<quoted_name>`(?:[^`]|``)+`)
  | (?P<string>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
  | (?P<operator>===|!==|&&|\|\||==|!=|<=|>=|<>|=<|=>|[-+*/%:]=|[-+*/%<>!?:.,()\[\]=&|;])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", "`": "`"}


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, ending with one END token. Errors: `ExpressionError` at the first character that fits nowhere."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression is longer than {MAX_CHARACTERS:,} characters", position=MAX_CHARACTERS)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong_character(text, position)
        if match.lastgroup != "space":
            tokens.append(_token(match, text))
        position = match.end()
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _token(match: re.Match[str], text: str) -> Token:
    written, position = match.group(), match.start()
    match match.lastgroup:
        case "number":
            return Token(TokenKind.NUMBER, written, position, _number(text, match))
        case "string":
            return Token(TokenKind.STRING, written, position, unescape(written[1:-1], position + 1))
        case "quoted_name":
            return Token(TokenKind.QUOTED_NAME, written, position, written[1:-1].replace("``", "`"))
        case "name":
            return Token(TokenKind.NAME, written, position, written)
        case _:
            return Token(TokenKind.OPERATOR, written, position)


def _number(text: str, match: re.Match[str]) -> int | float:
    """Integers reach 2^63, one more than fits: the parser allows that one only after a minus sign."""
    written, position = match.group(), match.start()
    following = text[match.end() : match.end() + 1]
    if following == "." and written.isdigit():
        raise ExpressionError(f"write {written}.0", position=position, suggestion=f"{written}.0")
    if following == "_" or following.isalnum():
        raise ExpressionError(
            "a name cannot start with a digit, and numbers are decimal: 12, 1.5, 1e9",
            position=position,
        )
    if not written.isdigit():
        value = float(written)
        if value > FLOAT_MAX:
            raise ExpressionError("the number is too large for a float (64 bits)", position=position)
        return value
    if len(written.lstrip("0")) > 19 or int(written) > INT_MAX + 1:
        raise ExpressionError("the number is too large for an int (64 bits)", position=position)
    return int(written)


def unescape(content: str, position: int) -> str:
    r"""The string that `content` stands for; `position` is where its first character was written.

    Escapes: `\n \r \t \\ \" \' \uXXXX \UXXXXXXXX`.
    """
    if "\\" not in content:
        return content
    return _ESCAPE.sub(lambda match: _unescaped(match, position), content)


def _unescaped(match: re.Match[str], position: int) -> str:
    body = match.group(1)
    if len(body) == 1:
        if body in _ESCAPED:
            return _ESCAPED[body]
        raise ExpressionError(
            f"unknown escape \\{body}: write \\\\ for a backslash", position=position + match.start(), suggestion="\\\\"
        )
    code_point = int(body[1:], 16)
    if code_point > 0x10FFFF or 0xD800 <= code_point <= 0xDFFF:
        raise ExpressionError(f"\\{body} is not a Unicode character", position=position + match.start())
    return chr(code_point)


def _wrong_character(text: str, position: int) -> ExpressionError:
    character = text[position]
    if character in "\"'":
        return ExpressionError(f"the string that starts here is not closed: {character} is missing at its end", position=position)
    if character == "`":
        return ExpressionError("the name that starts here is empty or not closed: write `name`", position=position)
    hint = WRONG_CHARACTERS.get(character)
    if hint is None and character.isalpha():
        hint = "write names with other letters in backquotes: `größe`"
    return ExpressionError(f"unexpected character {character!r}" + (f": {hint}" if hint else ""), position=position)
