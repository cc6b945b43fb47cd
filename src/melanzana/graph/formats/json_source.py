"""JSON text to a `Source`: depth is counted before the parser runs, and what JSON leaves open is refused.

Positions are found only when an error or finding needs one (`located`), by reading the same text as YAML, of which JSON is a
part.
"""

import json
import re
from typing import Any

from melanzana.errors import FormatError, LimitError, ModelError
from melanzana.graph.formats.scalars import bounded_integer, finite_float
from melanzana.graph.formats.source import Source
from melanzana.graph.formats.yaml_source import parse_yaml
from melanzana.graph.limits import MAX_DEPTH, MAX_NODES

# Possessive: strings are skipped in one pass, closed or not.
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, file: str = "") -> Source:
    """The value of `text`, without positions. Errors: `FormatError` with line and column, `LimitError`."""
    try:
        _require_bounded(text)
        return Source(_loads(text), file)
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg}", file=file or None, line=error.lineno, column=error.colno) from None
    except ValueError as error:
        raise FormatError(f"not acceptable JSON: {error}", file=file or None) from None


def located(source: Source, text: str) -> Source:
    """The same source with positions, or as it was when the text has none to give."""
    try:
        return Source(source.document, source.file, *_positions(text))
    except ModelError:
        return source


def _positions(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    source = parse_yaml(text)
    return source.values, source.keys


def _require_bounded(text: str) -> None:
    depth = nodes = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        mark = match.group()[0]
        if mark in "[{":
            depth += 1
            nodes += 1
            if depth > MAX_DEPTH:
                raise LimitError(f"objects and arrays are nested more than {MAX_DEPTH} deep", limit="depth", maximum=MAX_DEPTH)
        elif mark in "]}":
            depth -= 1
        elif mark == ",":
            nodes += 1
        if nodes > MAX_NODES:
            raise LimitError(f"the document has more than {MAX_NODES:,} values", limit="nodes", maximum=MAX_NODES)


def _loads(text: str) -> Any:
    value = json.loads(
        text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=bounded_integer, parse_float=finite_float
    )
    if _SURROGATE_ESCAPE.search(text):
        _require_encodable(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError(f"the key {json.dumps(_first_repeated(pairs)[:80])} is written twice in one object")
    return value


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a finite number")


def _require_encodable(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a string holds half of a surrogate pair") from None
