"""Everything that compiled expressions can call: total functions over plain values.

Each function accepts any Python object and either returns a plain value or raises `EvaluationError`; nothing loops over more than
the budgets allow. `at` is always the position in the text. The compiler makes code over `NAMESPACE`; expressions themselves can
name none of what is in it.
"""

import operator
from collections.abc import Callable
from types import NoneType
from typing import Any

from melanzana.errors import EvaluationError
from melanzana.graph.expressions.arithmetic import (
    arithmetic,
    concatenate,
    divide,
    negate,
    not_finite,
    of_numbers,
    overflow,
    remainder,
)
from melanzana.graph.expressions.comparison import equal, member, ordering, unequal
from melanzana.graph.expressions.values import boolean, kind, plain, unexpected


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


#: Operators whose operands the compiler leaves to the run time.
OPERATORS: dict[str, Callable[[Any, Any, int], Any]] = {
    "+": arithmetic("+", operator.add),
    "-": arithmetic("-", operator.sub),
    "*": arithmetic("*", operator.mul),
    "/": divide,
    "%": remainder,
    "==": equal,
    "!=": unequal,
    "<": ordering("<", operator.lt),
    "<=": ordering("<=", operator.le),
    ">": ordering(">", operator.gt),
    ">=": ordering(">=", operator.ge),
    "in": member,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": size,
    "startsWith": _of_strings("startsWith", str.startswith),
    "endsWith": _of_strings("endsWith", str.endswith),
    "contains": _of_strings("contains", operator.contains),
    "min": of_numbers("min", min),
    "max": of_numbers("max", max),
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
