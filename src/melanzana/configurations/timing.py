"""When a schedule is due. Pure: the instant that counts as now is an argument.

A schedule is due once, at an instant, or again and again by a cron expression of five fields in a time zone. Hour changes go as in
Debian's cron: a time that an hour change skips is made up right after it, one that it repeats is not repeated.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from melanzana.errors import RequestError

_FIELDS = 5
_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Exactly one of the two is given."""

    at: datetime | None = None  #: once
    cron: str | None = None  #: minute, hour, day of month, month, day of week
    time_zone: str = "UTC"  #: IANA name, of `cron`


def check_timing(timing: Timing) -> None:
    """Raises RequestError naming the field."""
    if (timing.at is None) == (timing.cron is None):
        raise RequestError("say when: at, for once, or cron, for again and again", field="cron")
    _zone(timing)
    if timing.cron is not None:
        next_due(timing, datetime(2000, 1, 1, tzinfo=UTC))


def next_due(timing: Timing, after: datetime) -> datetime | None:
    """The first instant after `after` at which it is due, in UTC; None when there is none any more. Raises RequestError."""
    if timing.at is not None:
        return timing.at if timing.at > after else None
    expression = timing.cron or ""
    if len(expression) > _LIMIT or len(expression.split()) != _FIELDS:
        raise _wrong(expression, "it needs five fields: minute, hour, day of month, month, day of week")
    try:
        found = next(CronSim(expression, after.astimezone(_zone(timing))), None)
    except CronSimError as error:
        raise _wrong(expression, str(error)) from None
    return None if found is None else found.astimezone(UTC)


def upcoming(timing: Timing, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The instants after `after` and not after `until`, at most `most`."""
    found: list[datetime] = []
    due = next_due(timing, after)
    while due is not None and due <= until and len(found) < most:
        found.append(due)
        due = next_due(timing, due)
    return found


def _zone(timing: Timing) -> ZoneInfo:
    try:
        return ZoneInfo(timing.time_zone)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of the zone database
        raise RequestError(f"there is no time zone {timing.time_zone!r}; write one like Europe/Rome", field="time_zone") from None


def _wrong(expression: str, why: str) -> RequestError:
    return RequestError(f"{expression[:_LIMIT]!r} says no time: {why}; write it like 30 2 * * MON-FRI", field="cron")
