"""A test case is added to a model's text; every other line stays as it was."""

import pytest

from melanzana.errors import FormatError
from melanzana.graph.formats.adding import add_test_case
from melanzana.graph.formats.text import read_text

MODEL = """# the lamp
model: Lamp
start: Off
states:
  Off:
    actions:
      press: On   # the button
  On: {}
"""
BLOCK = "test cases:\n  press fails:\n    steps: [press]\n    origin: shrunk\n"


def test_a_model_without_test_cases_gets_the_section() -> None:
    """At its end, after an empty line; comments stay."""
    assert add_test_case(MODEL, BLOCK) == f"{MODEL}\n{BLOCK}"


def test_the_entry_follows_those_that_are_there() -> None:
    """Also when other sections follow, and with their indentation."""
    section = "test cases:\n    once:   # smoke\n        steps: [press]\n"
    text = MODEL + section + "layout:\n  On: [1, 2]\n"
    found = add_test_case(text, BLOCK)
    added = "    press fails:\n      steps: [press]\n      origin: shrunk\n"
    assert found == MODEL + section + added + "\nlayout:\n  On: [1, 2]\n"
    assert [case.name for case in read_text(found).test_cases] == ["once", "press fails"]


def test_a_section_in_one_line_and_a_name_twice_are_refused() -> None:
    """The file is not guessed at."""
    with pytest.raises(FormatError, match="stand in one line"):
        add_test_case(MODEL + "test cases: {once: [press]}\n", BLOCK)
    with pytest.raises(FormatError, match="press fails"):
        add_test_case(add_test_case(MODEL, BLOCK), BLOCK)
