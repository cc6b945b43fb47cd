"""Where a run stands in a distributed trace (W3C Trace Context, https://www.w3.org/TR/trace-context/, section 3.2). Pure.

A start call may carry the header `traceparent`; then the run's span is a child of the caller's, else the run begins a trace of its
own. Both follow from the execution alone: the agent hands them to action code as TRACEPARENT before anything was exported, and the
server exports the same ids when the run has ended.
"""

import hashlib
import re
from dataclasses import dataclass

_FORM = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?")
_LONGEST = 512
#: Sampled: somebody asked for this trace to be kept.
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Place:
    """The run's span."""

    trace_id: str  #: 32 hexadecimal digits
    span_id: str  #: 16
    parent_id: str = ""  #: of the caller's span; empty: the run begins the trace
    flags: int = SAMPLED

    @property
    def traceparent(self) -> str:
        """What children of the run's span are given."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def valid_traceparent(text: str | None) -> str:
    """The header as it was sent; empty when it is none, or means nothing: then, says the standard, it is ignored."""
    found = _FORM.fullmatch(text or "") if len(text or "") <= _LONGEST else None
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"]):
        return ""
    return "" if not int(found["trace"], 16) or not int(found["span"], 16) else found[0]


def place_of(execution_id: str, traceparent: str = "") -> Place:
    """`execution_id`: a uuid; `traceparent`: of the start call, or empty."""
    span = span_id(execution_id, "run")
    found = _FORM.fullmatch(traceparent)
    if found is None:
        return Place(execution_id.replace("-", ""), span)
    return Place(found["trace"], span, found["span"], int(found["flags"], 16) & SAMPLED)


def span_id(execution_id: str, name: str) -> str:
    """Of something inside the run, such as a step: the same whoever asks."""
    return hashlib.sha256(f"{execution_id} {name}".encode()).hexdigest()[:16]
