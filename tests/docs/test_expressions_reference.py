"""The reference of the expression language is true: its examples run, its limits and functions are the program's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.errors import EvaluationError, ExpressionError
from melanzana.graph.expressions import (
    DYNAMIC,
    ExprType,
    check_assignment,
    compile_expression,
    list_of,
    parse_assignments,
)
from melanzana.graph.expressions import budgets as limits
from melanzana.graph.expressions.javascript import translate_actions, translate_guard
from melanzana.graph.expressions.rules import FUNCTIONS
from melanzana.graph.model import Assignment

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
_WORDS = {"→": "value", "error:": "error", "fails:": "failure"}


def _lines(language: str) -> Iterator[str]:
    for block in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()


def _examples(language: str, comment: str = "#") -> list[tuple[str, str, str]]:
    """Text, kind of outcome, and the outcome of each example in the blocks of `language`."""
    found = []
    for line in _lines(language):
        text, sign, outcome = re.fullmatch(rf"(.*?) +{comment} (→|error:|fails:) (.*)", line).groups()  # type: ignore[union-attr]
        found.append((text, _WORDS[sign], outcome))
    return found


def _type(words: str) -> ExprType:
    if words.startswith("list of "):
        return list_of(_type(words.removeprefix("list of ")))
    return getattr(ExprType, words.upper())  # type: ignore[no-any-return]


def _constant(text: str) -> Any:
    if text.startswith("{"):  # a map cannot be written in the language
        return {"code": 200, "items": [{"id": "a1"}], "note": None}
    return compile_expression(text, {}).evaluate({})


_DECLARED = [re.fullmatch(r"(.+): (.+) = (.+)", line).groups() for line in _lines("variables")]  # type: ignore[union-attr]
TYPES = {name: _type(words) for name, words, _ in _DECLARED}
VALUES = {name: _constant(text) for name, _, text in _DECLARED}


def test_the_page_declares_its_variables() -> None:
    """One of each kind is there, and the map is the one that this test knows."""
    assert TYPES["answer"] == DYNAMIC
    assert 'answer: dynamic = {"code": 200, "items": [{"id": "a1"}], "note": null}' in PAGE


@pytest.mark.parametrize(("text", "kind", "outcome"), _examples("expression"))
def test_an_example_gives_what_the_page_says(text: str, kind: str, outcome: str) -> None:
    """Its value with its exact type, or the whole message of its error."""
    if kind == "error":
        with pytest.raises(ExpressionError) as refused:
            compile_expression(text, TYPES)
        assert refused.value.message == outcome
    elif kind == "failure":
        with pytest.raises(EvaluationError) as failed:
            compile_expression(text, TYPES).evaluate(VALUES)
        assert failed.value.message == outcome
    else:
        assert repr(compile_expression(text, TYPES).evaluate(VALUES)) == repr(_constant(outcome))


def _assigned(text: str) -> dict[str, Any]:
    types = TYPES | {"state": ExprType.STRING}
    return {a.variable: check_assignment(a, types).evaluate(VALUES) for a in parse_assignments(text)}


@pytest.mark.parametrize(("text", "kind", "outcome"), _examples("assignments"))
def test_an_example_assigns_what_the_page_says(text: str, kind: str, outcome: str) -> None:
    """The new values, or the message."""
    if kind == "error":
        with pytest.raises(ExpressionError) as refused:
            _assigned(text)
        assert refused.value.message == outcome
    else:
        assert repr(_assigned(text)) == repr({a.variable: _constant(a.expression) for a in parse_assignments(outcome)})


@pytest.mark.parametrize(("text", "kind", "outcome"), _examples("javascript", "//"))
def test_an_example_is_translated_as_the_page_says(text: str, kind: str, outcome: str) -> None:
    """The guard of ours, or the message."""
    if kind == "error":
        with pytest.raises(ExpressionError) as refused:
            translate_guard(text)
        assert refused.value.message == outcome
    else:
        assert translate_guard(text) == outcome


@pytest.mark.parametrize(("text", "kind", "outcome"), _examples("javascript-actions", "//"))
def test_example_actions_are_translated_as_the_page_says(text: str, kind: str, outcome: str) -> None:
    """The assignments of ours."""
    assert kind == "value"
    found: tuple[Assignment, ...] = translate_actions([text])[0]
    assert found == parse_assignments(outcome)


def test_the_limits_are_the_programs() -> None:
    """Each figure of the table is the constant."""
    figures = [int(figure.replace(",", "")) for figure in re.findall(r"^\| .* \| ([\d,]+) \|$", PAGE, re.MULTILINE)]
    assert figures == [
        limits.MAX_CHARACTERS,
        limits.MAX_NODES,
        limits.MAX_NESTING,
        limits.MAX_HEIGHT,
        limits.MAX_STRING,
        limits.MAX_COMPARED,
    ]


def test_every_function_is_on_the_page() -> None:
    """In the table of functions."""
    table = PAGE.partition("## Functions")[2].partition("```")[0]
    assert [name for name in FUNCTIONS if f"{name}(" not in table] == []
