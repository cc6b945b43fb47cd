"""How far a walk has come, in the few figures that stop conditions ask about. `Walk` counts here; everybody else only reads."""

from collections.abc import Mapping

from melanzana.generation.coverage import CoverageTracker


class Progress:
    """The figures of one walk, or of one part of it (`chaining.py`)."""

    __slots__ = ("actions", "coverage", "elapsed_seconds", "failed", "hits_before", "iterations", "steps")

    def __init__(self, coverage: CoverageTracker) -> None:
        self.coverage = coverage
        self.steps = 0  #: states entered and actions performed
        self.actions = 0  #: actions performed
        self.iterations = 0  #: iterations that have ended
        self.failed: list[tuple[str, str | None]] = []  #: ids of action and target, as they did not pass
        self.elapsed_seconds = 0.0  #: as told by the caller
        self.hits_before: Mapping[str, int] = {}  #: of a part: how often elements were gone through before it

    def hits(self, element_id: str) -> int:
        """How often a state was entered or an action performed; 0 for what the model does not have."""
        return self.coverage.hits(element_id) - self.hits_before.get(element_id, 0)
