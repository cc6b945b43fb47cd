"""Guards and assignments of ours as JavaScript, for files that GraphWalker and its relatives read.

The other direction is `javascript.py`, and what is written here reads back as the same tree. What JavaScript says otherwise (whole
division, names it cannot spell) is refused with a reason; the writers of `graph/formats/` list it as a loss.
"""

import json
import re
from collections.abc import Sequence

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.parser import parse
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
    levels,
    rebuilt,
)
from melanzana.graph.model import Assignment, Parameter, ParameterType, Scalar

_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_EMPTY: dict[ParameterType, Scalar] = {
    ParameterType.INTEGER: 0,
    ParameterType.REAL: 0.0,
    ParameterType.BOOLEAN: False,
    ParameterType.TEXT: "",
    ParameterType.SET: "",
}
_METHODS = {"startsWith": "startsWith", "endsWith": "endsWith", "contains": "includes"}
#: Words that cannot be the name of a variable there.
_WORDS = """
    break case catch class const continue debugger default delete do else enum export extends false finally for
    function global if import in instanceof let Math new null return super switch this throw true try typeof var
    void while with yield
"""
_TAKEN = frozenset(_WORDS.split())


def guard_to_javascript(text: str) -> str:
    """Errors: ExpressionError with the position in `text` of what JavaScript cannot say."""
    return _js(parse(text))


def assignments_to_javascript(assignments: Sequence[Assignment]) -> tuple[str, ...]:
    """Statements that, run one after the other, do what our assignments do together.

    Where a statement would read a variable that one before it has set, the old value is kept in a variable of its own.
    Errors: as `guard_to_javascript`.
    """
    trees = [(entry.variable, parse(entry.expression)) for entry in assignments]
    kept = _read_after_set(trees)
    before = [f"var {_old(name)} = {_name(name, 0)};" for name in kept]
    return (*before, *(f"{_name(name, 0)} = {_js(_with_old(tree, kept))};" for name, tree in trees))


def first_value(parameter: Parameter) -> Scalar:
    """What a variable holds before the first step; formats without types have no variable without a value."""
    return _EMPTY[parameter.type] if parameter.initial is None else parameter.initial


def initial_statement(parameter: Parameter) -> str:
    """`name = value;`, as a file's own actions set it before the first step."""
    return f"{parameter.name} = {json.dumps(first_value(parameter), ensure_ascii=False)};"


def _read_after_set(trees: Sequence[tuple[str, Node]]) -> tuple[str, ...]:
    done: set[str] = set()
    found: dict[str, None] = {}
    for name, tree in trees:
        found.update(dict.fromkeys(sorted(_variables(tree) & done)))
        done.add(name)
    return tuple(found)


def _variables(tree: Node) -> set[str]:
    return {node.name for level in levels(tree) for node in level if isinstance(node, Variable)}


def _with_old(tree: Node, kept: Sequence[str]) -> Node:
    return rebuilt(tree, lambda node: Variable(_old(node.name)) if isinstance(node, Variable) and node.name in kept else node)


def _old(name: str) -> str:
    return f"{name}_before"


def _js(node: Node) -> str:  # noqa: PLR0911 - one case for each kind of node
    match node:
        case Literal():
            return json.dumps(node.value, ensure_ascii=False)
        case Variable():
            return _name(node.name, node.position)
        case Unary():
            return f"{node.operator}{_part(node.operand)}"
        case Logic():
            return f" {node.operator} ".join(_part(operand) for operand in node.operands)
        case Binary():
            return _binary(node)
        case Conditional():
            return f"{_part(node.condition)} ? {_part(node.accepted)} : {_part(node.rejected)}"
        case ListLiteral():
            return f"[{', '.join(_js(element) for element in node.elements)}]"
        case Index():
            return f"{_part(node.target)}[{_js(node.key)}]"
        case Field():
            return f"{_part(node.target)}.{_name(node.name, node.position)}"
        case Call():
            return _call(node)


def _part(node: Node) -> str:
    """The node inside another one: in parentheses unless it is one piece."""
    text = _js(node)
    simple = isinstance(node, Variable | ListLiteral | Index | Field | Call)
    return text if simple or (isinstance(node, Literal) and not text.startswith("-")) else f"({text})"


def _binary(node: Binary) -> str:
    if node.operator == "in":
        return f"{_part(node.right)}.includes({_js(node.left)})"
    if node.operator in {"/", "%"}:
        raise ExpressionError(f"JavaScript's '{node.operator}' is not the one of whole numbers", position=node.position)
    return f"{_part(node.left)} {node.operator} {_part(node.right)}"


def _call(node: Call) -> str:
    if node.function == "size":
        return f"{_part(node.arguments[0])}.length"
    if node.function in _METHODS:
        receiver, argument = node.arguments
        return f"{_part(receiver)}.{_METHODS[node.function]}({_js(argument)})"
    return f"Math.{node.function}({', '.join(_js(argument) for argument in node.arguments)})"


def _name(name: str, position: int) -> str:
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise ExpressionError(f"JavaScript has no variable called '{name}'", position=position)
    return name
