"""A seeded fuzzer: whatever the text and the values, only the two documented errors come out, and quickly."""

import time
from contextlib import suppress
from random import Random
from typing import Any

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import compile_expression, parse_assignments
from melanzana.graph.expressions.javascript import translate_actions, translate_guard
from support_expressions import TYPES, VALUES, ExpressionMaker, fuzz_seconds

SEED = 3
_SLOWEST_SECONDS = 2.0  # generous: the machine is shared; a hang or a blow-up is far beyond

_PIECES = [
    *"abfgstpqm0123456789\"'`\\()[]{}.,:;?!&|=<>+-*/% \n\t\0_é\u202e\u00a0“",
    *(
        "xs",
        "ss",
        "size(",
        "startsWith(",
        "true",
        "null",
        " in ",
        " and ",
        " not ",
        " or ",
        "__class__",
        "lambda",
        "&&",
        "||",
        "==",
        "=>",
    ),
    *(
        "9223372036854775807",
        "1e308",
        "1.5",
        "values",
        "it",
        "operator +",
        "function size",
        "\\u",
        "`my name`",
        "===",
        "++",
        "\ud800",
    ),
]
_SEEDS = [
    'a + 1 > 2 && s == "x"',
    "m.k == 2.5 || size(xs) > 1",
    'm.l[0].z == "q"',
    's.startsWith("x") ? a in xs : false',
    "!(a == 1) && -a < 3 and not p == q",
    "a = b + 1; `my name` = min(a, b)",
]
_STRANGE: list[Any] = [
    None,
    True,
    1,
    -(2**70),
    2.5,
    float("nan"),
    float("inf"),
    "x" * 70_000,
    [],
    [[1], {}],
    {"k": object()},
    (1,),
    b"x",
    object(),
]


def _mutated(random: Random, text: str) -> str:
    for _ in range(random.randint(1, 5)):
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(_PIECES) + text[place + random.randint(0, 2) :]
    return text


def _text(random: Random) -> str:
    choice = random.random()
    if choice < 0.4:
        return "".join(random.choice(_PIECES) for _ in range(random.randint(1, 60)))
    if choice < 0.8:
        return _mutated(random, random.choice(_SEEDS))
    return _mutated(random, ExpressionMaker(random).boolean(3))[:5000]


def _try(text: str, values: dict[str, Any]) -> bool:
    """Put `text` through every door; was it an expression?"""
    for read in (parse_assignments, translate_guard):
        with suppress(ExpressionError):
            read(text)
    translate_actions([text])
    try:
        expression = compile_expression(text, TYPES)
    except ExpressionError as error:
        assert 0 <= error.detail["position"] <= len(text)
        return False
    with suppress(EvaluationError):
        expression.evaluate(values)
    return True


def test_nothing_but_the_documented_errors_comes_out() -> None:
    """Random and mutated texts on ordinary and strange values raise nothing else, and none takes long."""
    random = Random(SEED)
    end = time.monotonic() + fuzz_seconds(3)
    compiled = tried = 0
    worst = 0.0
    while time.monotonic() < end or tried < 500:
        text = _text(random)
        values = {name: random.choice(_STRANGE) if random.random() < 0.2 else value for name, value in VALUES.items()}
        started = time.perf_counter()
        compiled += _try(text, values)
        worst = max(worst, time.perf_counter() - started)
        tried += 1
    assert compiled > tried / 100
    assert worst < _SLOWEST_SECONDS
