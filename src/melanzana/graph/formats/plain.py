"""Two small things that stand in many places of a document: expressions and `extras`."""

import re
from collections.abc import Mapping
from typing import Any

from melanzana.graph.formats.node import Node
from melanzana.graph.model import Scalar

_NATIVE = re.compile(r"true|false|-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?")


def read_expression(node: Node) -> str:
    """An expression; plain numbers and truth values need no quotes."""
    value = node.value
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise node.wanted("an expression")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def write_expression(text: str) -> Scalar:
    """The same, as a number or truth value where that reads back as the same text."""
    if not _NATIVE.fullmatch(text):
        return text
    value: Scalar = text == "true" if text in ("true", "false") else float(text) if "." in text else int(text)
    return value if read_expression(Node(value)) == text else text


def read_extras(node: Node) -> Mapping[str, Any]:
    """`extras:`, fields of foreign files that are kept and not read."""
    return node.get("extras").plain()


def write_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """`extras:` with its keys in one order, so that equal models give equal documents."""
    return {"extras": _sorted(extras)} if extras else {}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value
