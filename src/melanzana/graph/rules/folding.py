"""What of a guard is the same whatever the variables hold: the constants in it, folded upwards.

Exact in what it says: a part that could fail on some data is never called true or false. Linear in the tree.
"""

from melanzana.errors import EvaluationError
from melanzana.graph.expressions import compile_expression, print_expression
from melanzana.graph.expressions.syntax import Conditional, Literal, Logic, Node, Unary, Variable, levels


def constant_truth(tree: Node) -> bool | None:
    """True or false when the guard is that on all data; None when it depends, or may fail."""
    match tree:
        case Literal(value):
            return value if isinstance(value, bool) else None
        case Unary("!", operand):
            truth = constant_truth(operand)
            return None if truth is None else not truth
        case Logic(operator, operands):
            return _joined(operator, [constant_truth(operand) for operand in operands])
        case Conditional(condition, accepted, rejected):
            truth = constant_truth(condition)
            return None if truth is None else constant_truth(accepted if truth else rejected)
    return _evaluated(tree)


def never_true(tree: Node) -> bool:
    """Is there no data on which the guard is true? It may be false on some and fail on others."""
    if isinstance(tree, Logic):
        return (any if tree.operator == "&&" else all)(map(never_true, tree.operands))
    return constant_truth(tree) is False


def _joined(operator: str, truths: list[bool | None]) -> bool | None:
    """Parts are read left to right: what decides must not stand behind a part that may fail."""
    deciding = operator == "||"
    for truth in truths:
        if truth is not (not deciding):
            return truth
    return not deciding


def _evaluated(tree: Node) -> bool | None:
    if any(isinstance(node, Variable) for level in levels(tree) for node in level):
        return None
    try:
        value = compile_expression(print_expression(tree), {}).evaluate({})
    except (EvaluationError, ValueError, TypeError):
        return None  # the walk reports it
    return value if isinstance(value, bool) else None
