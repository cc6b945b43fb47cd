"""DAI parameters: everything is text there, typed by the parameter's type."""

import re
from collections.abc import Iterable
from typing import Any, TypeGuard

from melanzana.graph.formats.dai import words
from melanzana.graph.formats.dai.guards import typed_value, written_value
from melanzana.graph.formats.node import Node
from melanzana.graph.model import Order, Parameter, ParameterType, Range, Scalar

_BOUNDS = re.compile(r"\s*(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(?:\.\.|-)\s*(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*")


def unknown_fields(node: Node, known: Iterable[str]) -> dict[str, Any]:
    """The fields that nobody here reads: they go to `extras` and come back when the file is written again."""
    return {key: value for key, value in node.plain().items() if key not in known}


def read_parameters(node: Node) -> tuple[Parameter, ...]:
    """The parameters of an element, without the blank one that stands for none."""
    entries = [(index, entry) for index, entry in enumerate(node.elements(), 1) if not _is_blank(entry)]
    return tuple(_read_parameter(entry, index) for index, entry in entries)


def _is_blank(node: Node) -> bool:
    values = node.plain()
    return not values.get("name") and not values.get("type") and not values.get("ranges") and not values.get("initial")


def _read_parameter(node: Node, index: int) -> Parameter:
    word = node.get("type").text()
    kind = _kind(word)
    extras = unknown_fields(node, words.PARAMETER)
    if word not in words.PARAMETER_TYPES:
        extras["type"] = word
    if node.get("id").value not in (None, index):
        extras["id"] = node.get("id").value
    initial = _text(node.get("initial").value)
    ranges = _read_ranges(node.get("ranges"), kind)
    if ranges is None:
        extras["ranges"] = node.get("ranges").value
    value = _read_initial(initial, kind)
    if value is None and initial:
        extras["initial"] = initial
    return Parameter(
        name=node.get("name").required_text(),
        type=kind,
        initial=value,
        generated=node.get("random").text() == "Generated",
        ranges=ranges or (),
        id=node.get("parameterUuid").text(),
        extras=extras,
    )


def _kind(word: str) -> ParameterType:
    return words.PARAMETER_TYPES.get(word) or words.OTHER_PARAMETER_TYPES.get(word, ParameterType.TEXT)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _read_initial(text: str, kind: ParameterType) -> Scalar | None:
    if not text and kind is ParameterType.SET:
        return None
    return typed_value(text, kind)


def _read_ranges(node: Node, kind: ParameterType) -> tuple[Range, ...] | None:
    """None when one of them says something that is not known here."""
    found = [_read_range(entry, kind) for entry in node.elements()]
    return None if None in found else tuple(entry for entry in found if entry is not None)


def _read_range(node: Node, kind: ParameterType) -> Range | None:
    weight = typed_value(_text(node.get("weight").value) or "100", ParameterType.INTEGER)
    bins = typed_value(_text(node.get("numBins").value) or "0", ParameterType.INTEGER)
    if weight is None or bins is None or unknown_fields(node, ("values", "weight", "numBins", "distribution", words.EXTENSION)):
        return None
    more: dict[str, Any] = {
        "weight": weight,
        "bins": bins or None,
        "distribution": (node.get("distribution").text() or "Flat").casefold(),
        "order": Order.SEQUENTIAL if node.get(words.EXTENSION).value == {"order": Order.SEQUENTIAL} else Order.RANDOM,
    }
    values = node.get("values").value
    bounds = _BOUNDS.fullmatch(values) if isinstance(values, str) and kind in (ParameterType.INTEGER, ParameterType.REAL) else None
    if bounds:
        low, high = (typed_value(bound, kind) for bound in bounds.groups())
        return Range(low=low, high=high, **more) if _is_number(low) and _is_number(high) else None
    items = values if isinstance(values, list) else _text(values).split(",") if _text(values) else []
    typed = [typed_value(_text(item).strip(), kind) for item in items]
    found = tuple(value for value in typed if value is not None)
    return Range(values=found, **more) if len(found) == len(typed) else None


def _is_number(value: Scalar | None) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def write_parameters(parameters: tuple[Parameter, ...]) -> list[dict[str, Any]]:
    """The list that DAI has for them; for none, the one blank parameter."""
    return [write_parameter(parameter, index) for index, parameter in enumerate(parameters, 1)] or [dict(words.NO_PARAMETER)]


def write_parameter(parameter: Parameter, index: int) -> dict[str, Any]:
    """One parameter, as it stands in its element and, in full, in every snippet that uses it."""
    document: dict[str, Any] = {
        "id": index,
        "name": parameter.name,
        "type": words.PARAMETER_WORDS[parameter.type],
        "random": "Generated" if parameter.generated else "Non-generated",
        "ranges": [_write_range(entry) for entry in parameter.ranges],
        "initial": "" if parameter.initial is None else written_value(parameter.initial),
    }
    if parameter.id:
        document["parameterUuid"] = parameter.id
    return document | _kept(parameter)


def _kept(parameter: Parameter) -> dict[str, Any]:
    """Fields of the file that the parameter came from, as far as they do not contradict it now."""
    extras = parameter.extras
    kept = {key: value for key, value in extras.items() if key not in words.PARAMETER or key == "id"}
    word = extras.get("type")
    if isinstance(word, str) and word not in words.PARAMETER_TYPES and _kind(word) is parameter.type:
        kept["type"] = word
    if isinstance(extras.get("initial"), str) and parameter.initial is None:
        kept["initial"] = extras["initial"]
    if (
        isinstance(extras.get("ranges"), list)
        and not parameter.ranges
        and all(isinstance(entry, dict) for entry in extras["ranges"])
    ):
        kept["ranges"] = extras["ranges"]
    return kept


def _write_range(entry: Range) -> dict[str, Any]:
    values = ",".join(written_value(value) for value in entry.values)
    if entry.low is not None and entry.high is not None:
        values = f"{entry.low}..{entry.high}"
    document: dict[str, Any] = {"values": values, "weight": entry.weight}
    if entry.bins is not None:
        document["numBins"] = entry.bins
    document["distribution"] = entry.distribution.capitalize()
    if entry.order is not Order.RANDOM:
        document[words.EXTENSION] = {"order": str(entry.order)}
    return document
