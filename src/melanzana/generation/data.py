"""What a variable can hold, which value it starts with, and how a generated one is drawn.

`scopes.py` keeps one `Domain` for every parameter of a model. Values come from four places: the model (initial values), the walk's
random numbers, assignments, and from outside: snippet outputs, test cases and the caller of a run. Those from outside are never
bent to fit: an integer takes 3 and 3.0, not "3" and not true. Text that a person typed is converted by `coerce_text`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from melanzana.errors import EvaluationError, InvalidModelError, RequestError
from melanzana.generation.prng import Prng
from melanzana.generation.sampling import Decks, cut, deal, draw_index, draw_part, next_in_order
from melanzana.generation.variables import MOST_BINS, Variable
from melanzana.graph.limits import INTEGER_MAX, INTEGER_MIN
from melanzana.graph.model import Model, Order, Parameter, ParameterType, Range, Scalar, Value

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
#: Characters of a value quoted in a message.
_SHOWN = 60


class Domain:
    """The values of one parameter: what it can hold, where it starts, how it is drawn."""

    __slots__ = ("_listed", "_spans", "bounded", "first", "generated", "name", "parameter", "type")

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.name = parameter.name
        self.type = parameter.type
        self.generated = parameter.generated
        is_set = parameter.type is ParameterType.SET
        #: Can an assignment leave the bounds? A set is bounded by its values even when it is generated.
        self.bounded = is_set or (bool(parameter.ranges) and not parameter.generated)
        self._listed = frozenset(self._model_value(value) for source in parameter.ranges for value in source.values)
        self._spans = tuple((_low(r), _high(r)) for r in parameter.ranges if not r.values and not is_set)
        self.first = self._first()

    def convert(self, value: Any) -> Scalar:
        """`value` as this variable keeps it. Errors: `EvaluationError` when it cannot be held; bounds are not looked at."""
        held: Scalar | None
        match self.type:
            case ParameterType.INTEGER:
                held = _integer(value)
            case ParameterType.REAL:
                held = _real(value)
            case ParameterType.BOOLEAN:
                held = value if isinstance(value, bool) else None
            case _:
                held = value if isinstance(value, str) else None
        if held is None:
            raise EvaluationError(
                f"variable '{self.name}' is of type {self.type} and cannot hold {_shown(value)}", variable=self.name
            )
        return held

    def admits(self, value: Scalar) -> bool:
        """Is a converted value within the bounds?"""
        if not self.bounded or value in self._listed:
            return True
        measure = len(value) if isinstance(value, str) else value
        return any(low <= measure <= high for low, high in self._spans)

    def bounds(self) -> str:
        """The bounds in words, for messages."""
        listed = [_shown(value) for source in self.parameter.ranges for value in source.values]
        spans = [f"{low} to {high}" for low, high in self._spans]
        return " or ".join(([f"one of {', '.join(listed)}"] if listed else []) + spans) or "nothing: the set lists no values"

    def accept(self, value: Any) -> Scalar:
        """`value` from outside, converted and within the bounds. Errors: `EvaluationError`."""
        held = self.convert(value)
        if not self.admits(held):
            raise EvaluationError(f"{_shown(value)} is outside the bounds of '{self.name}': {self.bounds()}", variable=self.name)
        return held

    def draw(self, prng: Prng, decks: Decks | None = None, place: object = None) -> Scalar:
        """A generated value: a source is chosen by its weight, then one of its values by its distribution.

        `decks` remembers, for this variable in `place`, which bins were dealt and which value is next; without it each draw
        stands for itself.
        """
        ranges = self.parameter.ranges
        if not ranges:
            return prng.below(2) == 1 if self.type is ParameterType.BOOLEAN else self.first
        weights = [max(source.weight, 0) for source in ranges]
        chosen = prng.weighted(weights if any(weights) else [1] * len(weights))
        source, key = ranges[chosen], (place, self.name, chosen)
        if not source.values:
            return self._draw_between(source, prng, {} if decks is None else decks, key)
        size = len(source.values)
        if source.order is Order.SEQUENTIAL and decks is not None:
            return self._model_value(source.values[next_in_order(size, key, decks)])
        return self._model_value(source.values[draw_index(size, source.distribution, prng)])

    def drawable(self, most: int) -> tuple[Scalar, ...] | None:
        """Every value that `draw` may give, each once; None when these are more than `most`, or are not counted."""
        ranges = [source for source in self.parameter.ranges if source.weight > 0] or self.parameter.ranges
        if not ranges:
            return (False, True) if self.type is ParameterType.BOOLEAN else (self.first,)
        found: dict[Scalar, None] = {}
        for source in ranges:
            values = self._drawable_from(source, most)
            found |= dict.fromkeys(values or ())
            if values is None or len(found) > most:
                return None
        return tuple(found)

    def _drawable_from(self, source: Range, most: int) -> Sequence[Scalar] | None:
        if source.values:
            return [self._model_value(value) for value in source.values]
        if self.type is ParameterType.BOOLEAN:
            return (False, True)
        if self.type is not ParameterType.INTEGER:
            return None
        first, last = _whole(*sorted((_low(source), _high(source))))
        return range(first, last + 1) if last - first < most else None

    def _draw_between(self, source: Range, prng: Prng, decks: Decks, key: tuple[object, ...]) -> Scalar:
        low, high = sorted((_low(source), _high(source)))
        match self.type:
            case ParameterType.INTEGER:
                first, last = _whole(low, high)
                return first + _drawn_index(last - first + 1, source, prng, decks, key)
            case ParameterType.REAL:
                low, high = _finite(low, high)
                part = _drawn_part(source, prng, decks, key)
                return min(max(low * (1.0 - part) + high * part, low), high)
            case ParameterType.BOOLEAN:
                return prng.below(2) == 1
            case _:
                first, last = _whole(max(low, 0), min(max(high, 0), 10_000))
                return "".join(_LETTERS[prng.below(26)] for _ in range(first + prng.below(last - first + 1)))

    def _first(self) -> Scalar:
        if self.parameter.initial is not None:
            return self._model_value(self.parameter.initial)
        for source in self.parameter.ranges:
            if source.values:
                return self._model_value(source.values[0])
        return self._zero()

    def _zero(self) -> Scalar:
        low, high = self._spans[0] if self._spans else (-math.inf, math.inf)
        match self.type:
            case ParameterType.INTEGER:
                first, last = _whole(low, high)
                return min(max(0, first), last)
            case ParameterType.REAL:
                return float(min(max(0.0, low), high))
            case ParameterType.BOOLEAN:
                return False
            case _:
                return ""

    def _model_value(self, value: Scalar) -> Scalar:
        if self.type in (ParameterType.SET, ParameterType.TEXT) and not isinstance(value, str):
            return str(value).lower() if isinstance(value, bool) else str(value)
        try:
            return self.convert(value)
        except EvaluationError as error:
            raise InvalidModelError(error.message, variable=self.name) from None


def coerce_text(parameter: Parameter, text: str) -> Scalar:
    """What a person meant who typed `text` for this parameter on a command line or in a text field.

    Errors: `RequestError` naming the parameter. Bounds are not looked at here; the walk does that.
    """
    try:
        match parameter.type:
            case ParameterType.INTEGER:
                return int(text.strip())
            case ParameterType.REAL:
                return float(text.strip())
            case ParameterType.BOOLEAN:
                return _truth(text.strip().casefold())
            case _:
                return text
    except ValueError:
        words = {"integer": "a whole number", "real": "a number", "boolean": "true or false"}[parameter.type]
        message = f"parameter '{parameter.name}' needs {words}, not {_shown(text)}"
        raise RequestError(message, field=f"parameters.{parameter.name}") from None


def coerce_overrides(model: Model, texts: Mapping[str, str]) -> dict[str, Scalar]:
    """Typed overrides from `name=text` pairs.

    Errors: `RequestError` for a name the model does not declare or a text without meaning.
    """
    declared = parameters_by_name(model)
    overrides = {}
    for name, text in texts.items():
        if name not in declared:
            raise unknown_parameter(name, declared)
        overrides[name] = coerce_text(declared[name], text)
    return overrides


def parameters_by_name(model: Model) -> dict[str, Parameter]:
    """Every parameter by name; of several with one name the global one, else the first in document order."""
    found: dict[str, Parameter] = {}
    for group in (
        model.parameters,
        *(state.parameters for state in model.states),
        *(action.parameters for _, action in model.actions()),
    ):
        for parameter in group:
            found.setdefault(parameter.name, parameter)
    return found


def unknown_parameter(name: str, declared: Mapping[str, Any]) -> RequestError:
    """The answer to an override of a variable that the model does not have."""
    names = ", ".join(sorted(declared)) or "none"
    return RequestError(f"the model has no parameter '{name}'; it has: {names}", field=f"parameters.{name}")


def bin_of(domain: Domain, value: Value) -> str | None:
    """The bin that a value of this variable falls into, in the words of `variables.Variable.bins`; None when there is none."""
    return Variable("", domain.parameter).bin_of(value)


def _dealt_bins(source: Range) -> int:
    """Into how many bins a source is dealt; 1 where its values are drawn straight from the distribution."""
    return min(source.bins or 1, MOST_BINS) if source.distribution == "flat" else 1


def _drawn_index(size: int, source: Range, prng: Prng, decks: Decks, key: tuple[object, ...]) -> int:
    bins = min(_dealt_bins(source), size)
    if bins == 1:
        return draw_index(size, source.distribution, prng)
    first, end = cut(size, bins, deal(bins, key, decks, prng))
    return first + prng.below(end - first)


def _drawn_part(source: Range, prng: Prng, decks: Decks, key: tuple[object, ...]) -> float:
    bins = _dealt_bins(source)
    if bins == 1:
        return draw_part(source.distribution, prng)
    return (deal(bins, key, decks, prng) + draw_part("flat", prng)) / bins


def _low(source: Range) -> float:
    return -math.inf if source.low is None else source.low


def _high(source: Range) -> float:
    return math.inf if source.high is None else source.high


def _whole(low: float, high: float) -> tuple[int, int]:
    """The whole numbers of a span; an open side ends where 64 bits end."""
    first = math.ceil(max(low, INTEGER_MIN))
    last = math.floor(min(high, INTEGER_MAX))
    return first, max(first, last)


def _finite(low: float, high: float) -> tuple[float, float]:
    """A span to draw from; an open side ends 1.0 from the other one (or at 0)."""
    if low == -math.inf:
        low = 0.0 if high == math.inf else high - 1.0
    return low, low + 1.0 if high == math.inf else high


def _integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    return None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _truth(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
