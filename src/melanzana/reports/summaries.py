"""What is left of a run's log when it is removed: the figures that a fold had, as the body of one line.

`folding.py` makes it and takes it back; `executions/retention.py` writes it before it removes anything. So a fold of what remains
gives the same figures, coverage and failing step as that of the whole log did; further kinds of coverage and the steps are gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from melanzana.generation.coverage import CoverageReport, CoverageTracker
from melanzana.reports.records import FailingStep


class Timing(NamedTuple):
    """How long an element took; seconds."""

    element_id: str
    name: str
    kind: str
    times: int
    total: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of one run."""

    steps: int
    actions: int
    iterations: int
    elapsed: float
    failing: FailingStep | None
    timings: Iterable[Any]  #: rows of `Timing`
    report: CoverageReport | None = None  #: None in one that was read
    hits: Mapping[str, int] | None = None
    taken: Iterable[Any] = ()  #: action, target, times

    def body(self, lines: int) -> dict[str, Any]:
        """As the line keeps it."""
        assert self.report is not None
        return {
            "lines": lines,
            "steps": self.steps,
            "actions": self.actions,
            "iterations": self.iterations,
            "elapsed": self.elapsed,
            "failing": None if self.failing is None else asdict(self.failing),
            "timings": [list(row) for row in self.timings],
            "hits": {element: times for element, times in self.report.hits.items() if times},
            "taken": [[action, target, times] for (action, target), times in self.report.transition_hits.items() if times],
        }

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From a line."""
        failing = body["failing"]
        return cls(
            steps=body["steps"],
            actions=body["actions"],
            iterations=body["iterations"],
            elapsed=body["elapsed"],
            failing=None if failing is None else FailingStep(**failing),
            timings=[Timing(*row) for row in body["timings"]],
            hits=body["hits"],
            taken=body["taken"],
        )

    def show(self, coverage: CoverageTracker) -> None:
        """Let the tracker count what was gone through."""
        left = dict(self.hits or {})
        for action, target, times in self.taken:
            coverage.visit("action", action, target, times)
            left[action] = left.get(action, 0) - times
        for element, times in left.items():
            if times > 0:
                coverage.visit("state", element, None, times)
                coverage.visit("action", element, "", times)
