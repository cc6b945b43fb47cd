"""How much one client may ask for, so that one that runs wild takes nothing from the others.

Two bounds: starts, from a bucket that holds a minute's worth and fills again all the time, and requests that are held open (polls
and streams). Both count for one client at this server process and are forgotten at its end. `server/services.py` makes them, the
routes that need them ask.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from math import ceil
from typing import TypeVar

from melanzana.access.records import Principal
from melanzana.clock import Clock
from melanzana.errors import RateLimitedError, TooManyHeldError

T = TypeVar("T")
#: Buckets that are remembered; the one that was not asked for longest is forgotten first, and by then it is full again.
_REMEMBERED = 10_000
_Client = tuple[str, str]


class StartRate:
    """A bucket of starts for each client."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        """`per_minute` 0: no bound."""
        self._clock, self._per_minute = clock, per_minute
        self._buckets: OrderedDict[_Client, tuple[float, float]] = OrderedDict()  #: what is left, and when that was

    def take(self, client: Principal) -> None:
        """Use up one start. Raises RateLimitedError, with the seconds until there is one again."""
        if not self._per_minute:
            return
        key, now = _key(client), self._clock.monotonic()
        left, since = self._buckets.get(key, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        self._buckets[key] = (left - 1 if left >= 1 else left, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RateLimitedError(
                f"this client started {self._per_minute} runs in a minute; wait, or let an operator raise starts_per_minute",
                retry_after=max(1, ceil((1 - left) * 60 / self._per_minute)),
            )


class HeldRequests:
    """How many requests of each client are held open now."""

    def __init__(self, at_most: int) -> None:
        """`at_most` 0: no bound."""
        self._at_most = at_most
        self._held: Counter[_Client] = Counter()

    @property
    def count(self) -> int:
        """Requests held now, of all clients."""
        return self._held.total()

    @contextmanager
    def one_more(self, client: Principal) -> Iterator[None]:
        """Hold one while the block runs. Raises TooManyHeldError."""
        self.check(client)
        with self._counted(_key(client)):
            yield

    def check(self, client: Principal) -> None:
        """Raises TooManyHeldError when there is no room for one more."""
        if self._at_most and self._held[_key(client)] >= self._at_most:
            raise TooManyHeldError(
                f"this client holds {self._at_most} requests open already; end some, or let an operator raise held_requests",
                retry_after=5,
            )

    async def through(self, client: Principal, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The same items, counted as one request until they end; `check` before, while it can still be refused."""
        with self._counted(_key(client)):
            async for item in items:
                yield item

    @contextmanager
    def _counted(self, key: _Client) -> Iterator[None]:
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


def _key(client: Principal) -> _Client:
    return client.realm, client.client_id
