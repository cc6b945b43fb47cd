"""The guard and assignment language: a total, typed subset of CEL's syntax. `docs/reference/expressions.md` is its manual."""

from melanzana.graph.expressions.assignments import STATE_VARIABLE, check_assignment, parse_assignments
from melanzana.graph.expressions.expression import Expression, compile_expression
from melanzana.graph.expressions.parser import parse
from melanzana.graph.expressions.printer import print_expression, print_name
from melanzana.graph.expressions.types import BOOL, DYNAMIC, FLOAT, INT, NULL, STRING, ExprType, expression_type, list_of

__all__ = [
    "BOOL",
    "DYNAMIC",
    "FLOAT",
    "INT",
    "NULL",
    "STATE_VARIABLE",
    "STRING",
    "ExprType",
    "Expression",
    "check_assignment",
    "compile_expression",
    "expression_type",
    "list_of",
    "parse",
    "parse_assignments",
    "print_expression",
    "print_name",
]
