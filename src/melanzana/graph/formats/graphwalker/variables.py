"""Variables of GraphWalker models: nobody declares them, so their types and first values follow from what is assigned.

In JavaScript a variable without a value is undefined, which guards take for false; here it starts as 0, false or an empty
text of its type.
"""

from collections.abc import Iterable, Mapping

from melanzana.errors import MelanzanaError
from melanzana.graph.expressions import STATE_VARIABLE, ExprType, compile_expression
from melanzana.graph.model import Assignment, Parameter, ParameterType, Scalar

_TYPES = {
    ExprType.INT: ParameterType.INTEGER,
    ExprType.FLOAT: ParameterType.REAL,
    ExprType.STRING: ParameterType.TEXT,
    ExprType.BOOL: ParameterType.BOOLEAN,
}
_FIRST: dict[ExprType, Scalar] = {ExprType.INT: 0, ExprType.FLOAT: 0.0, ExprType.STRING: "", ExprType.BOOL: False}


def infer_variables(
    initial: Iterable[Assignment], assignments: Iterable[Assignment]
) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """The variables, in order of their first assignment, and the names of those whose type cannot be told."""
    first = tuple(initial)
    everything = (*first, *assignments)
    names = tuple(dict.fromkeys(assignment.variable for assignment in everything))
    types = _infer_types(everything)
    values = _initial_values(first, types)
    known = tuple(
        Parameter(name=name, type=_TYPES[types[name]], initial=values.get(name, _FIRST[types[name]]))
        for name in names
        if name in types
    )
    return known, tuple(name for name in names if name not in types)


def _infer_types(assignments: tuple[Assignment, ...]) -> dict[str, ExprType]:
    """Repeated until nothing new is learned: `x = y` tells the type of x only once that of y is known."""
    types: dict[str, ExprType] = {}
    waiting = list(dict.fromkeys(assignments))
    while True:
        still = [assignment for assignment in waiting if not _learn(assignment, types)]
        if len(still) == len(waiting):
            break
        waiting = still
    for assignment in waiting:  # `x = x + 1` and nothing else: a number
        if assignment.variable not in types and _type_of(assignment.expression, types | {assignment.variable: ExprType.INT}):
            types[assignment.variable] = ExprType.INT
    for assignment in assignments:  # an integer that once gets a real number is one throughout
        if types.get(assignment.variable) == ExprType.INT and _type_of(assignment.expression, types) == ExprType.FLOAT:
            types[assignment.variable] = ExprType.FLOAT
    return types


def _learn(assignment: Assignment, types: dict[str, ExprType]) -> bool:
    found = _type_of(assignment.expression, types)
    if found is None:
        return False
    types.setdefault(assignment.variable, found)
    return True


def _type_of(expression: str, types: Mapping[str, ExprType]) -> ExprType | None:
    try:
        found = compile_expression(expression, {**types, STATE_VARIABLE: ExprType.STRING}).type
    except MelanzanaError:
        return None
    return found if found in _TYPES else None


def _initial_values(first: tuple[Assignment, ...], types: Mapping[str, ExprType]) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for assignment in first:
        if assignment.variable not in types:
            continue
        try:
            value = compile_expression(assignment.expression, types, types[assignment.variable]).evaluate(values)
        except MelanzanaError:
            continue
        if isinstance(value, bool | int | float | str):
            values[assignment.variable] = value
    return values
