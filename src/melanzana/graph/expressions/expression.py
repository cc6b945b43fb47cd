"""The door of the language: text and declared types in, a compiled expression out.

Guards, assignments and inputs of snippets come here from validation (to be checked) and from the walk (to be evaluated). The
language is total: a compiled expression has no loops, no I/O, no clock, and reads nothing but the values it is given, so it may
run anywhere, whoever wrote it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions.compiler import compile_tree
from melanzana.graph.expressions.parser import parse
from melanzana.graph.expressions.syntax import Node
from melanzana.graph.expressions.types import ExprType
from melanzana.graph.model import Value

CACHED_EXPRESSIONS = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """A compiled expression; immutable, and safe to share between threads."""

    text: str
    type: ExprType  #: of the result
    names: frozenset[str]  #: the variables it reads
    tree: Node
    #: The bare function over the variables' values, for loops that evaluate millions of times. Raises `EvaluationError`, or
    #: `KeyError` when a variable has no value; the caller gives a plain dict, as `evaluate` need not.
    function: Callable[[Mapping[str, Value]], Value]

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """The result over `values`, which may hold more than is read. Errors: `EvaluationError` and nothing else."""
        try:
            return self.function(values)
        except EvaluationError as error:
            error.detail.setdefault("expression", self.text)
            raise
        except KeyError as missing:
            name = missing.args[0] if missing.args else "?"
            raise EvaluationError(f"variable '{name}' has no value", expression=self.text, variable=name) from None
        except Exception as error:  # the trust boundary: whatever the values did, the caller sees one kind of error
            raise EvaluationError(f"the expression failed: {type(error).__name__}", expression=self.text) from error


def compile_expression(text: str, types: Mapping[str, ExprType], want: ExprType | None = None) -> Expression:
    """`text` compiled for variables of the given types.

    `want` is the type the result must have (BOOL for a guard); an int is converted where FLOAT is wanted, and a result whose type
    is known only at run time is checked then. None takes any type. Expressions are cached by text, types and `want`.
    Errors: `ExpressionError`, `detail["position"]` counting characters from 0 and `detail["suggestion"]` where there is one.
    """
    return _compiled(text, frozenset(types.items()), want)


@lru_cache(maxsize=CACHED_EXPRESSIONS)
def _compiled(text: str, types: frozenset[tuple[str, ExprType]], want: ExprType | None) -> Expression:
    try:
        tree = parse(text)
        function, type_, names = compile_tree(tree, dict(sorted(types, key=lambda item: item[0])), want)
    except (RecursionError, MemoryError):  # only when the caller's own stack is almost used up: the budgets keep ours small
        raise ExpressionError("the expression is nested too deeply to be compiled here", position=0) from None
    return Expression(text=text, type=type_, names=names, tree=tree, function=function)
