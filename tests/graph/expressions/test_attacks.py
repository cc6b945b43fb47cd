"""Hostile expressions: each gives a named error or a bounded result, in milliseconds."""

import time
from typing import Any

import pytest

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import compile_expression
from support_expressions import TYPES, VALUES

_SECONDS = 2.0  # generous: the machine is shared

REFUSED = {
    "deep parentheses": "(" * 2000 + "1" + ")" * 2000,
    "deep lists": "[" * 2000 + "]" * 2000,
    "deep signs": "-" * 4000 + "a",
    "deep negation": "!" * 4000 + "p",
    "deep words": "not " * 1000 + "p",
    "long sum": "+".join(["1"] * 2000),
    "long field chain": "m" + ".k" * 2000,
    "long call chain": "s" + ".size()" * 500,
    "ternary chain": "true?1:" * 500 + "1",
    "forty kilobytes": "1+" * 20_000 + "1",
    "a megabyte of digits": "9" * 1_000_000,
    "four thousand digits": "9" * 4000,
    "power": "9**9**9",
    "attribute of a literal": "(1).__class__",
    "attribute of a string": '"".__class__.__mro__',
    "call of an attribute": "m.__class__.__base__.__subclasses__()",
    "import": '__import__("os").system("true")',
    "lambda": "(lambda: 1)()",
    "comprehension": "[x for x in xs]",
    "walrus": "(a := 1)",
    "format by percent": "'%1000000000d' % a",
    "format method": '"{0.__class__}".format(a)',
    "f-string": 'f"{a}"',
    "repetition": '"x" * 1000000000',
    "macro": "xs.map(x, xs.map(y, x * y))",
    "regular expression": 's.matches("(a+)+$")',
    "internal name": "overflow(1)",
    "internal namespace": "`operator +`",
    "statement": "a; import os",
    "comment": "a /* b */",
    "escape of the constant": "`a\"] or __import__('os')`",
}

FAILING = {
    "attribute of a map": "m.__class__",
    "attribute by index": 'm["__class__"]',
    "smallest int divided": "(-9223372036854775807 - 1) / -1",
    "smallest int remainder": "(-9223372036854775807 - 1) % -1",
    "smallest int negated": "-(-9223372036854775808)",
    "product": "*".join(["9223372036854775807"] * 60),
    "infinity": "1e308 * 1e308 - 1e308 * 1e308",
    "division by zero": "0 / 0",
    "float division by zero": "0.0 / 0.0",
    "huge index": "xs[9223372036854775807]",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_text_is_refused_quickly(text: str) -> None:
    """The compiler raises `ExpressionError` and nothing else."""
    started = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, TYPES)
    assert time.process_time() - started < _SECONDS
    assert 0 <= caught.value.detail["position"] <= len(text)
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING.keys())
def test_hostile_values_fail_by_name(text: str) -> None:
    """Evaluation raises `EvaluationError` and nothing else."""
    with pytest.raises(EvaluationError):
        compile_expression(text, TYPES).evaluate(VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "||".join(["a+a>1"] * 85),
        "[" + ",".join(["s+s"] * 127) + "] == [" + ",".join(["s"]) + "]",
        "&&".join([f'"{"é" * 30}" in ss'] * 100)[:4096].rsplit("&&", 1)[0],
        "(" * 31 + "a == 1" + ")" * 31,
        "+".join(["(a+a+a)"] * 60) + " > 0",
    ],
)
def test_the_largest_programs_are_quick(text: str) -> None:
    """Up against every budget, compiling and evaluating stay bounded."""
    started = time.process_time()
    expression = compile_expression(text, TYPES)
    assert expression.evaluate(VALUES | {"s": "y" * 30_000}) in (True, False)
    assert time.process_time() - started < _SECONDS


def test_doubling_a_string_ends_at_its_limit() -> None:
    """Assigning `s + s` again and again fails long before memory matters."""
    expression = compile_expression("s + s", TYPES)
    values: dict[str, Any] = {"s": "ab"}
    with pytest.raises(EvaluationError, match="longer than"):
        for _ in range(64):
            values["s"] = expression.evaluate(values)
