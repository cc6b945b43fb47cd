"""When a path is long enough: one small class a question, joined by AllOf and AnyOf.

`path_expression.py` builds them from text, `Walk` asks `met` before it chooses each action. A question never changes anything: all
figures are in the `Progress` that is handed in. `progress` is how near a condition is, from 0 to 1, and never shrinks within a run.
"""

from dataclasses import dataclass
from typing import Protocol

from melanzana.generation.coverage import Covered
from melanzana.generation.progress import Progress


class StopCondition(Protocol):
    """What every stop condition answers."""

    @property
    def endless(self) -> bool:
        """Does it ask for a walk that goes on whether or not it finds anything new (`never`)?"""
        ...

    @property
    def offline(self) -> bool:
        """Does generating alone bring it to an end? A clock that stands still and `never` do not."""
        ...

    @property
    def obstacle(self) -> str:
        """Why it can never be met on this model, whatever the guards say; empty when nothing is known against it."""
        ...

    def met(self, progress: Progress) -> bool:
        """Is it enough?"""
        ...

    def progress(self, progress: Progress) -> float:
        """How near it is, 0 to 1."""
        ...

    def readings(self, progress: Progress) -> tuple[float, ...]:
        """The progress of each single question in it."""
        ...


class _Single:
    """What conditions that ask one question share."""

    __slots__ = ()

    endless = False
    offline = True
    obstacle = ""

    def readings(self, progress: Progress) -> tuple[float, ...]:
        return (self.progress(progress),)

    def progress(self, progress: Progress) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Steps(_Single):
    """At least `count` steps (states entered and actions performed)."""

    count: int

    def met(self, progress: Progress) -> bool:
        return progress.steps >= self.count

    def progress(self, progress: Progress) -> float:
        return min(progress.steps / self.count, 1.0)


@dataclass(frozen=True)
class Actions(_Single):
    """Exactly `count` actions."""

    count: int

    def met(self, progress: Progress) -> bool:
        return progress.actions >= self.count

    def progress(self, progress: Progress) -> float:
        return min(progress.actions / self.count, 1.0)


@dataclass(frozen=True)
class Iterations(_Single):
    """`count` iterations have ended, at Exit or where no action could be performed."""

    count: int
    obstacle: str = ""

    def met(self, progress: Progress) -> bool:
        return progress.iterations >= self.count

    def progress(self, progress: Progress) -> float:
        return min(progress.iterations / self.count, 1.0)


@dataclass(frozen=True)
class Coverage(_Single):
    """`needed` things of a kind are covered: `percent` of all, rounded up."""

    kind: Covered
    percent: float
    needed: int
    obstacle: str = ""

    def met(self, progress: Progress) -> bool:
        return progress.coverage.covered[self.kind] >= self.needed

    def progress(self, progress: Progress) -> float:
        return min(progress.coverage.covered[self.kind] / self.needed, 1.0) if self.needed else 1.0


@dataclass(frozen=True)
class Reached(_Single):
    """One of the elements (all those of one name) was gone through."""

    name: str
    element_ids: tuple[str, ...]
    obstacle: str = ""

    def met(self, progress: Progress) -> bool:
        return any(progress.coverage.hits(element) for element in self.element_ids)

    def progress(self, progress: Progress) -> float:
        return 1.0 if self.met(progress) else 0.0


@dataclass(frozen=True)
class Elapsed(_Single):
    """`seconds` have passed on the clock of whoever performs the steps."""

    seconds: float
    offline = False

    def met(self, progress: Progress) -> bool:
        return progress.elapsed_seconds >= self.seconds

    def progress(self, progress: Progress) -> float:
        return min(progress.elapsed_seconds / self.seconds, 1.0) if self.seconds else 1.0


@dataclass(frozen=True)
class Never(_Single):
    """Until somebody aborts."""

    endless = True
    offline = False

    def met(self, progress: Progress) -> bool:  # noqa: ARG002
        return False

    def progress(self, progress: Progress) -> float:  # noqa: ARG002
        return 0.0


@dataclass(frozen=True)
class AllOf:
    """Every part is met."""

    parts: tuple[StopCondition, ...]

    @property
    def endless(self) -> bool:
        return any(part.endless for part in self.parts)

    @property
    def offline(self) -> bool:
        return all(part.offline for part in self.parts)

    @property
    def obstacle(self) -> str:
        return next((part.obstacle for part in self.parts if part.obstacle), "")

    def met(self, progress: Progress) -> bool:
        return all(part.met(progress) for part in self.parts)

    def progress(self, progress: Progress) -> float:
        return sum(part.progress(progress) for part in self.parts) / len(self.parts)

    def readings(self, progress: Progress) -> tuple[float, ...]:
        return tuple(reading for part in self.parts for reading in part.readings(progress))


@dataclass(frozen=True)
class AnyOf:
    """At least one part is met."""

    parts: tuple[StopCondition, ...]

    @property
    def endless(self) -> bool:
        return any(part.endless for part in self.parts)

    @property
    def offline(self) -> bool:
        return any(part.offline for part in self.parts)

    @property
    def obstacle(self) -> str:
        return "; ".join(part.obstacle for part in self.parts) if all(part.obstacle for part in self.parts) else ""

    def met(self, progress: Progress) -> bool:
        return any(part.met(progress) for part in self.parts)

    def progress(self, progress: Progress) -> float:
        return max(part.progress(progress) for part in self.parts)

    def readings(self, progress: Progress) -> tuple[float, ...]:
        return tuple(reading for part in self.parts for reading in part.readings(progress))
