"""Columns give back what was put in."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, StaticPool, Table, create_engine, insert, select, text
from sqlalchemy.exc import StatementError

from melanzana.storage.types import Instant, JsonText, RowId

_TABLE = Table("things", MetaData(), Column("id", RowId, primary_key=True), Column("at", Instant), Column("value", JsonText))


def _round_trip(**values: Any) -> Any:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            _TABLE.create(connection)
            connection.execute(insert(_TABLE).values(**values))
            return connection.execute(select(_TABLE)).one()
    finally:
        engine.dispose()


@given(st.datetimes(timezones=st.timezones()))
def test_instants_are_exact(at: datetime) -> None:
    """Any aware datetime comes back as the same instant, in UTC, to the microsecond."""
    kept = _round_trip(at=at).at
    assert kept == at.astimezone(UTC)
    assert kept.utcoffset() == timedelta(0)


def test_naive_instant_is_refused() -> None:
    """A datetime without a zone is a mistake, not an instant."""
    with pytest.raises(StatementError, match="time zone"):
        _round_trip(at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_instants_are_stored_as_microseconds() -> None:
    """The stored number counts microseconds since 1970 in UTC."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        _TABLE.create(connection)
        connection.execute(insert(_TABLE).values(at=datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=1)))))
        assert connection.execute(text("SELECT at FROM things")).scalar_one() == 3_600_000_000
    engine.dispose()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(_JSON)
def test_json_comes_back(value: Any) -> None:
    """Any JSON value that UTF-8 can carry comes back equal, with the order of its members."""
    kept = _round_trip(value=value).value
    assert kept == value
    assert not isinstance(value, dict) or list(kept) == list(value)


def test_not_a_number_is_refused() -> None:
    """NaN has no JSON form and is refused when it is written."""
    with pytest.raises(StatementError, match="not JSON compliant"):
        _round_trip(value=float("nan"))


def test_row_ids_number_themselves() -> None:
    """An insert without an id gets the next number."""
    assert _round_trip(value=1).id == 1
