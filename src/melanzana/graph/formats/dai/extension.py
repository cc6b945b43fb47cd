"""Our own object inside DAI files: for each element, exactly the fields that the DAI fields beside it do not give back.

The writer compares what it meant with what a reader of the DAI fields would get and notes the difference here; the reader
applies it. So every model survives the way through a DAI file, and a file of DAI's own needs none of this.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from melanzana.graph.formats.node import Node

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Records, tuples and enums as plain JSON values; fields that hold their default are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value) if not _holds_default(value, field)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def _holds_default(record: Any, field: Field[Any]) -> bool:
    value = getattr(record, field.name)
    if field.default_factory is not MISSING:
        return bool(value == field.default_factory())
    return bool(value == field.default)


def difference(meant: Any, read: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields in which `read` is not what was meant, encoded."""
    names = [field.name for field in fields(meant) if field.name not in skip]
    return {name: encode(getattr(meant, name)) for name in names if getattr(meant, name) != getattr(read, name)}


def applied(element: T, node: Node) -> T:
    """The element with the fields that the extension names. Errors: `FormatError` for anything that is not of the field's type."""
    hints = get_type_hints(type(element))
    entries = {name: _decode(hints[name], entry) for name, entry in node.only(tuple(hints)).items()}
    return replace(cast(Any, element), **entries) if entries else element


def _decode(hint: Any, node: Node) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _decode_choice(get_args(hint), node)
    if origin is tuple:
        return tuple(_decode(get_args(hint)[0], item) for item in node.elements())
    if origin is not None and issubclass(origin, Mapping):
        return {key: _decode(get_args(hint)[1], entry) for key, entry in node.items()}
    if is_dataclass(hint):
        return _decode_record(hint, node)
    return _decode_plain(hint, node)


def _decode_choice(hints: tuple[Any, ...], node: Node) -> Any:
    if node.value is None and NoneType in hints:
        return None
    if bool in hints:
        return node.scalar()
    return _decode_plain(str if str in hints else float if float in hints else int, node)


def _decode_record(record: Any, node: Node) -> Any:
    hints = get_type_hints(record)
    entries = {name: _decode(hints[name], entry) for name, entry in node.only(tuple(hints)).items()}
    try:
        return record(**entries)
    except TypeError:
        raise node.error(f"{node.place} does not hold everything that a {record.__name__} needs") from None


def _decode_plain(hint: Any, node: Node) -> Any:
    if hint is Any:
        return node.value
    if hint is str:
        return node.required_text()
    if hint is bool:
        return node.flag(False)
    if hint is int:
        return node.integer(0)
    if hint is float:
        return node.number()
    try:
        return hint(node.required_text())
    except ValueError:
        raise node.error(f"{node.place} must be one of {', '.join(hint)}") from None
