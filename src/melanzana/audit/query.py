"""Reads what a person writes to find records: `action:login outcome:failure since:7d 192.0.2.1`.

`pages.py` and the command line ask here. Words without a name are one text that is searched everywhere; a value with spaces stands
in double quotes.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from melanzana.audit.records import AuditFilter
from melanzana.errors import RequestError
from melanzana.web.queries import words

NAMES = ("action", "actor", "subject", "outcome", "since", "until")
_AGO = re.compile(r"(\d{1,6})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LONGEST_QUERY = 1_000


def read_query(text: str, now: datetime) -> AuditFilter:
    """Errors: RequestError naming the word that cannot be read."""
    if len(text) > LONGEST_QUERY:
        raise RequestError(f"a query has at most {LONGEST_QUERY} characters", field="q")
    values: dict[str, Any] = {}
    free: list[str] = []
    for name, value in words(text, NAMES):
        if name:
            values[name] = read_instant(value, now, name) if name in {"since", "until"} else value
        else:
            free.append(value)
    return AuditFilter(**values, text=" ".join(free))


def read_instant(text: str, now: datetime, field: str) -> datetime:
    """`30m`, `12h` or `7d` ago, a day, or an instant of ISO 8601; without a zone it is UTC.

    Errors: RequestError.
    """
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RequestError(
            f"{field} is 30m, 12h, 7d, a day like 2026-03-01, or an instant like 2026-03-01T12:00Z", field=field
        ) from None
