"""The words by which people find runs."""

import pytest

from melanzana.errors import RequestError
from melanzana.executions.records import LifecycleState
from melanzana.reports.query import LONGEST_QUERY, RunQuery, read_query


def test_words_are_read() -> None:
    """Names, quotes, and statuses in either vocabulary."""
    assert read_query("") == RunQuery()
    assert read_query('status:failed model:"Web shop" tag:night case:7') == RunQuery(
        frozenset({LifecycleState.FAILED}), "Web shop", "night", "7"
    )
    assert read_query("status:Cancelled").states == {LifecycleState.ABORTED}
    assert LifecycleState.QUEUED in read_query("status:running").states or read_query("status:running").states == {
        LifecycleState.RUNNING
    }


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("lamp", "'lamp' is not understood"),
        ("colour:red", "'colour:red' is not understood"),
        ("tag:a tag:b", "tag: stands twice"),
        ("status:green", "there is no status 'green'"),
        ("x" * (LONGEST_QUERY + 1), "at most"),
    ],
)
def test_what_is_not_understood_is_named(text: str, word: str) -> None:
    """With the words that are."""
    with pytest.raises(RequestError) as raised:
        read_query(text)
    assert word in raised.value.message
    assert raised.value.detail["field"] == "q"
