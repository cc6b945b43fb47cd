"""Variables of the text format; the model, its states and its actions declare them alike."""

from typing import Any

from melanzana.errors import FormatError
from melanzana.graph.formats import keys
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.plain import read_extras, write_extras
from melanzana.graph.model import Parameter, ParameterType, Range, Scalar

_TYPES = tuple(ParameterType)
_FOREIGN_TYPES = {
    "int": ParameterType.INTEGER,
    "long": ParameterType.INTEGER,
    "float": ParameterType.REAL,
    "double": ParameterType.REAL,
    "number": ParameterType.REAL,
    "decimal": ParameterType.REAL,
    "string": ParameterType.TEXT,
    "str": ParameterType.TEXT,
    "bool": ParameterType.BOOLEAN,
    "enum": ParameterType.SET,
    "choice": ParameterType.SET,
}


def read_variables(node: Node) -> tuple[Parameter, ...]:
    """The entries of `variables:`."""
    return tuple(_read_variable(name, entry) for name, entry in node.items())


def _read_variable(name: str, node: Node) -> Parameter:
    if isinstance(node.value, str):
        return Parameter(name=name, type=_read_type(node))
    node.only(keys.VARIABLE)
    kind = _read_type(node.get("type"))
    initial = node.get("initial")
    return Parameter(
        name=name,
        type=kind,
        initial=None if initial.value is None else _read_value(initial, kind),
        generated=node.get("generated").flag(False),
        ranges=_read_ranges(node, kind),
        id=node.get("id").text(),
        extras=read_extras(node),
    )


def _read_type(node: Node) -> ParameterType:
    if isinstance(node.value, str) and node.value in _TYPES:
        return ParameterType(node.value)
    words = f"one of {', '.join(_TYPES)}"
    if not isinstance(node.value, str):
        raise node.wanted(words) if node.value is not None else node.error(f"the variable needs a `type`: {words}")
    suggestion = _FOREIGN_TYPES.get(node.value.casefold()) or closest(node.value, _TYPES)
    raise node.error(f"unknown type `{node.value[:40]}`: write {words}", suggestion)


def _read_value(node: Node, kind: ParameterType) -> Scalar:
    match kind:
        case ParameterType.INTEGER:
            return node.integer(0)
        case ParameterType.REAL:
            return float(node.number())
        case ParameterType.BOOLEAN:
            return node.flag(False)
        case _:
            return node.required_text()


def _read_ranges(node: Node, kind: ParameterType) -> tuple[Range, ...]:
    brief = [key for key in ("values", "range", "ranges") if node.get(key).value is not None]
    if len(brief) > 1:
        raise node.error(f"write either `{brief[0]}` or `{brief[1]}`; several sources of values go into `ranges`")
    if brief == ["ranges"]:
        return tuple(_read_range(entry.only(keys.RANGE), kind) for entry in node.get("ranges").elements())
    return (_read_range(node, kind),) if brief else ()


def _read_range(node: Node, kind: ParameterType) -> Range:
    low, high = _read_bounds(node.get("range"))
    bins = node.get("bins")
    return Range(
        values=tuple(_read_value(value, kind) for value in node.get("values").elements()),
        low=low,
        high=high,
        weight=node.get("weight").integer(100),
        bins=None if bins.value is None else bins.integer(0),
        distribution=node.get("distribution").text() or "flat",
    )


def _read_bounds(node: Node) -> tuple[int | float | None, int | float | None]:
    if node.value is None:
        return None, None
    bounds = node.elements()
    if len(bounds) != 2:
        raise node.error("`range` is a pair: [lowest, highest]; null leaves a side open")
    low, high = (None if bound.value is None else bound.number() for bound in bounds)
    return low, high


def write_variables(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The entries of `variables:`. Errors: `FormatError` when two share a name, which a map cannot hold."""
    document = {parameter.name: _write_variable(parameter) for parameter in parameters}
    if len(document) < len(parameters):
        raise FormatError("two variables of one scope have the same name: rename one of them")
    return document


def _write_variable(parameter: Parameter) -> dict[str, Any]:
    kind = parameter.type
    document: dict[str, Any] = {"type": str(kind)}
    if parameter.id:
        document["id"] = parameter.id
    if parameter.initial is not None:
        document["initial"] = _write_value(parameter.initial, kind)
    if parameter.generated:
        document["generated"] = True
    document |= _write_ranges(parameter.ranges, kind)
    return document | write_extras(parameter.extras)


def _write_value(value: Scalar, kind: ParameterType) -> Scalar:
    return float(value) if kind is ParameterType.REAL and isinstance(value, int) and not isinstance(value, bool) else value


def _write_ranges(ranges: tuple[Range, ...], kind: ParameterType) -> dict[str, Any]:
    entries = [_write_range(entry, kind) for entry in ranges]
    if len(entries) == 1 and entries[0].keys() in ({"values"}, {"range"}):
        return entries[0]
    return {"ranges": entries} if entries else {}


def _write_range(entry: Range, kind: ParameterType) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if entry.values:
        document["values"] = [_write_value(value, kind) for value in entry.values]
    if entry.low is not None or entry.high is not None:
        document["range"] = [entry.low, entry.high]
    if entry.weight != 100:
        document["weight"] = entry.weight
    if entry.bins is not None:
        document["bins"] = entry.bins
    if entry.distribution != "flat":
        document["distribution"] = entry.distribution
    return document
