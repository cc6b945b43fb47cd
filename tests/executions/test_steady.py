"""Leases are kept on a time that does not jump and that all servers share."""

from datetime import datetime, timedelta

import pytest

from melanzana.executions.steady import SteadyTime
from melanzana.storage.database import InlineDatabase
from support_executions import ManualClock

pytestmark = pytest.mark.anyio


class _SharedClock(InlineDatabase):
    """A database whose clock says what the test says."""

    said: datetime | None = None

    async def instant(self) -> datetime | None:
        return self.said


async def test_a_wall_clock_that_jumps_does_not_matter() -> None:
    """Only the monotonic clock counts, once the process runs."""
    clock, database = ManualClock(), InlineDatabase.open()
    steady = SteadyTime(clock, database)
    before = steady.now()
    clock.at += timedelta(hours=1)
    await steady.correct()
    assert steady.now() == before
    await database.close()


@pytest.mark.parametrize(("ahead_seconds", "taken_over"), [(-7200.0, True), (0.05, False), (0.2, True)])
async def test_the_shared_clock_counts(ahead_seconds: float, taken_over: bool) -> None:
    """The database's clock is taken over when it differs by more than the time that asking takes."""
    clock, database = ManualClock(), _SharedClock.open()
    steady = SteadyTime(clock, database)
    before = steady.now()
    assert isinstance(database, _SharedClock)
    database.said = before + timedelta(seconds=ahead_seconds)
    await steady.correct()
    assert steady.now() == (database.said if taken_over else before)
    await database.close()
