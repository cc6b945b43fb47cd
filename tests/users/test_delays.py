"""How long the next guess waits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from melanzana.users.delays import ADDRESS, LONGEST_SECONDS, PAIR, Level, attempt_keys, current, wait_seconds

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEIGHTS = st.floats(0, 1_000)


@given(HEIGHTS, HEIGHTS)
def test_more_failures_never_wait_less(one: float, other: float) -> None:
    """The wait grows with the level and has an upper bound."""
    less, more = sorted((one, other))
    waits = [wait_seconds(Level(height=height, counted_at=NOW), PAIR, NOW) for height in (less, more)]
    assert 0 <= waits[0] <= waits[1] <= LONGEST_SECONDS


@given(HEIGHTS, st.floats(0, 10_000_000))
def test_a_wait_ends_at_the_time_it_told(height: float, elapsed: float) -> None:
    """Whoever waits as long as was told is looked at."""
    level = Level(height=height, counted_at=NOW)
    later = NOW + timedelta(seconds=elapsed)
    assert wait_seconds(level, PAIR, later) == 0 or elapsed < wait_seconds(level, PAIR, NOW)
    assert 0 <= current(level, PAIR, later) <= height


def test_a_clock_that_goes_back_makes_nobody_wait_longer() -> None:
    """An hour backwards adds nothing to the wait."""
    level = Level(height=7, counted_at=NOW)
    assert wait_seconds(level, PAIR, NOW - timedelta(hours=1)) == wait_seconds(level, PAIR, NOW) == 4


def test_the_free_failures_do_not_wait() -> None:
    """Five typing errors cost nothing, the sixth attempt waits a second."""
    assert [wait_seconds(Level(height=n, counted_at=NOW), PAIR, NOW) for n in range(4, 8)] == [0, 1, 2, 4]
    assert wait_seconds(Level(height=49, counted_at=NOW), ADDRESS, NOW) == 0


def test_one_person_has_one_key_however_the_name_is_written() -> None:
    """Case and Unicode forms of a name, and addresses of one network, are the same."""
    plain = attempt_keys("eggplant", "ada", "2001:db8::1")
    assert plain == attempt_keys("eggplant", "ＡDA", "2001:db8::2")
    assert plain.address != attempt_keys("eggplant", "ada", "2001:db8:0:1::1").address
    assert plain.pair != attempt_keys("other", "ada", "2001:db8::1").pair
    assert attempt_keys("eggplant", "ada", "::ffff:192.0.2.1") == attempt_keys("eggplant", "ada", "192.0.2.1")
