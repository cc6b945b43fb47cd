"""The simplest value a variable can be given, and simpler ones on the way there: as QuickCheck and Hypothesis count it.

False before true, the first of a set, the number nearest to 0, the shortest text.
"""

from collections.abc import Iterator, Sequence

from melanzana.generation.data import Domain
from melanzana.graph.model import ParameterType, Range, Scalar

#: Values tried between a value and the simplest one.
_STEPS = 6


def simplest(domain: Domain) -> Scalar:
    """Of all values that may be drawn."""
    sources = _sources(domain)
    if domain.type is ParameterType.BOOLEAN:
        return False
    listed = [value for source in sources for value in source.values]
    if domain.type in (ParameterType.SET, ParameterType.TEXT):
        if listed:
            return str(listed[0])
        lengths = [max(int(source.low or 0), 0) for source in sources]
        return "a" * min(lengths, default=0)
    numbers = [value for value in listed if isinstance(value, int | float)]
    numbers += [_nearest(source) for source in sources if not source.values]
    found = min(numbers, key=lambda value: (abs(value), value < 0), default=0)
    return domain.convert(int(found) if domain.type is ParameterType.INTEGER else float(found))


def simpler(domain: Domain, value: Scalar) -> Iterator[Scalar]:
    """Simpler values than `value`, the simplest first; each of them may be drawn."""
    goal = simplest(domain)
    if value == goal:
        return
    yield goal
    if domain.type in (ParameterType.SET, ParameterType.TEXT):
        yield from _simpler_text(domain, str(value))
    elif domain.type is not ParameterType.BOOLEAN:
        yield from _between(domain, goal, value)


def _simpler_text(domain: Domain, value: str) -> Iterator[Scalar]:
    listed = [str(item) for source in _sources(domain) for item in source.values]
    if listed:
        yield from listed[1 : listed.index(value)] if value in listed else listed[1:]
        return
    shortest = len(str(simplest(domain)))
    for size in dict.fromkeys((len(value) // 2, len(value) - 1)):
        if shortest <= size < len(value):
            yield value[:size]
    if value != "a" * len(value):
        yield "a" * len(value)


def _between(domain: Domain, goal: Scalar, value: Scalar) -> Iterator[Scalar]:
    """Halfway, three quarters of the way, … up to right before `value`."""
    assert isinstance(goal, int | float) and isinstance(value, int | float)
    whole = domain.type is ParameterType.INTEGER
    seen = {goal, value}
    if not whole and value != int(value):
        yield from _admitted(domain, [float(int(value))], seen)
    distance = value - goal
    candidates = []
    for _ in range(_STEPS):
        distance = int(distance / 2) if whole else distance / 2
        candidates.append(value - distance)
    if whole:
        candidates.append(value - (1 if value > goal else -1))
    yield from _admitted(domain, candidates, seen)


def _admitted(domain: Domain, values: Sequence[float], seen: set[float]) -> Iterator[Scalar]:
    for value in values:
        if value not in seen and any(_holds(source, value) for source in _sources(domain)):
            seen.add(value)
            yield domain.convert(value)


def _holds(source: Range, value: float) -> bool:
    if source.values:
        return value in source.values
    low = float("-inf") if source.low is None else source.low
    high = float("inf") if source.high is None else source.high
    return low <= value <= high


def _nearest(source: Range) -> float:
    low = float("-inf") if source.low is None else source.low
    high = float("inf") if source.high is None else source.high
    return min(max(0, low), high)


def _sources(domain: Domain) -> tuple[Range, ...]:
    ranges = domain.parameter.ranges
    return tuple(source for source in ranges if source.weight > 0) or ranges
