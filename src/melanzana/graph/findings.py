"""What a reader or a rule has to say about a model.

Readers return findings as notes, `graph/validation.py` collects those of all rules, `melanzana check` prints them and the
REST answers carry `to_json`. `code` is stable; `catalogue.py` lists the codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  #: the model cannot be used
    WARNING = "warning"  #: it can be used and probably does not mean this
    INFO = "info"  #: worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one element: what is wrong and how to mend it."""

    code: str
    severity: Severity
    message: str
    element_id: str | None = None
    element: str | None = None  #: where people find it: `Results`, `Results/add`, `anywhere/go home`, `variable basket`
    line: int | None = None  #: from 1
    column: int | None = None  #: from 1
    suggestion: str | None = None
    field: str | None = None  #: the place inside the element in words of the text format: `when`, `set/basket`, `variables/user`

    def to_json(self) -> dict[str, Any]:
        """Every field that holds something, by name."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: str(value) if isinstance(value, Severity) else value for name, value in pairs if value is not None}


def has_errors(findings: Iterable[Finding]) -> bool:
    """Does at least one finding forbid to use the model?"""
    return any(finding.severity is Severity.ERROR for finding in findings)
