"""When a path is long enough: one small class a question, joined by AllOf and AnyOf.

`path_expression.py` builds them from text, `Walk` asks `met` before it chooses each action. A question never changes anything: all
figures are in the `Progress` that is handed in. `progress` is how near a condition is, from 0 to 1, and never shrinks within a run.
`feasibility` says whether it can still be met, given what the walk can still come to (`reach.py`): a condition that cannot is
refused before a run, and ends one (`possible.py`, ADR 0022).
"""

from dataclasses import dataclass
from typing import Protocol

from melanzana.generation.coverage import Covered
from melanzana.generation.kinds import Kind, Word
from melanzana.generation.progress import Progress
from melanzana.generation.prospect import UNKNOWN, YES, Can, Prospect, listed
from melanzana.generation.reach import Reach

_UNITS = {Covered.STATES: "states", Covered.ACTIONS: "actions", Covered.TRANSITIONS: "transitions"}


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
    def needs_reach(self) -> bool:
        """Can it be that it cannot be met? Then it pays to find out what can be reached, and to ask `feasibility`."""
        ...

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        """Can it still be met by a walk that comes to nothing but what is in `reach`? A NO is certain."""
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
    needs_reach = False

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        """Nothing is known against it unless it was found out otherwise."""
        del reach
        return YES if self.met(progress) else UNKNOWN

    def met(self, progress: Progress) -> bool:
        raise NotImplementedError

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

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        if self.met(progress) or (reach.sure and reach.actions):
            return YES
        if reach.actions or not reach.complete:
            return UNKNOWN
        blocking = reach.blocked(Covered.ACTIONS)
        return Prospect(Can.NO, "nothing can be performed" + (f": {listed(blocking)}" if blocking else ""), blocking)


@dataclass(frozen=True)
class Iterations(_Single):
    """`count` iterations have ended, at Exit or where no action could be performed."""

    count: int
    needs_reach = True

    def met(self, progress: Progress) -> bool:
        return progress.iterations >= self.count

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        if self.met(progress) or (reach.ends and reach.sure):
            return YES
        reason = "no iteration ever ends, for nothing that can be performed leads to Exit"
        return UNKNOWN if reach.ends else Prospect(Can.NO, reason)

    def progress(self, progress: Progress) -> float:
        return min(progress.iterations / self.count, 1.0)


@dataclass(frozen=True)
class Coverage(_Single):
    """`needed` things of a kind are covered: `percent` of all, rounded up."""

    kind: Covered
    percent: float
    needed: int
    feasible: bool = False  #: is `percent` of what guards and data do not rule out?
    needs_reach = True

    def met(self, progress: Progress) -> bool:
        return progress.coverage.covered[self.kind] >= self.needed

    def progress(self, progress: Progress) -> float:
        return min(progress.coverage.covered[self.kind] / self.needed, 1.0) if self.needed else 1.0

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        if self.met(progress):
            return YES
        covered = progress.coverage.covered_of(self.kind)
        possible = len(reach.of(self.kind) | covered)
        if possible >= self.needed:
            return YES if reach.sure and self.needed - len(covered) == 1 else UNKNOWN
        blocking, total = reach.blocked(self.kind, covered), len(reach.counted(self.kind))
        asked = f"{self} asks for {self.needed:,} of {total:,} {_UNITS[self.kind]}, and only {possible:,} can be reached"
        return Prospect(Can.NO, f"{asked}; not {listed(blocking)}", blocking)

    def __str__(self) -> str:
        return f"{'feasible_' if self.feasible else ''}{_UNITS[self.kind][:-1]}_coverage({self.percent:g})"


@dataclass(frozen=True)
class FurtherCoverage(_Single):
    """`needed` paths, values or requirements are covered: `percent` of all, or of the feasible ones, rounded up."""

    kind: Kind
    percent: float
    needed: int
    feasible: bool = False
    marked: tuple[tuple[str, ...], ...] = ()  #: of each requirement: ids of its elements
    needs_reach = True

    def met(self, progress: Progress) -> bool:
        return self._covered(progress) >= self.needed

    def progress(self, progress: Progress) -> float:
        return min(self._covered(progress) / self.needed, 1.0) if self.needed else 1.0

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        """Of requirements it is known whether one of their elements can be come to; of paths and values nothing."""
        if self.met(progress):
            return YES
        lost = [elements for elements in self.marked if not any(map(reach.holds, elements))]
        lost = [elements for elements in lost if not any(map(progress.coverage.hits, elements))]
        possible = len(self.marked) - len(lost)
        if self.kind.word is not Word.REQUIREMENT or possible >= self.needed:
            return UNKNOWN
        blocking = tuple(reach.blocking(elements[0]) for elements in lost)
        asked = f"{self} asks for {self.needed:,} of {len(self.marked):,} requirements, and only {possible:,} can be reached"
        return Prospect(Can.NO, f"{asked}; not {listed(blocking)}", blocking)

    def _covered(self, progress: Progress) -> int:
        watcher = progress.coverage.watchers.get(self.kind)
        return watcher.covered if watcher is not None else 0

    def __str__(self) -> str:
        depth = "" if self.kind.word is Word.REQUIREMENT else f"{self.kind.depth}, "
        return f"{'feasible_' if self.feasible else ''}{self.kind.word}_coverage({depth}{self.percent:g})"


@dataclass(frozen=True)
class Reached(_Single):
    """One of the elements (all those of one name) was gone through."""

    name: str
    element_ids: tuple[str, ...]
    needs_reach = True

    def met(self, progress: Progress) -> bool:
        return any(map(progress.hits, self.element_ids))

    def progress(self, progress: Progress) -> float:
        return 1.0 if self.met(progress) else 0.0

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        if self.met(progress):
            return YES
        if any(map(reach.holds, self.element_ids)):
            return YES if reach.sure else UNKNOWN
        blocking = tuple(map(reach.blocking, self.element_ids))
        return Prospect(Can.NO, f"'{self.name}' cannot be reached: {blocking[0].reason}", blocking)


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

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:  # noqa: ARG002
        return UNKNOWN  # it asks for no end, and somebody will abort

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
    def needs_reach(self) -> bool:
        return any(part.needs_reach for part in self.parts)

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        """NO when one part cannot be met; that every part can be met does not say that one walk meets them all."""
        answers = [part.feasibility(progress, reach) for part in self.parts if not part.met(progress)]
        if refused := [answer for answer in answers if answer.can is Can.NO]:
            return _joined(refused)
        return YES if not answers or (len(answers) == 1 and answers[0].can is Can.YES) else UNKNOWN

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
    def needs_reach(self) -> bool:
        return all(part.needs_reach for part in self.parts)

    def feasibility(self, progress: Progress, reach: Reach) -> Prospect:
        """NO when no part can be met."""
        answers = [part.feasibility(progress, reach) for part in self.parts]
        if any(answer.can is Can.YES for answer in answers):
            return YES
        return _joined(answers) if all(answer.can is Can.NO for answer in answers) else UNKNOWN

    def met(self, progress: Progress) -> bool:
        return any(part.met(progress) for part in self.parts)

    def progress(self, progress: Progress) -> float:
        return max(part.progress(progress) for part in self.parts)

    def readings(self, progress: Progress) -> tuple[float, ...]:
        return tuple(reading for part in self.parts for reading in part.readings(progress))


def asked_kinds(condition: StopCondition | None) -> frozenset[Kind]:
    """The further kinds of coverage that a condition asks about: these must be watched."""
    if isinstance(condition, AllOf | AnyOf):
        return frozenset(kind for part in condition.parts for kind in asked_kinds(part))
    return frozenset({condition.kind}) if isinstance(condition, FurtherCoverage) else frozenset()


def _joined(answers: list[Prospect]) -> Prospect:
    blocking = tuple(dict.fromkeys(one for answer in answers for one in answer.blocking))
    return Prospect(Can.NO, "; ".join(answer.reason for answer in answers), blocking)
