"""Variables of the text format; the model, its states and its actions declare them alike."""

from dataclasses import replace
from itertools import pairwise
from math import gcd, lcm
from typing import Any

from melanzana.errors import FormatError
from melanzana.graph.formats import keys
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.plain import read_extras, write_extras
from melanzana.graph.model import Order, Parameter, ParameterType, Range, Scalar

#: Of a distribution that is a list of weights: how many, and how large.
MAX_SHARES, MAX_SHARE = 100, 10_000

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
    more = next((key for key in ("bins", "distribution", "order") if node.get(key).value is not None), None)
    if more and brief in ([], ["ranges"]):
        raise node.get(more).error(f"`{more}` belongs to a source of values: write it beside `range` or `values`")
    if brief == ["ranges"]:
        return _spread([_read_source(entry.only(keys.RANGE), kind) for entry in node.get("ranges").elements()], kind)
    return _spread([_read_source(node, kind)], kind) if brief else ()


#: A source, and the relative weights of its equal parts when its distribution is a list of these.
_Source = tuple[Range, tuple[int, ...]]


def _spread(sources: list[_Source], kind: ParameterType) -> tuple[Range, ...]:
    """The sources with every list of weights as ranges of these weights; sources keep the share that they have of all draws."""
    sums = [sum(shares) for _, shares in sources if shares]
    if not sums:
        return tuple(source for source, _ in sources)
    whole = lcm(*sums)
    weighed = [
        (part, source.weight * whole // (sum(shares) or 1) * share)
        for source, shares in sources
        for part, share in zip(_parts(source, len(shares), kind), shares or (1,), strict=True)
    ]
    divisor = gcd(*(weight for _, weight in weighed)) or 1
    return tuple(replace(part, weight=weight // divisor) for part, weight in weighed)


def _parts(source: Range, count: int, kind: ParameterType) -> list[Range]:
    """A range in `count` equal parts; each is one bin."""
    low, high = source.low, source.high
    if count == 0 or low is None or high is None:
        return [source]
    if kind is ParameterType.INTEGER:
        low, high = int(low), int(high)
        ends = [low - (-number * (high - low + 1) // count) for number in range(count + 1)]
        return [replace(source, low=first, high=after - 1, bins=1) for first, after in pairwise(ends)]
    points = [low, *(low + (high - low) * number / count for number in range(1, count)), high]
    return [replace(source, low=first, high=last, bins=1) for first, last in pairwise(points)]


def _read_source(node: Node, kind: ParameterType) -> _Source:
    low, high = _read_bounds(node.get("range"))
    bins, values = node.get("bins"), node.get("values")
    if isinstance(values.value, dict):
        message = "values from a file are read where the model lies in a folder: `melanzana convert` writes them into the model"
        raise values.error(message)
    name, shares = _read_distribution(node.get("distribution"))
    source = Range(
        values=tuple(_read_value(value, kind) for value in values.elements()),
        low=low,
        high=high,
        weight=node.get("weight").integer(100),
        bins=None if bins.value is None else bins.integer(0),
        distribution=name,
        order=_read_order(node.get("order"), values),
    )
    if shares:
        _require_parts(node.get("distribution"), source, kind, len(shares))
    return source, shares


def _read_distribution(node: Node) -> tuple[str, tuple[int, ...]]:
    """The name of a distribution, or the weights of equal parts of the range."""
    if not isinstance(node.value, list):
        return node.text() or "flat", ()
    shares = tuple(entry.integer(0) for entry in node.elements())
    if not 1 <= len(shares) <= MAX_SHARES or not all(0 <= share <= MAX_SHARE for share in shares) or not any(shares):
        raise node.error(f"a distribution by weights lists 1 to {MAX_SHARES} numbers from 0 to {MAX_SHARE}, not all 0")
    return "flat", shares


def _require_parts(node: Node, source: Range, kind: ParameterType, count: int) -> None:
    low, high = source.low, source.high
    if kind not in (ParameterType.INTEGER, ParameterType.REAL) or low is None or high is None or low > high:
        raise node.error("a distribution by weights needs a `range` of numbers with both ends")
    if source.bins not in (None, count):
        raise node.error(f"a distribution of {count} weights cuts the range into {count} bins: leave `bins` out")
    if kind is ParameterType.INTEGER and (not isinstance(low, int) or not isinstance(high, int) or high - low + 1 < count):
        raise node.error(f"the range has fewer whole numbers than the {count} weights of its distribution")


def _read_order(node: Node, values: Node) -> Order:
    if node.value is None:
        return Order.RANDOM
    word = node.required_text()
    if word not in set(Order):
        raise node.error(f"`order` is {' or '.join(Order)}", closest(word, Order))
    if values.value is None:
        raise node.error("`order` belongs to listed values: write it beside `values`")
    return Order(word)


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
    if entry.order is not Order.RANDOM:
        document["order"] = str(entry.order)
    return document
