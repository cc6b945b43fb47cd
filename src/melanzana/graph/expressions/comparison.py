"""Equality, order and membership at run time. Values that cannot be compared are an error, not unequal.

Equality looks into lists and maps without recursion and within a budget, whatever the data are.
"""

from collections.abc import Callable
from typing import Any

from melanzana.errors import EvaluationError
from melanzana.graph.expressions.budgets import MAX_COMPARED
from melanzana.graph.expressions.values import NUMBERS, kind, undefined


class _Budget:
    """How many values one comparison may still look at."""

    __slots__ = ("at", "left")

    def __init__(self, at: int) -> None:
        self.at = at
        self.left = MAX_COMPARED

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise EvaluationError(f"more than {MAX_COMPARED:,} values to compare", position=self.at)


def equal(left: Any, right: Any, at: int) -> bool:
    """`==`: numbers by size, lists and maps by their content; null equals only null; different types are an error."""
    return _equal(left, right, "==", _Budget(at))


def unequal(left: Any, right: Any, at: int) -> bool:
    """`!=`."""
    return not _equal(left, right, "!=", _Budget(at))


def _equal(left: Any, right: Any, sign: str, budget: _Budget) -> bool:
    pairs = [(left, right)]
    while pairs:
        a, b = pairs.pop()
        budget.spend(1)
        kinds = kind(a, budget.at), kind(b, budget.at)
        if "null" in kinds:
            alike = a is b
        elif kinds == ("list", "list"):
            alike = len(a) == len(b)
            budget.spend(len(a))
            pairs.extend(reversed(list(zip(a, b, strict=alike))))
        elif kinds == ("map", "map"):
            budget.spend(len(a))
            alike = a.keys() == b.keys()
            pairs.extend((a[key], b[key]) for key in a if alike)
        elif kinds[0] == kinds[1] or NUMBERS.issuperset(kinds):
            alike = a == b
        else:
            raise undefined(sign, *kinds, budget.at)
        if not alike:
            return False
    return True


def ordering(sign: str, decide: Callable[[Any, Any], bool]) -> Callable[[Any, Any, int], bool]:
    """The operator `sign`, one of `< <= > >=`."""

    def apply(left: Any, right: Any, at: int) -> bool:
        kinds = kind(left, at), kind(right, at)
        if NUMBERS.issuperset(kinds) or (kinds[0] == kinds[1] and kinds[0] in ("string", "bool")):
            return decide(left, right)
        raise undefined(sign, *kinds, at)

    return apply


def member(item: Any, container: Any, at: int) -> bool:
    """`item in container`. An element that cannot be compared with `item` is an error unless another one equals it."""
    kinds = kind(item, at), kind(container, at)
    if kinds == ("string", "map"):
        return item in container
    if kinds[1] != "list":
        raise undefined("in", *kinds, at)
    budget = _Budget(at)
    mismatch: EvaluationError | None = None
    for element in container:
        try:
            if _equal(item, element, "==", budget):
                return True
        except EvaluationError as error:
            if budget.left < 0:
                raise
            mismatch = mismatch or error
    if mismatch is not None:
        raise mismatch
    return False
