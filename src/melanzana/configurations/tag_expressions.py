"""Expressions over tags, as `--filter-by scenario_tag=…` takes them: `@smoke and not (@slow or @wip)`. Pure.

    expression = term {"or" term} ;  term = factor {"and" factor} ;  factor = ["not"] ( tag | "(" expression ")" )

The original's older form is read as well: `@a,@b ~@c` means (a or b) and not c; a comma binds before a space. A tag may be written
with or without `@`. Words are compared as they are written; the operators in any case.
"""

import re
from collections.abc import Callable, Iterator, Set

from melanzana.errors import RequestError

_TOKEN = re.compile(r"\s*(?:([()])|([^\s()]+))")
_LIMIT = 4_096
_DEPTH = 50
Meets = Callable[[Set[str]], bool]


def parse_tags(text: str) -> Meets:
    """What tells whether a set of tags meets the expression. Raises RequestError saying where it is wrong."""
    if len(text) > _LIMIT:
        raise _wrong(f"is longer than {_LIMIT} characters")
    tokens = list(_tokens(text))
    words = {token.lower() for token in tokens}
    return _Parser(tokens).whole() if words & {"and", "or", "not", "(", ")"} else _older(tokens)


def _older(groups: list[str]) -> Meets:
    """Every group must be met; one of a group's tags is enough, `~` before a tag means that it must not be there."""
    parts = [[tag for tag in group.split(",") if tag] for group in groups]
    if not all(parts) or not parts:
        raise _wrong("has no tag" if parts else "is empty")
    return lambda tags: all(any(_older_tag(tag, tags) for tag in part) for part in parts)


def _older_tag(tag: str, tags: Set[str]) -> bool:
    name = tag.removeprefix("~").removeprefix("@")
    return (name in tags) != tag.startswith("~")


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        yield match[1] or match[2]


def _wrong(why: str) -> RequestError:
    return RequestError(f"the expression over tags {why}; write it like @smoke and not (@slow or @wip)", field="scenario_tag")


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0

    def whole(self) -> Meets:
        meets = self._either()
        if self._next < len(self._tokens):
            raise _wrong(f"has {self._tokens[self._next]!r} where nothing is expected")
        return meets

    def _either(self) -> Meets:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return lambda tags: any(part(tags) for part in parts)

    def _both(self) -> Meets:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return lambda tags: all(part(tags) for part in parts)

    def _one(self) -> Meets:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _wrong(f"is nested deeper than {_DEPTH}")
        try:
            return self._factor()
        finally:
            self._depth -= 1

    def _factor(self) -> Meets:
        if self._take("not"):
            inner = self._one()
            return lambda tags: not inner(tags)
        if self._take("("):
            inside = self._either()
            if not self._take(")"):
                raise _wrong("lacks a closing bracket")
            return inside
        word = self._tokens[self._next] if self._next < len(self._tokens) else None
        if word is None or word == ")" or word.lower() in {"and", "or"}:
            raise _wrong("ends too early" if word is None else f"has {word!r} where a tag is expected")
        self._next += 1
        tag = word.removeprefix("@")
        return lambda tags: tag in tags

    def _take(self, word: str) -> bool:
        found = self._next < len(self._tokens) and self._tokens[self._next].lower() == word
        self._next += found
        return found
