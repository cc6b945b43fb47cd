"""Variables, values and random expressions that the tests of the expression language share."""

import os
from collections.abc import Callable
from random import Random
from typing import Any

from melanzana.graph.expressions import BOOL, DYNAMIC, FLOAT, INT, STRING, ExprType, list_of

#: Variables of every type, as the tests declare them.
TYPES: dict[str, ExprType] = {
    "a": INT,
    "b": INT,
    "f": FLOAT,
    "g": FLOAT,
    "s": STRING,
    "t": STRING,
    "p": BOOL,
    "q": BOOL,
    "xs": list_of(INT),
    "ss": list_of(STRING),
    "m": DYNAMIC,
    "my name": INT,
}

VALUES: dict[str, Any] = {
    "a": 7,
    "b": -3,
    "f": 1.5,
    "g": -0.25,
    "s": "abc",
    "t": "é",
    "p": True,
    "q": False,
    "xs": [1, 2, 3],
    "ss": ["x", "y"],
    "m": {"k": 1, "l": [{"z": "q"}], "n": None, "in": 2.5},
    "my name": 4,
}


def fuzz_seconds(share: float) -> float:
    """How long a fuzzer may run: `share` seconds by default, MELANZANA_FUZZ_SECONDS when it is set."""
    return float(os.environ.get("MELANZANA_FUZZ_SECONDS", share))


class ExpressionMaker:
    """Random well-typed expressions in the syntax that we and CEL share, fully parenthesised where CEL chains differently."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def _one_of(self, *makers: Callable[[], str]) -> str:
        return self._random.choice(makers)()

    def _pick(self, words: str) -> str:
        return self._random.choice(words.split())

    def integer(self, depth: int) -> str:
        """An int expression."""
        if depth <= 0:
            return self._pick("a b 0 1 -1 7 9223372036854775807 (-9223372036854775808) size(s) s.size() size(xs) xs[0] xs[1]")
        below = depth - 1
        return self._one_of(
            lambda: f"({self.integer(below)} {self._pick('+ - * / %')} {self.integer(below)})",
            lambda: f"(-{self.integer(below)})",
            lambda: f"({self.boolean(below)} ? {self.integer(below)} : {self.integer(below)})",
            lambda: f"xs[{self.integer(below)}]",
            lambda: self.integer(0),
        )

    def real(self, depth: int) -> str:
        """A float expression."""
        if depth <= 0:
            return self._pick("f g 0.0 1.5 2.25 1e6 1000000.0")
        below = depth - 1
        return self._one_of(
            lambda: f"({self.real(below)} {self._pick('+ - * /')} {self.real(below)})",
            lambda: f"(-{self.real(below)})",
            lambda: self.real(0),
        )

    def string(self, depth: int) -> str:
        """A string expression."""
        if depth <= 0:
            return self._random.choice(["s", "t", '"x"', '""', "'it'", '"é"', '"a\\"b"', '"\\u00e9\\n"', "'\\\\'"])
        below = depth - 1
        return self._one_of(
            lambda: f"({self.string(below)} + {self.string(below)})",
            lambda: f"({self.boolean(below)} ? {self.string(below)} : {self.string(below)})",
            lambda: self.string(0),
        )

    def boolean(self, depth: int) -> str:
        """A bool expression."""
        if depth <= 0:
            return self._pick("p q true false")
        below = depth - 1
        comparison = self._pick("== != < <= > >=")
        return self._one_of(
            lambda: f"({self.integer(below)} {comparison} {self.integer(below)})",
            lambda: f"({self.real(below)} {comparison} {self.real(below)})",
            lambda: f"({self.string(below)} {comparison} {self.string(below)})",
            lambda: f"({self.boolean(below)} {self._pick('&& || == !=')} {self.boolean(below)})",
            lambda: f"{self.boolean(below)} {self._pick('&& ||')} {self.boolean(below)}",
            lambda: f"!{self.boolean(below)}" if below == 0 else f"!({self.boolean(below)})",
            lambda: f"({self.integer(below)} in xs)",
            lambda: f"({self.integer(below)} in [1, 7, {self.integer(0)}])",
            lambda: f"({self.string(below)} in ss)",
            lambda: f'({self.string(below)} in ["x", "y", {self.string(0)}])',
            lambda: f"(xs {self._pick('== !=')} [{self.integer(below)}, 2])",
            lambda: f"{self.string(below)}.{self._pick('startsWith endsWith contains')}({self.string(below)})",
            lambda: self.boolean(0),
        )

    def values(self) -> dict[str, Any]:
        """Values for the variables of the expressions."""
        random = self._random
        return {
            "a": random.choice([0, 1, -1, 5, 2**63 - 1, -(2**63)]),
            "b": random.choice([0, 1, 2, -3, 100]),
            "f": random.choice([0.0, -0.0, 1.5, -2.0, 1e308]),
            "g": random.choice([0.0, 2.0, 3.25]),
            "s": random.choice(["", "x", "xy", "é"]),
            "t": random.choice(["x", "y", "it"]),
            "p": random.random() < 0.5,
            "q": random.random() < 0.5,
            "xs": [random.randint(-2, 9) for _ in range(random.randint(0, 4))],
            "ss": random.choice([[], ["x"], ["x", "xy", "é"]]),
        }
