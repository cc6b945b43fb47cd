"""A plain document to YAML text: what `text.write_text` prints.

The text is made for pull requests: the same document gives the same text, one thing a line, short maps in one line, quotes
only where a reader (ours, or one of YAML 1.1) would take the text for something else.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from melanzana.graph.formats.scalars import resolve_plain

WIDTH = 120  #: columns that a map in one line may reach
_MAX_KEY = 200  #: YAML wants longer keys to be marked with `?`

_UNSAFE_START = re.compile(r"[-?:,\[\]{}#&*!|>'\"%@`=<.+~ ]|[0-9][0-9._:eExXo+-]*$|[0-9]{1,4}-[0-9]")
_UNSAFE_INSIDE = re.compile(r": |:$| #|[\t\n\r]| $")
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}?]|:[^\w]")  # the pure parser trips over `?`
_WORDS_OF_OLD_YAML = frozenset({"yes", "no", "on", "off", "y", "n"})


def emit(document: Mapping[str, Any], sections: Mapping[str, int]) -> str:
    """YAML text. `sections` tells for top-level keys how many levels below them are never squeezed into one line."""
    lines: list[str] = []
    for key, value in document.items():
        depth = sections.get(key)
        if depth is not None and lines and lines[-1]:
            lines.append("")
        _entry(lines, 0, _key(key), value, depth or 0)
        if depth is not None:
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def emit_value(value: Any) -> str:
    """A value by itself: a map with an entry a line, anything else in one line."""
    return emit(value, {}).rstrip("\n") if isinstance(value, Mapping) and value else _flow(value)


def _entry(lines: list[str], indent: int, key: str, value: Any, open_levels: int) -> None:
    """`key: value`, on one line where that is allowed and fits."""
    lead = " " * indent + key
    if isinstance(value, str) and "\n" in value and _fits_literal(value):
        _literal(lines, indent, lead, value)
        return
    brief = f"{lead}: {_flow(value)}"
    nested = isinstance(value, Mapping | list | tuple) and bool(value)
    if key.startswith("?"):
        lines.extend((lead, f"{' ' * indent}: {_flow(value)}"))
    elif not nested or (len(brief) <= WIDTH and not (open_levels and isinstance(value, Mapping))):
        lines.append(brief if nested else f"{lead}: {_scalar(value)}")
    else:
        lines.append(f"{lead}:")
        _block(lines, indent + 2, value, max(open_levels - 1, 0))


def _block(lines: list[str], indent: int, value: Any, open_levels: int) -> None:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _entry(lines, indent, _key(key), entry, open_levels)
        return
    for item in value:
        _item(lines, indent, item)


def _item(lines: list[str], indent: int, item: Any) -> None:
    brief = f"{' ' * indent}- {_flow(item)}"
    if not (isinstance(item, Mapping | list | tuple) and item) or len(brief) <= WIDTH:
        lines.append(brief)
        return
    nested: list[str] = []
    _block(nested, indent + 2, item, 0)
    lines.append(f"{' ' * indent}- {nested[0][indent + 2 :]}")
    lines.extend(nested[1:])


def _fits_literal(text: str) -> bool:
    rows = text.split("\n")
    tail_is_simple = not text.endswith("\n\n") and text != "\n"
    return tail_is_simple and not rows[0].startswith((" ", "\t")) and bool(rows[0]) and all(_fits_row(row) for row in rows)


def _fits_row(row: str) -> bool:
    return not row or (row.isprintable() and bool(row.strip(" ")))


def _literal(lines: list[str], indent: int, lead: str, text: str) -> None:
    keeps_end = text.endswith("\n")
    lines.append(f"{lead}: {'|' if keeps_end else '|-'}")
    rows = text.removesuffix("\n").split("\n")
    lines.extend(" " * (indent + 2) + row if row else "" for row in rows)


def _flow(value: Any) -> str:
    """The value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key, flow=True)}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value, flow=True)


def _key(key: str, *, flow: bool = False) -> str:
    written = _scalar(key, flow=flow)
    return written if len(written) <= _MAX_KEY else f"? {written}"


def _scalar(value: Any, *, flow: bool = False) -> str:
    if isinstance(value, str):
        return value if _is_plain(value, flow) else _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    return repr(value)


def _is_plain(text: str, flow: bool) -> bool:
    if not text or not text.isprintable() or _UNSAFE_START.match(text) or _UNSAFE_INSIDE.search(text):
        return False
    if flow and _UNSAFE_IN_FLOW.search(text):
        return False
    return text.casefold() not in _WORDS_OF_OLD_YAML and isinstance(resolve_plain(text), str)


def _quoted(text: str) -> str:
    """In quotes, with every character escaped that does not print."""
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    body = json.dumps(text, ensure_ascii=False)[1:-1]
    return '"' + "".join(character if character.isprintable() else _escape(character) for character in body) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
