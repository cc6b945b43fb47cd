"""How far a walk has come, in the few figures that stop conditions ask about. `Walk` counts here; everybody else only reads."""

from melanzana.generation.coverage import CoverageTracker


class Progress:
    """The figures of one walk."""

    __slots__ = ("actions", "coverage", "elapsed_seconds", "failed", "iterations", "steps")

    def __init__(self, coverage: CoverageTracker) -> None:
        self.coverage = coverage
        self.steps = 0  #: states entered and actions performed
        self.actions = 0  #: actions performed
        self.iterations = 0  #: iterations that have ended
        self.failed: list[tuple[str, str | None]] = []  #: ids of action and target, as they did not pass
        self.elapsed_seconds = 0.0  #: as told by the caller
