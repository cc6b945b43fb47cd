"""The time on which leases are kept: it does not jump, and all servers of one database read the same.

`service.py` reads it for every lease and lets it be corrected at every sweep.
"""

from datetime import datetime, timedelta

from melanzana.clock import Clock
from melanzana.storage.database import Database

#: Difference of the shared clock from ours up to which it is only the time that asking took.
_CLOCKS_AGREE = timedelta(milliseconds=100)


class SteadyTime:
    """This process's monotonic clock, on the scale of the wall clock at its start or of the database's clock."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock, self._database = clock, database
        self._origin = clock.now() - timedelta(seconds=clock.monotonic())

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=self._clock.monotonic())

    async def correct(self) -> None:
        """Take the scale of the clock that all servers share, if there are several; to be called before the first lease."""
        instant = await self._database.instant()
        if instant is None:
            return
        origin = instant - timedelta(seconds=self._clock.monotonic())
        if abs(origin - self._origin) > _CLOCKS_AGREE:
            self._origin = origin
