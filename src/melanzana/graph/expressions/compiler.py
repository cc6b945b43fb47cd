"""Trees to CPython functions.

The compiler infers a type for each node (`rules.py`) and builds a Python syntax tree of its own making for it: user text is never
parsed as Python, and names of the user appear in it only as string constants. Where the types are known, the code is native
(`a < b`), guarded by exact type checks of the variables and by range checks of the results; everything else calls `runtime.py`.

The function takes the mapping of variables. All of it is one lambda whose only local besides the mapping is `it`, the value that
is being checked.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, assert_never

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import rules
from melanzana.graph.expressions.budgets import FLOAT_MAX, INT_MAX, INT_MIN
from melanzana.graph.expressions.parser import COMPARISONS
from melanzana.graph.expressions.runtime import NAMESPACE
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
from melanzana.graph.expressions.types import BOOL, DYNAMIC, FLOAT, INT, NULL, STRING, ExprType
from melanzana.graph.model import Value

_NATIVE_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
_NATIVE_ARITHMETIC: dict[str, type[ast.operator]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}
_PYTHON_TYPES = {INT: "int", FLOAT: "float", STRING: "str", BOOL: "bool", NULL: "NoneType"}
_LITERAL_TYPES = {bool: BOOL, int: INT, float: FLOAT, str: STRING, type(None): NULL}
_RANGES: dict[ExprType, tuple[float, float]] = {INT: (INT_MIN, INT_MAX), FLOAT: (-FLOAT_MAX, FLOAT_MAX)}
_OUT_OF_RANGE = {INT: "overflow", FLOAT: "not_finite"}


@dataclass(frozen=True, slots=True)
class _Code:
    """Python code for a node, and the type of what it gives."""

    tree: ast.expr
    type: ExprType


def compile_tree(
    tree: Node, types: Mapping[str, ExprType], want: ExprType | None
) -> tuple[Callable[[Mapping[str, Value]], Value], ExprType, frozenset[str]]:
    """The function of `tree`, the type of its result, and the variables it reads.

    `want` None accepts any type. Errors: `ExpressionError`.
    """
    compiler = _Compiler(types)
    code = _delivered(compiler.code(tree), tree, want)
    return _function(code.tree), code.type, frozenset(compiler.names)


class _Compiler:
    def __init__(self, types: Mapping[str, ExprType]) -> None:
        self._types = types
        self.names: set[str] = set()

    def code(self, node: Node) -> _Code:  # noqa: PLR0911 - one case for each kind of node
        match node:
            case Literal():
                return _Code(ast.Constant(node.value), _LITERAL_TYPES[type(node.value)])
            case Variable():
                return self._variable(node)
            case Unary():
                return self._unary(node)
            case Logic():
                joint = ast.And() if node.operator == "&&" else ast.Or()
                return _Code(ast.BoolOp(joint, [self._bool(operand) for operand in node.operands]), BOOL)
            case Binary():
                return self._binary(node)
            case Conditional():
                condition, accepted, rejected = self._bool(node.condition), self.code(node.accepted), self.code(node.rejected)
                type_ = rules.conditional(node, accepted.type, rejected.type)
                return _Code(ast.IfExp(condition, accepted.tree, rejected.tree), type_)
            case ListLiteral():
                elements = [self.code(part) for part in node.elements]
                type_ = rules.list_literal(node, [part.type for part in elements])
                return _Code(_call("listing", _at(node), *(part.tree for part in elements)), type_)
            case Index():
                return self._index(node)
            case Field():
                target = self.code(node.target)
                type_ = rules.field_of(node, target.type)
                return _Code(_call("element", target.tree, ast.Constant(node.name), _at(node)), type_)
            case Call():
                rules.require_function(node)
                arguments = [self.code(argument) for argument in node.arguments]
                type_ = rules.call(node, [argument.type for argument in arguments])
                return _Code(_call(f"function {node.function}", *(argument.tree for argument in arguments), _at(node)), type_)
            case _:
                assert_never(node)

    def _variable(self, node: Variable) -> _Code:
        type_ = self._types.get(node.name)
        if type_ is None:
            raise rules.unknown_variable(node, tuple(self._types))
        self.names.add(node.name)
        value = ast.Subscript(ast.Name("values", ast.Load()), ast.Constant(node.name), ast.Load())
        return _Code(_checked(value, type_, f"variable '{node.name}'", node), type_)

    def _bool(self, node: Node) -> ast.expr:
        code = self.code(node)
        rules.require_bool(node, code.type)
        return code.tree if code.type == BOOL else _call("boolean", code.tree, _at(node))

    def _unary(self, node: Unary) -> _Code:
        if node.operator == "!":
            return _Code(ast.UnaryOp(ast.Not(), self._bool(node.operand)), BOOL)
        operand = self.code(node.operand)
        type_ = rules.negated(node, operand.type)
        return _Code(_call("negate", operand.tree, _at(node)), type_)

    def _binary(self, node: Binary) -> _Code:
        left, right = self.code(node.left), self.code(node.right)
        if node.operator == "in":
            return _Code(_membership(node, left, right), rules.membership(node, left.type, right.type))
        if node.operator in COMPARISONS:
            return _Code(_comparison(node, left, right), rules.compared(node, left.type, right.type))
        type_ = rules.arithmetic(node, left.type, right.type)
        return _Code(_arithmetic(node, left, right, type_), type_)

    def _index(self, node: Index) -> _Code:
        target, key = self.code(node.target), self.code(node.key)
        type_ = rules.element_of(node, target.type, key.type)
        return _Code(_checked(_call("element", target.tree, key.tree, _at(node)), type_, "the list's element", node), type_)


def _comparison(node: Binary, left: _Code, right: _Code) -> ast.expr:
    if left.type.is_scalar and right.type.is_scalar:
        return ast.Compare(left.tree, [_NATIVE_COMPARISONS[node.operator]()], [right.tree])
    return _call(f"operator {node.operator}", left.tree, right.tree, _at(node))


def _membership(node: Binary, item: _Code, container: _Code) -> ast.expr:
    """A constant list of strings or ints becomes a constant of the code; its elements have exactly the type of the item."""
    if isinstance(node.right, ListLiteral) and item.type in (STRING, INT):
        constants: list[ast.expr] = [
            ast.Constant(part.value)
            for part in node.right.elements
            if isinstance(part, Literal) and _LITERAL_TYPES[type(part.value)] == item.type
        ]
        if len(constants) == len(node.right.elements):
            return ast.Compare(item.tree, [ast.In()], [ast.Tuple(constants, ast.Load())])
    return _call("operator in", item.tree, container.tree, _at(node))


def _arithmetic(node: Binary, left: _Code, right: _Code, type_: ExprType) -> ast.expr:
    if left.type == right.type and type_ in _RANGES and node.operator in _NATIVE_ARITHMETIC:
        result = ast.BinOp(left.tree, _NATIVE_ARITHMETIC[node.operator](), right.tree)
        return ast.IfExp(_in_range(_kept(result), type_), _it(), _call(_OUT_OF_RANGE[type_], _at(node)))
    if left.type == right.type == STRING:
        return _call("concatenate", left.tree, right.tree, _at(node))
    return _call(f"operator {node.operator}", left.tree, right.tree, _at(node))


def _delivered(code: _Code, tree: Node, want: ExprType | None) -> _Code:
    """The result as the caller wants it, checked or converted."""
    if want is None or want in (DYNAMIC, code.type):
        return _Code(_call("plain", code.tree, _at(tree)), DYNAMIC) if code.type == DYNAMIC else code
    if not rules.fits(code.type, want):
        if want == BOOL:
            rules.require_bool(tree, code.type)
        raise ExpressionError(f"{rules.an(want)} is expected, and this is {rules.an(code.type)}", position=tree.position)
    if isinstance(tree, Literal) and type(tree.value) is int:
        return _Code(ast.Constant(float(tree.value)), want)
    if code.type.is_list:
        return code
    return _Code(_checked(code.tree, want, "the result", tree), want)


def _checked(value: ast.expr, type_: ExprType, label: str, node: Node) -> ast.expr:
    """`it if type(it := value) is T and low <= it <= high else unexpected(it, …)`: the value, certain to be of its type."""
    if type_ == DYNAMIC:
        return value
    python_type = ast.Name("list" if type_.is_list else _PYTHON_TYPES[type_], ast.Load())
    test: ast.expr = ast.Compare(_call("type", _kept(value)), [ast.Is()], [python_type])
    if type_ in _RANGES:
        test = ast.BoolOp(ast.And(), [test, _in_range(_it(), type_)])
    wanted = "list" if type_.is_list else type_.name
    return ast.IfExp(test, _it(), _call("unexpected", _it(), ast.Constant(wanted), ast.Constant(label), _at(node)))


def _in_range(value: ast.expr, type_: ExprType) -> ast.expr:
    low, high = _RANGES[type_]
    return ast.Compare(ast.Constant(low), [ast.LtE(), ast.LtE()], [value, ast.Constant(high)])


def _kept(value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name("it", ast.Store()), value)


def _it() -> ast.expr:
    return ast.Name("it", ast.Load())


def _at(node: Node) -> ast.expr:
    return ast.Constant(node.position)


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])


def _function(body: ast.expr) -> Callable[[Mapping[str, Value]], Value]:
    """The lambda as a function over `NAMESPACE`; the code that would define it is never run."""
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg(arg="values")], kwonlyargs=[], kw_defaults=[], defaults=[])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    code = compile(tree, "<expression>", "eval")
    return FunctionType(_only_code(code.co_consts), NAMESPACE, "expression")


def _only_code(constants: Iterable[Any]) -> CodeType:
    [code] = [constant for constant in constants if isinstance(constant, CodeType)]
    return code
