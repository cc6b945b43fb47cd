"""A value of a plain document together with its place: what every reader asks its questions.

All errors of the readers are made here or through `Node.error`, so that each of them names its place as a JSON pointer and,
where there is one, the word that was probably meant.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from melanzana.errors import FormatError
from melanzana.graph.formats.source import join_pointer
from melanzana.graph.limits import INTEGER_MAX, INTEGER_MIN
from melanzana.graph.model import Scalar

_KINDS = {
    dict: "a map",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    type(None): "nothing",
}


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    candidates = list(known)
    same = [candidate for candidate in candidates if candidate.casefold().replace("_", " ") == word.casefold().replace("_", " ")]
    near = same or difflib.get_close_matches(word[:200], candidates[:2_000], n=1, cutoff=0.6)
    return near[0] if near else None


@dataclass(frozen=True, slots=True)
class Node:
    """`pointer` is the JSON pointer of `value` in its document.

    With `brief`, the value stands for a map that has only this key: `back: Results` for `back: {to: Results}`.
    """

    value: Any
    pointer: str = ""
    brief: str = ""

    def error(self, message: str, suggestion: str | None = None) -> FormatError:
        """An error at this place; the suggestion is also said in the message."""
        said = f"{message}; did you mean `{suggestion}`?" if suggestion else message
        return FormatError(said, path=self.pointer, suggestion=suggestion)

    def wanted(self, what: str) -> FormatError:
        """An error that tells what should stand here and what does."""
        kind = _KINDS.get(type(self.value), type(self.value).__name__)
        shown = f", not {kind}" if self.value is None or isinstance(self.value, dict | list) else f", not {str(self.value)[:40]!r}"
        return self.error(f"{self.place} must be {what}{shown}")

    @property
    def place(self) -> str:
        """The last word of the place, in backquotes."""
        word = self.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        return f"`{word[:80]}`" if word else "the document"

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """The entries of a map; of nothing, none."""
        if self.value is None:
            return
        if self.brief:
            yield self.brief, Node(self.value, self.pointer)
            return
        if not isinstance(self.value, dict):
            raise self.wanted("a map")
        for key, value in self.value.items():
            yield key, Node(value, join_pointer(self.pointer, key))

    def plain(self) -> dict[str, Any]:
        """The entries of a map as they are; of nothing, none."""
        return {key: node.value for key, node in self.items()}

    def elements(self) -> list["Node"]:
        """The items of a list; of nothing, none."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.wanted("a list")
        return [Node(value, f"{self.pointer}/{index}") for index, value in enumerate(self.value)]

    def get(self, key: str) -> "Node":
        """The entry `key` of a map; a node that holds None when there is none."""
        if self.brief:
            return Node(self.value if key == self.brief else None, self.pointer)
        if self.value is not None and not isinstance(self.value, dict):
            raise self.wanted("a map")
        return Node((self.value or {}).get(key), join_pointer(self.pointer, key))

    def only(self, known: Sequence[str]) -> "Node":
        """Refuse keys that nobody reads."""
        for key, _ in self.items():
            if key not in known:
                raise self._unknown_key(key, known)
        return self

    def _unknown_key(self, key: str, known: Sequence[str]) -> FormatError:
        suggestion = closest(key, known)
        hint = f"did you mean `{suggestion}`?" if suggestion else f"known are {', '.join(known)}"
        return FormatError(f"unknown key `{key[:80]}`; {hint}", path=self.pointer, key=key, suggestion=suggestion)

    def text(self) -> str:
        """Text; of nothing, the empty text."""
        if self.value is None:
            return ""
        return self.required_text()

    def required_text(self) -> str:
        """Text that is there."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool | int | float):
            raise self.error(f"{self.place} must be text: put it in quotes")
        raise self.wanted("text")

    def texts(self) -> tuple[str, ...]:
        """A list of texts; one text is a list of one."""
        if isinstance(self.value, str):
            return (self.value,)
        return tuple(item.required_text() for item in self.elements())

    def flag(self, default: bool) -> bool:
        """true or false."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            raise self.wanted("true or false")
        return self.value

    def integer(self, default: int) -> int:
        """An integer of 64 bits."""
        if self.value is None:
            return default
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wanted("an integer")
        if not INTEGER_MIN <= self.value <= INTEGER_MAX:
            raise self.error(f"{self.place} does not fit 64 bits")
        return self.value

    def number(self) -> int | float:
        """An integer or a real number."""
        if isinstance(self.value, float):
            return self.value
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wanted("a number")
        return self.integer(0)

    def scalar(self) -> Scalar:
        """One plain value."""
        if self.value is None or isinstance(self.value, dict | list):
            raise self.wanted("a single value")
        if isinstance(self.value, bool | str | float):
            return self.value
        return self.integer(0)
