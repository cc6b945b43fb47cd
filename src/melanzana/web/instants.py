"""How pages write instants and durations: relative to read, exact in the title."""

from datetime import UTC, datetime

_STEPS = ((60.0, 1.0, "s"), (3_600.0, 60.0, "min"), (86_400.0, 3_600.0, "h"), (60 * 86_400.0, 86_400.0, "d"))
#: Less than this many seconds is now.
_JUST_NOW = 5.0


def ago(instant: datetime, now: datetime) -> str:
    """`3 min ago`, `in 2 d`; the date when it is more than two months away."""
    seconds = (now - instant).total_seconds()
    past = abs(seconds)
    if past < _JUST_NOW:
        return "just now"
    for limit, unit, letter in _STEPS:
        if past < limit:
            text = f"{int(past // unit)} {letter}"
            return f"in {text}" if seconds < 0 else f"{text} ago"
    return instant.astimezone(UTC).date().isoformat()


def utc(instant: datetime) -> str:
    """`2026-03-01 12:00:00 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(instant: datetime) -> str:
    """`2026-03-01T12:00:00Z`, for machines."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """`850 ms`, `12.4 s`, `1m 04s`, `2h 05m`."""
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"
