"""What earlier runs have seen, as a value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import FormatError
from melanzana.generation.history import History, add, read_history

TRANSITIONS = st.tuples(st.text(max_size=3), st.none() | st.text(max_size=3))
RUNS = st.lists(st.tuples(TRANSITIONS, st.booleans(), st.booleans()), max_size=12)


@given(RUNS, RUNS)
def test_a_history_comes_back_from_json(first: list[Any], second: list[Any]):
    """Whatever ids are, and after several runs."""
    history = add(add(History(), first), second)
    assert read_history(json.loads(json.dumps(history.to_json()))) == history


def test_runs_add_up():
    """Hits and failures are counted; a pair is two transitions in a row within an iteration."""
    a, b = ("a", "S"), ("b", None)
    history = add(add(History(), [(a, True, False), (b, False, True)]), [(b, True, False), (b, True, False)])
    assert dict(history.hits) == {a: 1, b: 3}
    assert dict(history.failures) == {b: 1}
    assert history.pairs == {(a, b)}


@pytest.mark.parametrize("document", [None, [], {}, {"version": 1}, {"version": 2, "transitions": [], "pairs": []},
                                      {"version": 1, "transitions": [[1]], "pairs": []},
                                      {"version": 1, "transitions": [], "pairs": [[0, 1]]}])  # fmt: skip
def test_what_is_no_history_is_refused(document: Any):
    """With what one has."""
    with pytest.raises(FormatError, match="history"):
        read_history(document)
