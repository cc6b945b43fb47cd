"""When schedules are due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.configurations.timing import Timing, check_timing, next_due, upcoming
from melanzana.errors import RequestError

ROME = ZoneInfo("Europe/Rome")
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have none
CRONS = st.sampled_from(["0 3 * * *", "*/15 * * * *", "30 2 * * MON-FRI", "0 0 1 * *", "5 4 29 2 *"])


@given(cron=CRONS, zone=st.sampled_from(["UTC", "Europe/Rome", "America/New_York"]), after=INSTANTS)
def test_what_is_due_next_is_later_and_nothing_is_due_before_it(cron: str, zone: str, after: datetime) -> None:
    """The next instant lies after now, and asking a second before it gives the same one."""
    timing = Timing(cron=cron, time_zone=zone)
    due = next_due(timing, after)
    assert due is not None
    assert due > after
    if due - timedelta(seconds=1) > after:
        assert next_due(timing, due - timedelta(seconds=1)) == due


def test_an_hour_that_the_clock_skips_is_made_up_and_one_that_it_repeats_is_not_repeated() -> None:
    """Rome, half past two: on the last Sunday of March it is made up at three; on the last of October it comes once."""
    timing = Timing(cron="30 2 * * *", time_zone="Europe/Rome")
    spring = upcoming(timing, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC), 10)
    assert [due.astimezone(ROME).strftime("%d %H:%M") for due in spring] == ["29 03:00", "30 02:30"]
    autumn = upcoming(timing, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC), 10)
    assert [due.astimezone(ROME).strftime("%d %H:%M") for due in autumn] == ["25 02:30", "26 02:30"]


def test_once_is_once() -> None:
    """After its instant nothing is due any more."""
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert next_due(Timing(at=at), at - timedelta(days=1)) == at
    assert next_due(Timing(at=at), at) is None


@pytest.mark.parametrize(
    ("timing", "field"),
    [
        (Timing(), "cron"),
        (Timing(at=datetime(2030, 1, 1, tzinfo=UTC), cron="* * * * *"), "cron"),
        (Timing(cron="* * * *"), "cron"),
        (Timing(cron="0 0 0 * * *"), "cron"),
        (Timing(cron="61 * * * *"), "cron"),
        (Timing(cron="1" * 5_000), "cron"),
        (Timing(cron="* * * * *", time_zone="Europe"), "time_zone"),
        (Timing(cron="* * * * *", time_zone="Nowhere/Land"), "time_zone"),
        (Timing(cron="* * * * *", time_zone="../etc"), "time_zone"),
    ],
)
def test_a_time_that_cannot_be_is_refused_by_field(timing: Timing, field: str) -> None:
    """Too few fields, too many, out of range, no such zone: the field is named."""
    with pytest.raises(RequestError) as caught:
        check_timing(timing)
    assert caught.value.detail["field"] == field
