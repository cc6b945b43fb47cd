"""What the run is made against, for authors of action code: `from melanzana import sut`.

The worker sets it once, before any action code is loaded. It holds secrets and lives in this process only: nothing writes it to a
file, an environment variable or a log. Imported by `melanzana/__init__.py`: keep it free of other imports.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NOTHING = 'no system under test was locked for this run: name one in the start request, such as "sut": {"criteria": ["till"]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUnderTest:
    """The system under test that nobody else has while this run goes on."""

    id: str
    name: str
    criteria: tuple[str, ...] = ()
    connections: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  #: each with `connection_type`, secrets included

    def connection(self, connection_type: str) -> Mapping[str, Any]:
        """The first connection of this type, such as `WebDriver`. Raises LookupError naming the types there are."""
        for one in self.connections:
            if one.get("connection_type") == connection_type:
                return one
        there = ", ".join(str(one.get("connection_type")) for one in self.connections) or "none"
        raise LookupError(f"{self.name} has no {connection_type} connection; it has: {there}")


_current: list[SystemUnderTest] = []


def sut() -> SystemUnderTest:
    """The system under test of this run. Raises LookupError when none was locked for it."""
    if not _current:
        raise LookupError(_NOTHING)
    return _current[0]


def set_sut(document: Mapping[str, Any]) -> None:
    """From now on `sut` gives this one, as the lease describes it."""
    _current[:] = [
        SystemUnderTest(
            id=str(document.get("id", "")),
            name=str(document.get("name", "")),
            criteria=tuple(document.get("criteria", ())),
            connections=tuple(document.get("connections", ())),
        )
    ]
