"""The words of a DOT file with their places. Comments are skipped; HTML labels and string concatenation are refused."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from melanzana.errors import FormatError
from melanzana.graph.formats.source import Position
from melanzana.graph.limits import MAX_NODES, require_at_most

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<number>-?(?:\.\d+|\d+(?:\.\d*)?)(?![\w.]))
      | (?P<name>[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*)
      | (?P<sign>->|--|[{}\[\];,=:])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
#: What `\n`, `\l` and `\r` of a label are: a new line, set left or right.
_ESCAPE = re.compile(r"\\([nlr\"\\])")


class Token(NamedTuple):
    """A sign such as `->`, or a word; quoted words are no keywords."""

    text: str
    is_word: bool
    is_quoted: bool
    position: Position


def tokens(text: str) -> Iterator[Token]:
    """Errors: `FormatError` with line and column, `LimitError`."""
    place, line, line_start, count = 0, 1, 0, 0
    while place < len(text):
        position = Position(line, place - line_start + 1)
        match = _TOKEN.match(text, place)
        if match is None:
            raise FormatError(_refusal(text[place]), line=position.line, column=position.column)
        if match.lastgroup != "space":
            count += 1
            require_at_most(count, MAX_NODES, "nodes", "words and signs")
            yield _token(match, position)
        breaks = match.group().count("\n")
        if breaks:
            line += breaks
            line_start = match.start() + match.group().rfind("\n") + 1
        place = match.end()


def _token(match: re.Match[str], position: Position) -> Token:
    quoted = match.group("quoted")
    if quoted is not None:
        unescaped = _ESCAPE.sub(lambda found: found.group(1) if found.group(1) in '"\\' else "\n", quoted.replace("\\\n", ""))
        return Token(unescaped, True, True, position)
    return Token(match.group(), match.lastgroup in {"name", "number"}, False, position)


def _refusal(character: str) -> str:
    if character == "<":
        return "HTML labels are not read: write the label in quotes"
    if character == '"':
        return "this string has no end"
    return f"{character!r} is no DOT"
