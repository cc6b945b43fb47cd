"""Whether silence of agents may be believed. Pure state of one server process; asked by `service.release_expired`.

An agent is called lost only when the server has been listening all the while. After its start, or after it stood still, every
lease gets a new period; when most leases lapse in one sweep, the fault is more likely here than in all agents at once, so the sweep
holds back, says so once, and releases only what is still silent after a further period.
"""

from melanzana.executions.figures import LeaseFigures


class SweepPolicy:
    """Remembers the sweeps of this process; seconds are monotonic."""

    def __init__(self, figures: LeaseFigures) -> None:
        self._figures = figures
        self._last: float | None = None
        self._rearmed: float | None = None
        self._held_since: float | None = None

    def must_rearm(self, now: float) -> bool:
        """Note a sweep at `now`; whether leases need a new period first.

        A server that stands still again and again does not get to keep everything alive for ever: the next new period comes
        only after the last one had time to lapse twice.
        """
        last, self._last = self._last, now
        if last is not None and now - last <= self._figures.stall_seconds:
            return False
        period = self._figures.lease_seconds + self._figures.grace_seconds
        if self._rearmed is not None and now - self._rearmed < 2 * period:
            return False
        self._rearmed = now
        return True

    def must_hold(self, now: float, lapsed: int, live: int) -> bool:
        """Whether `lapsed` of `live` leases is too many to be believed yet."""
        if live < self._figures.mass_leases or lapsed <= self._figures.mass_ratio * live:
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since < self._figures.hold_seconds

    def is_first_hold(self, now: float) -> bool:
        """Whether the present hold began with this sweep: the moment to raise the alarm."""
        return self._held_since == now
