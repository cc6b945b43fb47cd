"""A tree back to text: one spelling for each tree, with no more parentheses than needed.

`parse(print_expression(tree))` is the same tree again. The JavaScript translator writes its results with this.
"""

import re

from melanzana.graph.expressions.lexer import NAME_PATTERN
from melanzana.graph.expressions.parser import COMPARISON_LEVEL, LEVELS, LOOSEST, PRODUCT_LEVEL, WORDS
from melanzana.graph.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Field,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Node,
    Unary,
    Variable,
)

_BARE_NAME = re.compile(NAME_PATTERN)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONDITIONAL_LEVEL, _UNARY_LEVEL, _POSTFIX_LEVEL = LOOSEST - 1, PRODUCT_LEVEL + 1, PRODUCT_LEVEL + 2
_METHODS = frozenset({"startsWith", "endsWith", "contains"})


def print_expression(tree: Node) -> str:
    """The text of `tree`."""
    return _printed(tree, _CONDITIONAL_LEVEL)


def print_name(name: str) -> str:
    """A variable's or field's name as it is written: bare where that is possible, else in backquotes."""
    if _BARE_NAME.fullmatch(name) and name not in WORDS:
        return name
    return "`" + name.replace("`", "``") + "`"


def _printed(node: Node, level: int) -> str:
    """`node` where something of at least `level` must stand; in parentheses if it binds more loosely."""
    text, own_level = _spelled(node)
    return text if own_level >= level else f"({text})"


def _spelled(node: Node) -> tuple[str, int]:  # noqa: PLR0911 - one case for each kind of node
    match node:
        case Literal():
            return _literal(node.value)
        case Variable():
            return print_name(node.name), _POSTFIX_LEVEL
        case Unary():
            return node.operator + _signed(node), _UNARY_LEVEL
        case Logic():
            own = LEVELS[node.operator]
            return f" {node.operator} ".join(_printed(operand, own + 1) for operand in node.operands), own
        case Binary():
            return _binary(node)
        case Conditional():
            parts = (
                _printed(node.condition, LOOSEST),
                _printed(node.accepted, LOOSEST),
                _printed(node.rejected, _CONDITIONAL_LEVEL),
            )
            return f"{parts[0]} ? {parts[1]} : {parts[2]}", _CONDITIONAL_LEVEL
        case ListLiteral():
            return "[" + _separated(node.elements) + "]", _POSTFIX_LEVEL
        case Index():
            return f"{_printed(node.target, _POSTFIX_LEVEL)}[{print_expression(node.key)}]", _POSTFIX_LEVEL
        case Field():
            return f"{_printed(node.target, _POSTFIX_LEVEL)}.{print_name(node.name)}", _POSTFIX_LEVEL
        case Call():
            return _call(node), _POSTFIX_LEVEL


def _signed(node: Unary) -> str:
    """The operand of a sign. A number after '-' would become one literal with it, hence the parentheses."""
    operand = node.operand
    if node.operator == "-" and isinstance(operand, Literal):
        return f"({print_expression(operand)})"
    return _printed(operand, _UNARY_LEVEL)


def _binary(node: Binary) -> tuple[str, int]:
    own = LEVELS[node.operator]
    left = _printed(node.left, own + 1 if own == COMPARISON_LEVEL else own)
    return f"{left} {node.operator} {_printed(node.right, own + 1)}", own


def _call(node: Call) -> str:
    if node.function in _METHODS and len(node.arguments) > 1:
        receiver, *arguments = node.arguments
        return f"{_printed(receiver, _POSTFIX_LEVEL)}.{node.function}({_separated(tuple(arguments))})"
    return f"{node.function}({_separated(node.arguments)})"


def _separated(nodes: tuple[Node, ...]) -> str:
    return ", ".join(print_expression(node) for node in nodes)


def _literal(value: bool | int | float | str | None) -> tuple[str, int]:
    if value is None:
        return "null", _POSTFIX_LEVEL
    if isinstance(value, bool):
        return str(value).lower(), _POSTFIX_LEVEL
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"', _POSTFIX_LEVEL
    return repr(value), _UNARY_LEVEL  # 5.x would be read as a number


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() or character >= "\xa0" else f"\\u{ord(character):04x}"
