"""Can something still come about? The answer of a stop condition, and the elements that stand in its way.

`stop_conditions.py` answers, `possible.py` refuses a run on a NO, `checking/` shows it as a finding, the REST carries `to_json` of
what blocks. ADR 0022 says when NO may be said: only when no walk whatever can do it, whatever guards, data and snippets say.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple

#: Elements named in one message, and carried in one answer.
NAMED, CARRIED = 3, 50


class Can(StrEnum):
    """What is known of a wish."""

    YES = "yes"  #: there is a walk that does it
    NO = "no"  #: there is none, for certain
    UNKNOWN = "unknown"  #: nothing is known against it


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocking:
    """One element that cannot be come to, and why."""

    kind: str  #: state, action or transition
    id: str
    label: str  #: `'pay' in 'Basket' → Exit`
    reason: str
    target: str | None = None  #: of a transition: id of what it leads to; None when it stays

    def to_json(self) -> dict[str, Any]:
        """Every field that holds something, by name."""
        pairs = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in pairs if value is not None}

    def __str__(self) -> str:
        return f"{self.label} ({self.reason})"


class Prospect(NamedTuple):
    """The answer, in one sentence that begins with what was asked; empty unless the answer is NO."""

    can: Can
    reason: str = ""
    blocking: tuple[Blocking, ...] = ()


YES, UNKNOWN = Prospect(Can.YES), Prospect(Can.UNKNOWN)


def listed(blocking: tuple[Blocking, ...]) -> str:
    """The first few in words, and how many more there are."""
    more = f" and {len(blocking) - NAMED} more" if len(blocking) > NAMED else ""
    return ", ".join(map(str, blocking[:NAMED])) + more
