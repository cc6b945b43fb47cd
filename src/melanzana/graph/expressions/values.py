"""What a value is at run time: exact plain types, ints of 64 bits, finite floats.

Every function of the run time looks at its arguments through `kind` first, so no operator of a host object is ever called.
`at` is always the position in the text.
"""

from types import NoneType
from typing import Any

from melanzana.errors import EvaluationError
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, INT_MIN
from melanzana.graph.model import Value

_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string", NoneType: "null", list: "list", dict: "map"}
NUMBERS = frozenset({"int", "float"})


def kind(value: object, at: int) -> str:
    """The word for the type of `value`. Exact types only: subclasses, tuples and host objects are no values here."""
    word = _KINDS.get(type(value))
    if word is None:
        raise EvaluationError(f"a value of the Python type {type(value).__name__} cannot be used in an expression", position=at)
    if word == "int" and not INT_MIN <= value <= INT_MAX:  # type: ignore[operator]
        raise EvaluationError("an int does not fit in 64 bits", position=at)
    if word == "float" and not -FLOAT_MAX <= value <= FLOAT_MAX:  # type: ignore[operator]
        raise EvaluationError("a float is infinite or not a number", position=at)
    return word


def plain(value: Any, at: int) -> Value:
    """`value` itself, once it is known to be one that expressions work with."""
    kind(value, at)
    return value  # type: ignore[no-any-return]


def unexpected(value: Any, wanted: str, label: str, at: int) -> Any:
    """Called when `value` is not of its declared type: an int is widened where a float is wanted, all else is an error."""
    word = kind(value, at)
    if wanted == "float" and word == "int":
        return float(value)
    raise EvaluationError(f"{label} should be of type {wanted} and is of type {word}", position=at)


def boolean(value: Any, at: int) -> bool:
    """`value`, which must be a bool."""
    if value is True or value is False:
        return value
    raise EvaluationError(f"a bool is expected here and this is of type {kind(value, at)}", position=at)


def undefined(sign: str, left: str, right: str, at: int) -> EvaluationError:
    """The error for an operator between two kinds of values."""
    hint = ": int and float do not mix" if {left, right} == NUMBERS else ""
    return EvaluationError(f"{left} {sign} {right} is not defined{hint}", position=at)
