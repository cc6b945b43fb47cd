"""What a person writes becomes the filter they mean."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.audit.query import read_query
from melanzana.audit.records import AuditFilter
from melanzana.errors import RequestError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", AuditFilter()),
        ("  ", AuditFilter()),
        ("action:login outcome:failure", AuditFilter(action="login", outcome="failure")),
        ("192.0.2.1", AuditFilter(text="192.0.2.1")),
        ('actor:"Ada L" wrong   password', AuditFilter(actor="Ada L", text="wrong password")),
        ("client:dai:agent:1", AuditFilter(text="client:dai:agent:1")),
        ("subject:client:dai:agent:1", AuditFilter(subject="client:dai:agent:1")),
        ("2001:db8::1", AuditFilter(text="2001:db8::1")),
        ("since:7d", AuditFilter(since=NOW - timedelta(days=7))),
        ("since:2026-02-01 until:2026-02-02T12:00+02:00", None),
        ('"since:7d"', AuditFilter(text="since:7d")),
    ],
)
def test_queries(text: str, expected: AuditFilter | None) -> None:
    """Named words filter, the rest is searched; an address with colons is no name."""
    if expected is None:
        expected = AuditFilter(since=datetime(2026, 2, 1, tzinfo=UTC), until=datetime(2026, 2, 2, 10, tzinfo=UTC))
    assert read_query(text, NOW) == expected


@pytest.mark.parametrize("text", ["since:yesterday", "until:2026-13-01", "since:999999d9", "since:", "until:9999999d", "x" * 1_001])
def test_what_cannot_be_read(text: str) -> None:
    """A time that is none is refused with the forms there are; `since:` alone is text."""
    if text == "since:":
        assert read_query(text, NOW) == AuditFilter(text="since:")
        return
    with pytest.raises(RequestError) as caught:
        read_query(text, NOW)
    assert caught.value.detail["field"] in {"since", "until", "q"}


@given(st.text())
def test_any_text(text: str) -> None:
    """No text makes the reader fail in another way."""
    with suppress(RequestError):
        read_query(text, NOW)
