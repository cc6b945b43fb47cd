"""The door: names, cache, the bare function, and independence of everything outside."""

import ast
import sys
from pathlib import Path

import pytest

import melanzana.graph.expressions
from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import BOOL, INT, STRING, compile_expression
from melanzana.graph.expressions.runtime import NAMESPACE
from support_expressions import TYPES, VALUES

GUARD = 'a >= b && s == "abc"'


def test_an_expression_knows_its_text_type_and_names() -> None:
    """`names` holds every variable that is read, also in branches not taken."""
    expression = compile_expression("p ? a : `my name` + size(ss)", TYPES)
    assert (expression.text, expression.type) == ("p ? a : `my name` + size(ss)", INT)
    assert expression.names == {"p", "a", "my name", "ss"}


def test_the_same_text_and_types_are_compiled_once() -> None:
    """The order in which variables are declared does not matter; their types and the wanted type do."""
    first = compile_expression("a == b", {"a": INT, "b": INT})
    assert compile_expression("a == b", {"b": INT, "a": INT}) is first
    assert compile_expression("a == b", {"a": STRING, "b": STRING}) is not first
    assert compile_expression("a == b", {"a": INT, "b": INT}, BOOL) is not first


def test_the_bare_function_takes_a_dict() -> None:
    """`function` is `evaluate` without the mapping of errors: a missing variable is a KeyError."""
    function = compile_expression(GUARD, TYPES, BOOL).function
    assert function(VALUES) is True
    with pytest.raises(KeyError):
        function({"a": 1})
    with pytest.raises(EvaluationError):
        function({"a": 1, "b": "x"})


def test_compiled_code_sees_no_builtins_and_no_names_of_the_user() -> None:
    """Its globals are the run time; user names appear as constants only, whatever they are called."""
    names = ("open", "__import__", "overflow", "it", "values")
    expression = compile_expression("open + `__import__` + overflow + it + values", dict.fromkeys(names, INT))
    code = expression.function.__code__
    assert set(code.co_names) <= set(NAMESPACE) - {"__builtins__"}
    assert code.co_varnames == ("values", "it")
    assert expression.function.__globals__["__builtins__"] == {}
    assert expression.evaluate({"open": 1, "__import__": 2, "overflow": 3, "it": 4, "values": 5}) == 15


def test_a_nearly_exhausted_stack_is_an_error_too() -> None:
    """Called deep in a recursion, compiling and evaluating raise nothing but the two errors."""

    def dig(depth: int) -> None:
        text = "(" * 25 + f"a + {depth} > 1" + ")" * 25
        try:
            compile_expression(text, TYPES, BOOL).evaluate(VALUES)
        except (ExpressionError, EvaluationError) as error:
            failures.append(error)
        if depth:
            dig(depth - 1)

    failures: list[Exception] = []
    frames = 0
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        frames += 1
    dig(sys.getrecursionlimit() - frames - 100)
    assert failures


def test_the_package_is_pure() -> None:
    """No module of the language imports a clock, randomness, I/O, or calls eval or exec."""
    forbidden = {"time", "random", "asyncio", "os", "sys", "io", "pathlib", "socket", "datetime", "threading", "sqlite3"}
    for path in Path(melanzana.graph.expressions.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & forbidden, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "open", "getattr", "__import__"), path
