"""What compiled expressions call: total functions over plain values.

Each function accepts any Python object and either returns a plain value or raises `EvaluationError`; nothing here loops over more
than the budgets allow. `at` is always the position in the text. The compiler binds these functions into the namespace of the code
it makes (`NAMESPACE`) under their own names; expressions themselves can name none of them.
"""

import operator
from collections.abc import Callable
from types import NoneType
from typing import Any, NoReturn

from melanzana.errors import EvaluationError
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, INT_MIN, MAX_COMPARED, MAX_STRING
from melanzana.graph.model import Value

_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string", NoneType: "null", list: "list", dict: "map"}
_NUMBERS = frozenset({"int", "float"})


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


def overflow(at: int) -> NoReturn:
    """The result of an operation on ints does not fit."""
    raise EvaluationError("integer overflow: the result does not fit in 64 bits", position=at)


def not_finite(at: int) -> NoReturn:
    """The result of an operation on floats is infinite or not a number."""
    raise EvaluationError("the result is too large for a float", position=at)


def boolean(value: Any, at: int) -> bool:
    """`value`, which must be a bool."""
    if value is True or value is False:
        return value
    raise EvaluationError(f"a bool is expected here and this is of type {kind(value, at)}", position=at)


def _int(value: int, at: int) -> int:
    return value if INT_MIN <= value <= INT_MAX else overflow(at)


def _float(value: float, at: int) -> float:
    return value if -FLOAT_MAX <= value <= FLOAT_MAX else not_finite(at)


def _undefined(sign: str, left: str, right: str, at: int) -> EvaluationError:
    hint = ": int and float do not mix" if {left, right} == _NUMBERS else ""
    return EvaluationError(f"{left} {sign} {right} is not defined{hint}", position=at)


def _arithmetic(sign: str, calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], Any]:
    def apply(left: Any, right: Any, at: int) -> Any:
        kinds = kind(left, at), kind(right, at)
        if kinds == ("int", "int"):
            return _int(calculate(left, right), at)
        if kinds == ("float", "float"):
            return _float(calculate(left, right), at)
        if kinds == ("string", "string") and sign == "+":
            return concatenate(left, right, at)
        raise _undefined(sign, *kinds, at)

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
        raise _undefined("/", *kinds, at)
    if right == 0:
        raise EvaluationError("division by zero", position=at)
    return _float(left / right, at) if kinds[0] == "float" else _int(_quotient(left, right), at)


def remainder(left: Any, right: Any, at: int) -> int:
    """`%` of ints; has the sign of the left side. The smallest int % -1 overflows, as its division does."""
    kinds = kind(left, at), kind(right, at)
    if kinds != ("int", "int"):
        raise _undefined("%", *kinds, at)
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
        elif kinds[0] == kinds[1] or _NUMBERS.issuperset(kinds):
            alike = a == b
        else:
            raise _undefined(sign, *kinds, budget.at)
        if not alike:
            return False
    return True


def _ordering(sign: str, decide: Callable[[Any, Any], bool]) -> Callable[[Any, Any, int], bool]:
    def apply(left: Any, right: Any, at: int) -> bool:
        kinds = kind(left, at), kind(right, at)
        if _NUMBERS.issuperset(kinds) or (kinds[0] == kinds[1] and kinds[0] in ("string", "bool")):
            return decide(left, right)
        raise _undefined(sign, *kinds, at)

    return apply


def member(item: Any, container: Any, at: int) -> bool:
    """`item in container`. An element that cannot be compared with `item` is an error unless another one equals it."""
    kinds = kind(item, at), kind(container, at)
    if kinds == ("string", "map"):
        return item in container
    if kinds[1] != "list":
        raise _undefined("in", *kinds, at)
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


def element(target: Any, key: Any, at: int) -> Any:
    """`target[key]`: lists from 0, maps by string."""
    kinds = kind(target, at), kind(key, at)
    if kinds == ("list", "int"):
        if 0 <= key < len(target):
            return target[key]
        raise EvaluationError(f"there is no element {key}: the list has {len(target)}, counted from 0", position=at)
    if kinds == ("map", "string"):
        if key in target:
            return target[key]
        raise EvaluationError(f"there is no field {key[:64]!r} in the map", position=at)
    if kinds[0] in ("list", "map"):
        raise EvaluationError(f"a {kinds[0]} cannot be indexed by a value of type {kinds[1]}", position=at)
    raise EvaluationError(f"a value of type {kinds[0]} has no elements or fields", position=at)


def listing(at: int, *elements: Any) -> list[Any]:
    """`[…]` with elements checked."""
    return [plain(value, at) for value in elements]


def size(value: Any, at: int) -> int:
    """Characters of a string, elements of a list, entries of a map."""
    if kind(value, at) in ("string", "list", "map"):
        return len(value)
    raise EvaluationError(f"size takes a string, a list or a map, not a value of type {kind(value, at)}", position=at)


def _of_strings(name: str, decide: Callable[[str, str], bool]) -> Callable[[Any, Any, int], bool]:
    def apply(text: Any, part: Any, at: int) -> bool:
        if type(text) is str and type(part) is str:
            return decide(text, part)
        raise EvaluationError(f"{name} takes two strings, not {kind(text, at)} and {kind(part, at)}", position=at)

    return apply


def _of_numbers(name: str, choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], Any]:
    def apply(left: Any, right: Any, at: int) -> Any:
        kinds = kind(left, at), kind(right, at)
        if kinds[0] == kinds[1] and kinds[0] in _NUMBERS:
            return choose(left, right)
        raise EvaluationError(f"{name} takes two numbers of one type, not {kinds[0]} and {kinds[1]}", position=at)

    return apply


#: Operators whose operands the compiler leaves to the run time.
OPERATORS: dict[str, Callable[[Any, Any, int], Any]] = {
    "+": _arithmetic("+", operator.add),
    "-": _arithmetic("-", operator.sub),
    "*": _arithmetic("*", operator.mul),
    "/": divide,
    "%": remainder,
    "==": equal,
    "!=": unequal,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
    "in": member,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": size,
    "startsWith": _of_strings("startsWith", str.startswith),
    "endsWith": _of_strings("endsWith", str.endswith),
    "contains": _of_strings("contains", operator.contains),
    "min": _of_numbers("min", min),
    "max": _of_numbers("max", max),
}
#: Everything that compiled code can reach.
NAMESPACE: dict[str, Any] = {
    "__builtins__": {},
    "type": type,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "NoneType": NoneType,
    **{
        helper.__name__: helper
        for helper in (boolean, concatenate, element, listing, negate, not_finite, overflow, plain, unexpected)
    },
    **{f"operator {sign}": function for sign, function in OPERATORS.items()},
    **{f"function {name}": function for name, function in FUNCTIONS.items()},
}
