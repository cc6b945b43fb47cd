"""How long the next guess waits. Pure: `store_logins.py` keeps the figures, `logins.py` asks.

Three levels rise by one with each wrong password and leak away with time: of a name at an address, of the name anywhere, of the
address whatever the name. Only the first and the last make anybody wait, and the wait doubles with every further failure. Many
failures of a name from anywhere take the free typing errors from every address, but nobody's first attempt: the right person at
another address is let in at once, so nobody can lock a person out by guessing on purpose.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from melanzana.users.names import name_key

LONGEST_SECONDS = 900.0
#: Failures of a name from anywhere, within an hour or so, that are no typing errors any more.
BESIEGED = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayRule:
    """When one level makes somebody wait."""

    free: float  #: failures without a wait
    leak_seconds: float  #: the level falls by one in this time


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Failures that still count, as of an instant."""

    height: float
    counted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKeys:
    """The three levels that an attempt belongs to. Digests: what people type into a name field may be their password."""

    pair: bytes
    name: bytes
    address: bytes


PAIR = DelayRule(free=5, leak_seconds=3600)
PAIR_BESIEGED = DelayRule(free=1, leak_seconds=3600)
NAME = DelayRule(free=BESIEGED, leak_seconds=60)
ADDRESS = DelayRule(free=50, leak_seconds=30)
#: After this time without a failure the lowest wait is over and every level but the pair's has leaked away.
FORGOTTEN_AFTER = timedelta(hours=24)


def attempt_keys(realm: str, username: str, address: str) -> AttemptKeys:
    """Unknown names have levels as well as known ones."""
    name, place = name_key(username[:1000]), _network(address)
    return AttemptKeys(
        pair=_digest("pair", realm, name, place), name=_digest("name", realm, name), address=_digest("address", place)
    )


def wait_seconds(level: Level | None, rule: DelayRule, now: datetime) -> float:
    """Seconds until the next attempt is looked at; 0 when it is now."""
    if level is None or level.height < rule.free:
        return 0.0
    delay = min(LONGEST_SECONDS, math.exp2(min(level.height - rule.free, 20.0)))
    return max(0.0, min(delay, delay - (now - level.counted_at).total_seconds()))


def current(level: Level | None, rule: DelayRule, now: datetime) -> float:
    """The height after what has leaked away."""
    if level is None:
        return 0.0
    elapsed = max(0.0, (now - level.counted_at).total_seconds())
    return max(0.0, level.height - elapsed / rule.leak_seconds)


def _network(address: str) -> str:
    """One household has a whole IPv6 /64, so that is what counts."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else parsed.packed[:8].hex()
    return str(parsed)


def _digest(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
