"""Guessing is slowed down by where it comes from.

Failed attempts are counted in a sliding window for each pair of client and address, and for each address. Over the limit, that pair
or address waits; the right client at another address is never locked out, so nobody can lock it out on purpose. Unknown client
ids count as well. Kept in memory, bounded, and forgotten at a restart.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from hashlib import sha256
from math import ceil

from melanzana.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleLimits:
    """How many wrong attempts are let through."""

    window_seconds: float = 60.0
    failures_per_client_and_address: int = 20  #: a person's typing errors, never a guess
    failures_per_address: int = 100  #: many clients may sit behind one address
    remembered: int = 10_000  #: pairs and addresses; the one silent for longest is forgotten first


class Throttle:
    """Counts failures; says how long to wait."""

    def __init__(self, clock: Clock, limits: ThrottleLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or ThrottleLimits()
        self._failures: OrderedDict[tuple[str, bytes], deque[float]] = OrderedDict()

    def wait_seconds(self, client_id: str, address: str) -> int:
        """Whole seconds until this client may try again from this address; 0 when it may now."""
        pair, alone = _keys(client_id, address)
        waits = (
            self._wait(pair, self._limits.failures_per_client_and_address),
            self._wait(alone, self._limits.failures_per_address),
        )
        return ceil(max(waits))

    def failed(self, client_id: str, address: str) -> None:
        """Count a failed attempt."""
        now = self._clock.monotonic()
        for key in _keys(client_id, address):
            attempts = self._failures.setdefault(key, deque(maxlen=self._limits.failures_per_address))
            attempts.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > self._limits.remembered:
            self._failures.popitem(last=False)

    def _wait(self, key: tuple[str, bytes], limit: int) -> float:
        attempts = self._failures.get(key)
        if attempts is None:
            return 0.0
        opened = self._clock.monotonic() - self._limits.window_seconds
        while attempts and attempts[0] <= opened:
            attempts.popleft()
        if not attempts:
            del self._failures[key]
        return attempts[-limit] - opened if len(attempts) >= limit else 0.0


def _keys(client_id: str, address: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """The pair (its client id hashed, since anybody may send a long one) and the address alone."""
    return (address, sha256(client_id.encode("utf-8", "surrogatepass")).digest()), (address, b"")
