"""How many more runs like those so far coverage needs to come to a goal. Pure; `history.py` asks, pages show it.

Runs are samples, things to cover are species: the estimator is Chao2 (Chao, "Estimating the population size for capture-recapture
data with unequal catchability", Biometrics 43, 1987) with the extrapolation of Chao, Colwell, Lin and Gotelli ("Sufficient sampling
for asymptotic minimum species richness estimators", Ecology 90, 2009); Böhme ("STADS: Software testing as species discovery", ACM
TOSEM 27, 2018) applies it to tests. It looks at what only one run and only two runs have come to: many such things mean that much
is left. It takes it that later runs choose like earlier ones; a model whose runs change their way breaks that.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log

METHOD = "Chao2 extrapolation over runs"
#: Fewer runs say nothing.
LEAST_RUNS = 5
#: More runs than this are no plan.
MOST_RUNS = 1_000_000


class Outlook(StrEnum):
    """What can be said."""

    REACHED = "reached"
    EXPECTED = "expected"  #: after so many more runs
    LEVELS_OFF = "levels_off"  #: runs like these are not likely to come there
    UNKNOWN = "unknown"  #: too few runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What `RunSum.frequencies` counts, over `runs` runs."""

    runs: int
    covered: int
    once: int
    twice: int
    total: int  #: how many things there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How far it is to `goal`."""

    goal: float  #: from 0 to 1
    outlook: Outlook
    more_runs: int | None = None  #: when it is expected
    asymptote: float | None = None  #: the coverage that runs like these tend to, from 0 to 1; None when it is not known


def predict(sample: Sample, goal: float = 0.9) -> Prediction:
    """Whether and when the goal is reached."""
    aim = ceil(goal * sample.total - 1e-9)
    if sample.covered >= aim:
        return Prediction(goal=goal, outlook=Outlook.REACHED)
    if sample.runs < LEAST_RUNS:
        return Prediction(goal=goal, outlook=Outlook.UNKNOWN)
    unseen = min(unseen_things(sample.runs, sample.once, sample.twice), float(sample.total - sample.covered))
    asymptote = (sample.covered + unseen) / sample.total
    more = _more_runs(sample, unseen, aim)
    if more is None or more > MOST_RUNS:
        return Prediction(goal=goal, outlook=Outlook.LEVELS_OFF, asymptote=asymptote)
    return Prediction(goal=goal, outlook=Outlook.EXPECTED, more_runs=more, asymptote=asymptote)


def unseen_things(runs: int, once: int, twice: int) -> float:
    """Chao2: how many things are there that none of `runs` ≥ 1 runs has come to; bias-corrected where none was seen by just two."""
    share = (runs - 1) / runs
    return share * once**2 / (2 * twice) if twice else share * once * (once - 1) / 2


def _more_runs(sample: Sample, unseen: float, aim: int) -> int | None:
    """Solve covered + unseen · (1 - (1 - once / (runs · unseen + once)) ^ more) = aim for `more`."""
    missing = aim - sample.covered
    if unseen <= missing or not sample.once:
        return None
    chance = sample.once / (sample.runs * unseen + sample.once)
    return max(1, ceil(log(1 - missing / unseen) / log(1 - chance)))
