"""Preconditions of DAI actions and our guards: a list of comparisons that must all hold, and one expression."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import STATE_VARIABLE, parse, print_expression
from melanzana.graph.expressions.syntax import Binary, Literal, Logic, Variable
from melanzana.graph.formats.node import Node
from melanzana.graph.limits import INTEGER_MAX, INTEGER_MIN
from melanzana.graph.model import ParameterType, Scalar

CURRENT_STATE = "currentState"  #: their name of the variable `state`
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_SPELLINGS = {"=": "==", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
_KEYS = {"parameterName", "condition", "value"}


def read_guard(node: Node, types: Mapping[str, ParameterType]) -> str | None:
    """The guard that says what the preconditions say; of none, None. Errors: `FormatError` for an unknown operator."""
    terms = [_read_term(item, types) for item in node.elements()]
    if not terms:
        return None
    return print_expression(terms[0] if len(terms) == 1 else Logic("&&", tuple(terms)))


def _read_term(node: Node, types: Mapping[str, ParameterType]) -> Binary:
    name = node.get("parameterName").required_text()
    condition = node.get("condition")
    operator = "==" if condition.value is None else condition.required_text().strip()
    operator = _SPELLINGS.get(operator, operator)
    if operator not in _OPERATORS:
        raise condition.error(f"the condition {operator[:20]!r} is not known: it is one of {' '.join(_OPERATORS)}")
    variable = STATE_VARIABLE if name == CURRENT_STATE else name
    value = node.get("value").value
    return Binary(operator, Variable(variable), Literal(_read_value(value, types.get(variable, ParameterType.TEXT))))


def _read_value(value: Any, kind: ParameterType) -> Scalar:
    """Typed by the parameter; what does not fit its type stays text, and the rules report the comparison."""
    text = "" if value is None else str(value)
    typed = typed_value(text, kind)
    return text if typed is None else typed


def typed_value(text: str, kind: ParameterType) -> Scalar | None:
    """The value of the parameter's type that DAI writes as this text, if it is one."""
    return _TYPED[kind](text)


def written_value(value: Scalar) -> str:
    """A value as DAI writes it."""
    return str(value)


def _integer(text: str) -> int | None:
    try:
        value = int(text) if len(text) < 40 else INTEGER_MAX + 1
    except ValueError:
        return None
    return value if INTEGER_MIN <= value <= INTEGER_MAX else None


def _real(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().casefold())


_TYPED: dict[ParameterType, Callable[[str], Scalar | None]] = {
    ParameterType.INTEGER: _integer,
    ParameterType.REAL: _real,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.TEXT: str,
    ParameterType.SET: str,
}


def write_guard(guard: str | None) -> list[dict[str, Any]]:
    """The preconditions that say what the guard says; empty when preconditions cannot say it."""
    if guard is None:
        return []
    try:
        tree = parse(guard)
    except ExpressionError:
        return []
    terms = tree.operands if isinstance(tree, Logic) and tree.operator == "&&" else (tree,)
    written = [_write_term(term) for term in terms]
    return [term for term in written if term is not None] if all(written) else []


def _write_term(term: Any) -> dict[str, Any] | None:
    if not isinstance(term, Binary) or term.operator not in _OPERATORS:
        return None
    if not isinstance(term.left, Variable) or not isinstance(term.right, Literal) or term.right.value is None:
        return None
    name = CURRENT_STATE if term.left.name == STATE_VARIABLE else term.left.name
    return {"parameterName": name, "condition": term.operator, "value": written_value(term.right.value)}


def is_plain(node: Node) -> bool:
    """Do the preconditions hold nothing but what a guard holds?"""
    return all(
        isinstance(item.value, dict) and item.value.keys() == _KEYS and isinstance(item.value["value"], str)
        for item in node.elements()
    )
