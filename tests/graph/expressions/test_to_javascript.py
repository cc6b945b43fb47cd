"""Our guards and assignments in JavaScript, and back."""

import pytest

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import parse
from melanzana.graph.expressions.javascript import translate_actions, translate_guard
from melanzana.graph.expressions.to_javascript import assignments_to_javascript, guard_to_javascript
from melanzana.graph.model import Assignment


@pytest.mark.parametrize(
    "text",
    [
        "a == 1 && (b || !c)",
        "a - (b - 1) > -2",
        'name.startsWith("x") || name.contains("y") || size(name) > 3',
        'user in ["guest", "member"]',
        "min(a, 2) + max(b, 3) * 2 != 7",
        'state == "Home"',
    ],
)
def test_a_guard_comes_back_as_it_was(text: str) -> None:
    """What is written in JavaScript is read back as the same tree."""
    assert parse(translate_guard(guard_to_javascript(text))) == parse(text)


@pytest.mark.parametrize("text", ["a / 2 > 1", "a % 2 == 0", "`my parameter` > 1", "`class` == 1"])
def test_what_javascript_says_otherwise_is_refused(text: str) -> None:
    """Whole division and names that JavaScript cannot spell are errors with a position."""
    with pytest.raises(ExpressionError, match="JavaScript") as caught:
        guard_to_javascript(text)
    assert "position" in caught.value.detail


def test_assignments_that_take_effect_together() -> None:
    """A swap stays a swap although JavaScript runs one statement after the other."""
    swap = (Assignment(variable="a", expression="b"), Assignment(variable="b", expression="a"))
    statements = assignments_to_javascript(swap)
    assert statements == ("var a_before = a;", "a = b;", "b = a_before;")
    back, untranslated = translate_actions(statements)
    assert untranslated == ()
    assert {entry.variable: entry.expression for entry in back} == {"a_before": "a", "a": "b", "b": "a"}
