"""What time is it? Asked of a clock that is handed in, so that tests and the simulator decide the answer.

Everything outside the pure core that needs an instant takes a `Clock`; waiting is `asyncio.sleep`, which the simulator's event
loop makes virtual. No decision between two machines rests on `now`: lease deadlines count `monotonic` seconds on one side only.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Source of instants."""

    def now(self) -> datetime:
        """The instant, aware, in UTC: for records that people read."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point, never going back: for deadlines."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
