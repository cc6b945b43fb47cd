"""What many runs have gone through together, whatever order they come in: hits, in how many runs, and first in which.

That is enough for coverage, for its curve over runs (`curve`) and for how it may go on (`prediction.py`). `digesting.py` feeds it
with one tally a run. Pure; adding is linear in the tally, and two sums can be merged.
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from melanzana.generation.kinds import Kind
from melanzana.reports.records import Tally


@dataclass(slots=True)
class Seen:
    """One thing to cover."""

    hits: int = 0
    runs: int = 0  #: how many runs came to it
    first: int = 2**63  #: number of the first of them


class CurvePoint(NamedTuple):
    """Coverage after so many runs."""

    runs: int
    run_id: int  #: the last of them
    covered: int


@dataclass(slots=True)
class RunSum:
    """Of runs of one version of a model."""

    seen: dict[Hashable, Seen] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)  #: of the runs, ascending
    seconds: float = 0.0  #: that they took together
    dry: int = 0  #: how many of them performed no code

    def add(self, run_id: int, seconds: float, tally: Tally, *, dry: bool = False) -> None:
        """One more run; nobody may add it twice."""
        insort(self.numbers, run_id)
        self.dry += dry
        self.seconds += seconds
        for thing, hits in _things(tally):
            seen = self.seen.setdefault(thing, Seen())
            seen.hits += hits
            seen.runs += 1
            seen.first = min(seen.first, run_id)

    def tally(self) -> Tally:
        """The hits of all runs together."""
        further: dict[Kind, dict[Any, int]] = {}
        hits: dict[str, int] = {}
        taken: dict[tuple[str, str | None], int] = {}
        for thing, seen in self.seen.items():
            match thing:
                case str():
                    hits[thing] = seen.hits
                case (Kind() as kind, key):
                    further.setdefault(kind, {})[key] = seen.hits
                case (str() as action, None | str() as target):
                    taken[action, target] = seen.hits
        return Tally(hits=hits, transition_hits=taken, further=further)

    def curve(self, wanted: Collection[Hashable]) -> tuple[CurvePoint, ...]:
        """How many of the wanted things were covered, after each run that came to a new one, and after the last."""
        firsts = sorted(seen.first for thing, seen in self.seen.items() if thing in wanted)
        points = {first: number for number, first in enumerate(firsts, 1)}
        if self.numbers:
            points.setdefault(self.numbers[-1], len(firsts))
        return tuple(CurvePoint(bisect_right(self.numbers, run), run, n) for run, n in sorted(points.items()))

    def frequencies(self, wanted: Collection[Hashable]) -> tuple[int, int, int]:
        """How many of the wanted things were covered, by just one run, and by just two."""
        runs = [seen.runs for thing, seen in self.seen.items() if thing in wanted]
        return len(runs), runs.count(1), runs.count(2)


def merged(sums: Iterable[RunSum]) -> RunSum:
    """The sum of runs that are in just one of these."""
    whole = RunSum()
    for one in sums:
        whole.numbers.extend(one.numbers)
        whole.seconds += one.seconds
        whole.dry += one.dry
        for thing, seen in one.seen.items():
            known = whole.seen.setdefault(thing, Seen())
            known.hits += seen.hits
            known.runs += seen.runs
            known.first = min(known.first, seen.first)
    whole.numbers.sort()
    return whole


def _things(tally: Tally) -> Iterator[tuple[Hashable, int]]:
    """States and actions by id, transitions as pairs, things of further kinds as (kind, thing)."""
    yield from tally.hits.items()
    yield from tally.transition_hits.items()
    for kind, found in tally.further.items():
        yield from (((kind, key), hits) for key, hits in found.items())
