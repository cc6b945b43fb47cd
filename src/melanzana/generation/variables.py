"""Which variables of a model have values to cover, into which bins these fall, and which action sees which of them.

Variables that count: sets and booleans, and every other that has ranges. A listed value is a bin of its own. A range of numbers is
cut into as many bins of equal width as the model says; where it says nothing, a range of up to `DEFAULT_BINS` whole numbers has a
bin for each of them, and any other has `DEFAULT_BINS`. A range with an open end is one bin. Length ranges of texts do not count.

`variable_coverage.py` counts with it, `runner/` reports with it: both must see the same variables at the same actions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from melanzana.generation.coverage import counted_actions
from melanzana.graph.model import Model, Parameter, ParameterType, Range, Value

DEFAULT_BINS = 10
#: More bins than this in one range count as this many.
MOST_BINS = 1_000

#: A bin of a variable: id of the state or action that declares it ("" for a global one), its name, the bin in words.
Bin = tuple[str, str, str]


@dataclass(frozen=True)
class Variable:
    """One variable with its bins. `bins` are in words: `member`, `true`, `1 to 10`."""

    place: str  #: id of the state or action that declares it; "" for a global one
    parameter: Parameter

    @property
    def name(self) -> str:
        """Its name."""
        return self.parameter.name

    @cached_property
    def bins(self) -> tuple[str, ...]:
        """All bins, in the order of the model."""
        return tuple(dict.fromkeys([*self._listed.values(), *(label for span in self._spans for label in span.labels)]))

    def bin_of(self, value: Value) -> str | None:
        """The bin that a value falls into; None when there is none."""
        if not isinstance(value, bool | int | float | str):
            return None
        if self.parameter.type is ParameterType.BOOLEAN:
            return self._listed.get(value) if isinstance(value, bool) else None
        listed = self._listed.get(value)
        if listed is not None or isinstance(value, str | bool):
            return listed
        return next((span.labels[number] for span in self._spans if (number := span.place(value)) is not None), None)

    @cached_property
    def _listed(self) -> Mapping[Value, str]:
        parameter = self.parameter
        values = [value for source in parameter.ranges for value in source.values]
        if parameter.type is ParameterType.BOOLEAN:
            return {value: _word(value) for value in values if isinstance(value, bool)} or {False: "false", True: "true"}
        if parameter.type in (ParameterType.SET, ParameterType.TEXT):
            return {_word(value): _word(value) for value in values}
        return {value: _word(value) for value in values}

    @cached_property
    def _spans(self) -> tuple["_Span", ...]:
        if self.parameter.type not in (ParameterType.INTEGER, ParameterType.REAL):
            return ()
        whole = self.parameter.type is ParameterType.INTEGER
        return tuple(_Span(source, whole) for source in self.parameter.ranges if not source.values)


class _Span:
    """A range of numbers, cut into bins of equal width."""

    def __init__(self, source: Range, whole: bool) -> None:
        low = -math.inf if source.low is None else source.low
        high = math.inf if source.high is None else source.high
        self._low, self._high = min(low, high), max(low, high)
        if whole:
            self._low, self._high = _up(self._low), _down(self._high)
        self._open = math.isinf(self._low) or math.isinf(self._high)
        self._whole = whole
        self._count = self._bins(source.bins)
        self.labels = tuple(self._label(number) for number in range(self._count))

    def place(self, value: int | float) -> int | None:
        """The number of the bin a value falls into."""
        if not self._low <= value <= self._high:
            return None
        if self._count == 1:
            return 0
        if self._whole:
            return (int(value) - int(self._low)) * self._count // self._size()
        part = (value - self._low) / (self._high - self._low) if math.isfinite(self._high - self._low) else 0.5
        return min(int(part * self._count), self._count - 1)

    def _size(self) -> int:
        """Of whole numbers: how many."""
        return int(self._high) - int(self._low) + 1

    def _bins(self, asked: int | None) -> int:
        if self._low > self._high:
            return 0
        if self._open or self._low == self._high:
            return 1
        wanted = min(max(asked or DEFAULT_BINS, 1), MOST_BINS)
        return min(wanted, self._size()) if self._whole else wanted

    def _label(self, number: int) -> str:
        if self._open:
            low, high = ("" if math.isinf(end) else f"{end:g}" for end in (self._low, self._high))
            return f"{low} and more" if low else f"{high} and less" if high else "any number"
        if self._whole:
            size, count = self._size(), self._count
            first = int(self._low) + -(-number * size // count)
            last = int(self._low) + -(-(number + 1) * size // count) - 1
            return str(first) if first == last else f"{first} to {last}"
        width = (self._high - self._low) / self._count
        return f"{self._low + number * width:.6g} to {self._low + (number + 1) * width:.6g}"


class Variables:
    """The variables of a model that have values to cover. `seen_by` tells for each action that counts which of them it sees."""

    def __init__(self, model: Model) -> None:
        everywhere = {p.name: Variable("", p) for p in model.parameters}
        counted = {action.id for action in counted_actions(model)}
        self.seen_by: dict[str, tuple[Variable, ...]] = {}
        inside = {state.id: everywhere | {p.name: Variable(state.id, p) for p in state.parameters} for state in model.states}
        for state, action in model.actions():
            if action.id not in counted:
                continue
            scope = everywhere if state is None else inside[state.id]
            if action.parameters:
                scope = scope | {p.name: Variable(action.id, p) for p in action.parameters}
            self.seen_by[action.id] = tuple(variable for variable in scope.values() if variable.bins)

    @cached_property
    def all(self) -> tuple[Variable, ...]:
        """Every variable that some action sees, global ones first."""
        found = {(v.place, v.name): v for variables in self._groups for v in variables}
        return tuple(sorted(found.values(), key=lambda variable: variable.place != ""))

    def pairs(self) -> tuple[tuple[Variable, Variable], ...]:
        """The pairs of variables that some action sees together."""
        found = {((a.place, a.name), (b.place, b.name)): (a, b) for group in self._groups for a, b in combinations(group, 2)}
        return tuple(found.values())

    @cached_property
    def _groups(self) -> tuple[tuple[Variable, ...], ...]:
        return tuple({tuple((v.place, v.name) for v in group): group for group in self.seen_by.values()}.values())


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _up(number: float) -> float:
    return number if math.isinf(number) else math.ceil(number)


def _down(number: float) -> float:
    return number if math.isinf(number) else math.floor(number)
