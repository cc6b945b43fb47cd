"""Seconds since 1970 that never go back while the server runs.

When somebody sets the machine's clock back, a token must not live longer for it, and one signed now must not be issued before those
of a moment ago. So time runs on from the latest instant that was seen, by the monotonic clock, until the machine's clock has caught
up. A restart begins anew with the machine's clock; tokens that were signed ahead of it are refused as issued in the future.
"""

from melanzana.clock import Clock


class SteadySeconds:
    """The later of what the clock says and what has passed since the latest it said."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = clock.now().timestamp()
        self._seen_at = clock.monotonic()

    def now(self) -> float:
        at = self._clock.monotonic()
        self._seen = max(self._clock.now().timestamp(), self._seen + at - self._seen_at)
        self._seen_at = at
        return self._seen
