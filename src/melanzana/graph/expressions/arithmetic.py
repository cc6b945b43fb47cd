"""Arithmetic at run time: checked 64-bit ints, finite floats, bounded strings. CEL's results, or an error.

The compiler writes `+ - *` of known types as native code and calls here for the rest, and when a result is out of range.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from melanzana.errors import EvaluationError
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, INT_MIN, MAX_STRING
from melanzana.graph.expressions.values import NUMBERS, kind, undefined


def overflow(at: int) -> NoReturn:
    """The result of an operation on ints does not fit."""
    raise EvaluationError("integer overflow: the result does not fit in 64 bits", position=at)


def not_finite(at: int) -> NoReturn:
    """The result of an operation on floats is infinite or not a number."""
    raise EvaluationError("the result is too large for a float", position=at)


def _int(value: int, at: int) -> int:
    return value if INT_MIN <= value <= INT_MAX else overflow(at)


def _float(value: float, at: int) -> float:
    return value if -FLOAT_MAX <= value <= FLOAT_MAX else not_finite(at)


def arithmetic(sign: str, calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], Any]:
    """The operator `sign` for values whose types are known only now: two ints, two floats, or for `+` two strings."""

    def apply(left: Any, right: Any, at: int) -> Any:
        kinds = kind(left, at), kind(right, at)
        if kinds == ("int", "int"):
            return _int(calculate(left, right), at)
        if kinds == ("float", "float"):
            return _float(calculate(left, right), at)
        if kinds == ("string", "string") and sign == "+":
            return concatenate(left, right, at)
        raise undefined(sign, *kinds, at)

    return apply


def concatenate(left: str, right: str, at: int) -> str:
    """Two strings joined, up to the budget."""
    if len(left) + len(right) > MAX_STRING:
        raise EvaluationError(f"the joined string is longer than {MAX_STRING:,} characters", position=at)
    return left + right


def divide(left: Any, right: Any, at: int) -> Any:
    """`/`; of ints it rounds toward zero."""
    kinds = kind(left, at), kind(right, at)
    if kinds not in (("int", "int"), ("float", "float")):
        raise undefined("/", *kinds, at)
    if right == 0:
        raise EvaluationError("division by zero", position=at)
    return _float(left / right, at) if kinds[0] == "float" else _int(_quotient(left, right), at)


def remainder(left: Any, right: Any, at: int) -> int:
    """`%` of ints; has the sign of the left side. The smallest int % -1 overflows, as its division does."""
    kinds = kind(left, at), kind(right, at)
    if kinds != ("int", "int"):
        raise undefined("%", *kinds, at)
    if right == 0:
        raise EvaluationError("division by zero", position=at)
    result: int = left - right * _int(_quotient(left, right), at)
    return result


def _quotient(left: int, right: int) -> int:
    size = abs(left) // abs(right)
    return -size if (left < 0) != (right < 0) else size


def negate(value: Any, at: int) -> Any:
    """`-value`."""
    word = kind(value, at)
    if word == "int":
        return _int(-value, at)
    if word == "float":
        return -value
    raise EvaluationError(f"only a number can have a minus sign, not a {word}", position=at)


def of_numbers(name: str, choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], Any]:
    """A function of two numbers of one type that gives one of them."""

    def apply(left: Any, right: Any, at: int) -> Any:
        kinds = kind(left, at), kind(right, at)
        if kinds[0] == kinds[1] and kinds[0] in NUMBERS:
            return choose(left, right)
        raise EvaluationError(f"{name} takes two numbers of one type, not {kinds[0]} and {kinds[1]}", position=at)

    return apply
