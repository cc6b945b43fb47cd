"""The language against CEL-C++: on expressions of the shared syntax, the same values come out."""

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import BOOL, Expression, compile_expression
from support_expressions import TYPES, ExpressionMaker, fuzz_seconds

cel = pytest.importorskip("cel_expr_python.cel", reason="the oracle has no build for this Python")

SEED = 20_261
_LARGEST = 1500  # characters; CEL's own recursion limit is near
_ALLOWED_OURS = ("division by zero", "too large for a float")


@dataclass
class Tally:
    """What happened, and the first few examples of what must not happen."""

    same_value: int = 0
    both_errors: int = 0
    ours_only: int = 0
    wrong: list[tuple[str, Any, Any, Any]] = field(default_factory=list)


def _environment() -> Any:
    kinds = cel.Type
    variables = {"a": kinds.INT, "b": kinds.INT, "f": kinds.DOUBLE, "g": kinds.DOUBLE, "s": kinds.STRING, "t": kinds.STRING}
    variables |= {"p": kinds.BOOL, "q": kinds.BOOL, "xs": kinds.List(kinds.INT), "ss": kinds.List(kinds.STRING)}
    return cel.NewEnv(variables=variables)


def _ours(expression: Expression, values: dict[str, Any]) -> Any:
    try:
        return expression.evaluate(values)
    except EvaluationError as error:
        return error


def _absorbed(text: str, error: EvaluationError) -> bool:
    """CEL lets a decided `&&` or `||` absorb an error on its other side; and it has infinities where we have errors."""
    return "&&" in text or "||" in text or any(words in error.message for words in _ALLOWED_OURS)


def _compare(tally: Tally, text: str, values: dict[str, Any], theirs: Any, ours: Any) -> None:
    cel_failed = theirs.type() == cel.Type.ERROR
    if isinstance(ours, EvaluationError):
        if cel_failed:
            tally.both_errors += 1
        elif _absorbed(text, ours):
            tally.ours_only += 1
        else:
            tally.wrong.append((text, values, ours, theirs.value()))
    elif cel_failed or theirs.value() is not ours:
        tally.wrong.append((text, values, ours, theirs.value()))
    else:
        tally.same_value += 1


def _compiled(environment: Any, text: str) -> tuple[Any, Expression | None]:
    try:
        theirs = environment.compile(text)
    except Exception as error:
        theirs = None if "recursion" not in str(error) else "too deep"
    try:
        return theirs, compile_expression(text, TYPES, BOOL)
    except ExpressionError as error:
        too_large = "nested" in error.message or "parts" in error.message or "feed" in error.message
        return ("too deep" if too_large else theirs), None


def test_cel_gives_the_same_values() -> None:
    """No expression compiles in only one of the two languages, and no evaluation gives another value or an error only in CEL."""
    environment, random, tally = _environment(), Random(SEED), Tally()
    maker = ExpressionMaker(random)
    end = time.monotonic() + fuzz_seconds(3)
    while time.monotonic() < end or tally.same_value < 2000:
        text = maker.boolean(random.randint(1, 5))
        if len(text) > _LARGEST:
            continue
        theirs, ours = _compiled(environment, text)
        if theirs == "too deep":
            continue
        assert (theirs is None) == (ours is None), text
        if ours is None:
            continue
        for _ in range(5):
            values = maker.values()
            _compare(tally, text, values, theirs.eval(data=values), _ours(ours, values))
    assert not tally.wrong, tally.wrong[:3]
    assert tally.both_errors > 0
