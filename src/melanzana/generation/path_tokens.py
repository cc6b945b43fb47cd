"""The words of a path expression, one after the other. `path_expression.py` reads them; `questions.py` has the questions' own."""

import re
from typing import NamedTuple

from melanzana.generation.questions import fail


class Token(NamedTuple):
    """A word, a quoted name, a bracket, or the end."""

    kind: str  #: word, quoted, open, close, comma, and, or, other, end
    text: str
    position: int  #: in characters from 0


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\() | (?P<close>\)) | (?P<comma>,) | (?P<and>&&) | (?P<or>\|\|)
      | (?P<quoted>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<word>[^\s()"'&|,]+)
      | (?P<other>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)


def unescaped(quoted: str) -> str:
    """What stands between quotes, backslashes taken away."""
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


class Tokens:
    """Reads a text from its beginning. Every method but `peek` goes on. Errors: `PathExpressionError` at what was not wanted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.last = ""  #: kind of the token that was wanted last

    def peek(self) -> Token:
        """The next token."""
        match = _TOKEN.match(self._text, self._position)
        if match is None or match.lastgroup is None:
            return Token("end", "end", len(self._text))
        return Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))

    def next(self) -> Token:
        """The next token; it is behind us then."""
        token = self.peek()
        self._position = token.position if token.kind == "end" else token.position + len(token.text)
        return token

    def want(self, kind: str | tuple[str, ...], what: str) -> None:
        """The next token is to be of this kind, or of one of these."""
        token = self.next()
        self.last = token.kind
        if token.kind not in (kind if isinstance(kind, tuple) else (kind,)):
            found = "the end" if token.kind == "end" else f"'{token.text}'"
            fail(f"{what} is expected here, not {found}", token.position)

    def argument(self, word: Token, what: str) -> tuple[str, int]:
        """The text between the brackets behind `word`, and where it stands."""
        self.want("open", f"'(' and {what} after '{word.text}'")
        return self.rest_of_brackets(what)

    def rest_of_brackets(self, what: str) -> tuple[str, int]:
        """The text up to the closing bracket: quoted, or as it stands without the blanks around it."""
        first = self.peek()
        if first.kind == "quoted":
            self.next()
            self.want("close", f"')' after {what}")
            return unescaped(first.text), first.position
        end = self._text.find(")", self._position)
        bare = self._text[self._position : end].strip() if end >= 0 else ""
        if end < 0 or not bare:
            fail(f"{what} and ')' are expected here", first.position)
        self._position = end + 1
        return bare, first.position
