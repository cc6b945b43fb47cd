"""Makes a failing walk small: fewer actions first, then simpler values; the failure stays the same one.

`shrink` is called by `runner/trying.py` with an oracle that performs candidates. A candidate is some of the choices of the best
walk, its gaps closed by the shortest ways (`terrain.py`), so it is valid on the model before anybody performs it; it is performed
only if it is shorter than the best one, and once, whatever asks for it again. In this order (ADR 0021):

1. the shortest way to the failing element alone;
2. the walk without its loops: without what lies between two visits of one configuration;
3. its essential choices, by bisection: the longest beginning that can be left out tells the first one, and so on; then the
   shortest walk that makes them in this order;
4. ddmin over what is left (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28, 2002);
5. every stretch of a walk that has become short, the longest first;
6. values: each to its simplest, or by halves towards it, as QuickCheck and Hypothesis do.

Performances: about k · log2 n for n choices of which k are essential, where the failure hangs on these alone; at worst those of
ddmin, n². `most_performances` ends it in any case, with the best walk found so far. No randomness: same answers, same result.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from melanzana.generation.shrinking.choices import BEGIN, Choice, Named, Walked, choices_until, first_begin, length, recorded_of
from melanzana.generation.shrinking.oracle import EnoughError, Oracle
from melanzana.generation.shrinking.simplest import simpler
from melanzana.generation.shrinking.terrain import Terrain
from melanzana.graph.model import Scalar

#: Walks of at most so many actions have all their stretches tried.
SHORT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What may be spent, and who is told."""

    most_performances: int = 200
    repeat: int = 1  #: a candidate that passes is performed so often before it counts as passing
    tell: Callable[[int, int], None] | None = None  #: performances so far and actions of the best walk, after each performance


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What came of it."""

    walked: Walked  #: the smallest walk that failed
    before: int  #: actions of the walk that was given
    performances: int
    reproduced: bool  #: did the walk that was given fail again?
    finished: bool  #: was everything tried? Else the effort was spent first
    failures: int  #: of `tries` performances of the smallest walk, at the end
    tries: int

    @property
    def after(self) -> int:
        """Actions of the smallest walk."""
        return length(self.walked)

    @property
    def flaky(self) -> bool:
        """Did the smallest walk pass at times?"""
        return 0 < self.failures < self.tries


def shrink(terrain: Terrain, walked: Walked, oracle: Oracle, *, failing_state: int | None, effort: Effort | None = None) -> Shrunk:
    """The smallest walk found that fails as `walked` does; it is never longer.

    `failing_state` is the number of the state whose check fails; None when an action fails.
    """
    effort = effort or Effort()
    trial = _Trial(terrain, oracle, effort, walked)
    finished = reproduced = False
    failures = tries = 0
    try:
        reproduced = trial.confirm()
        if reproduced:
            _structure(trial, failing_state)
            _values(trial)
            finished = True
            if effort.repeat > 1:
                for _ in range(effort.repeat):
                    failures += trial.perform(trial.best) is not None
                    tries += 1
    except EnoughError:
        pass
    return Shrunk(
        walked=trial.best,
        before=length(walked),
        performances=trial.performances,
        reproduced=reproduced,
        finished=finished,
        failures=failures,
        tries=tries,
    )


class _Trial:
    """The best walk so far, and what was learned about candidates."""

    def __init__(self, terrain: Terrain, oracle: Oracle, effort: Effort, walked: Walked) -> None:
        self.terrain = terrain
        self.best = walked
        self.performances = 0
        self._oracle = oracle
        self._effort = effort
        self._known: dict[Walked, bool] = {}

    def confirm(self) -> bool:
        """Does the walk that was given fail? It ends where it does."""
        return self._fails(self.best)

    def shorter(self, wanted: Sequence[Choice]) -> bool:
        """Does the walk through these choices fail, and is it shorter than the best? Then it is the best."""
        candidate = self.terrain.joined(wanted)
        return candidate is not None and length(candidate) < length(self.best) and self._fails(candidate)

    def holds(self, wanted: Sequence[Choice]) -> bool:
        """Is it known, or worth a performance, that the walk through these choices fails? It may be the best one itself."""
        candidate = self.terrain.joined(wanted)
        if candidate is None or (length(candidate) >= length(self.best) and candidate not in self._known):
            return candidate == self.best
        return self._fails(candidate)

    def as_good(self, candidate: Walked) -> bool:
        """Does a walk of the same choices with other values fail? Then it is the best."""
        same = self.terrain.joined(candidate)
        return same is not None and same == candidate and self._fails(candidate)

    def perform(self, candidate: Walked) -> Walked | None:
        """Perform it once. Returns it as far as it failed; None when it passed. Errors: `EnoughError`."""
        if self.performances >= self._effort.most_performances:
            raise EnoughError
        told = self._oracle.perform(recorded_of(self.terrain.network, candidate))
        self.performances += 1
        failed = (choices_until(candidate, told.step) if told.step else candidate) if told.failed else None
        if failed is not None and self._is_better(failed):
            self.best = failed
        if self._effort.tell is not None:
            self._effort.tell(self.performances, length(self.best))
        return failed

    def _is_better(self, failed: Walked) -> bool:
        return length(failed) <= length(self.best)

    def _fails(self, candidate: Walked) -> bool:
        if candidate not in self._known:
            self._known[candidate] = any(self.perform(candidate) is not None for _ in range(self._effort.repeat))
        return self._known[candidate]


def _structure(trial: _Trial, failing_state: int | None) -> None:
    """Fewer actions."""
    _direct(trial, failing_state)
    _loops(trial)
    while True:
        before = length(trial.best)
        _essentials(trial)
        _ddmin(trial)
        _stretches(trial)
        if length(trial.best) == before:
            return


def _direct(trial: _Trial, failing_state: int | None) -> None:
    """The shortest way to the failing element, with the values of the iteration that failed."""
    begin = trial.best[first_begin(trial.best, len(trial.best) - 1)]
    if failing_state is not None:
        at = trial.terrain.after(None, begin)
        way = trial.terrain.way(at, failing_state)
        if way is not None and trial.shorter((begin, *way)):
            return
    trial.shorter((begin, trial.best[-1]))


def _loops(trial: _Trial) -> None:
    """Without any loop at once; else without one of the longest."""
    if trial.terrain.joined(trial.best) != trial.best:
        return  # it hung on answers that are not those of the recording's end
    keys = [trial.terrain.key(position) for position in trial.terrain.positions(trial.best)]
    if trial.shorter(_without_loops(trial.best, keys)):
        return
    walked = trial.best
    last = {key: place for place, key in enumerate(keys)}
    cuts = sorted(((last[key] - place, place) for place, key in enumerate(keys) if last[key] - place > SHORT), reverse=True)
    for size, place in cuts[:3]:
        if trial.shorter(walked[: place + 1] + walked[place + size + 1 :]):
            return


def _without_loops(walked: Walked, keys: Sequence[Hashable]) -> Walked:
    """Each configuration is visited once; the last choice stays."""
    last = {key: place for place, key in enumerate(keys[:-1])}
    kept: list[Choice] = []
    place = 0
    while place < len(walked) - 1:
        kept.append(walked[place])
        place = last[keys[place]] + 1
    return (*kept, walked[-1])


def _essentials(trial: _Trial) -> None:
    """Bisect for the choices that must stay, from the first to the last; then the shortest walk through all of these."""
    walked = trial.best
    begin, end = first_begin(walked, len(walked) - 1), len(walked) - 1
    kept: list[Choice] = []
    place = 0
    if trial.shorter(walked[begin:]) or begin == 0:
        place = begin + 1
        kept = [walked[begin]]
    while place < end and not trial.holds((*kept, walked[end])):
        low, high = place, end
        while high - low > 1:
            middle = (low + high) // 2
            if trial.holds((*_from(walked, kept, middle), *walked[middle:])):
                low = middle
            else:
                high = middle
        kept = [*_from(walked, kept, low), walked[low]]
        place = low + 1
    found = trial.terrain.through((*kept, walked[end])) if kept else None
    if found is not None:
        trial.shorter(found)


def _from(walked: Walked, kept: list[Choice], place: int) -> list[Choice]:
    """What is kept; at the very first also the beginning of the iteration that goes on at `place`."""
    if kept or walked[place].action == BEGIN:
        return kept
    return [walked[first_begin(walked, place)]]


def _ddmin(trial: _Trial) -> None:
    """Leave out ever smaller parts, until no single choice can be left out."""
    walked = trial.best
    parts = 2
    while len(walked) > 2:
        middle = walked[1:-1]
        size = -(-len(middle) // parts)
        found = False
        for place in range(0, len(middle), size):
            if trial.shorter((walked[0], *middle[:place], *middle[place + size :], walked[-1])):
                found = True
                break
        if found:
            walked, parts = trial.best, max(parts - 1, 2)
        elif size == 1:
            return
        else:
            parts = min(parts * 2, len(middle))


def _stretches(trial: _Trial) -> None:
    """Leave out every stretch, the longest first."""
    again = length(trial.best) <= SHORT
    while again:
        walked = trial.best
        again = any(trial.shorter(walked[:first] + walked[last:]) for first, last in _all_stretches(len(walked)))


def _all_stretches(size: int) -> Iterator[tuple[int, int]]:
    """Beginning and end of what lies between the first choice and the last."""
    for count in range(size - 2, 0, -1):
        for first in range(1, size - count):
            yield first, first + count


# ---- values


def _values(trial: _Trial) -> None:
    """Simpler values: all at once, then those of one name, then each."""
    everywhere = _places(trial, trial.best)
    if trial.as_good(_replaced(trial.best, {place: next(iter(options)) for place, options in everywhere.items()})):
        return
    names = dict.fromkeys(name for _, _, name in everywhere)
    for name in names:
        _simplify(trial, lambda place, name=name: place[2] == name)  # type: ignore[misc]
    for place in everywhere:
        _simplify(trial, lambda other, place=place: other == place)  # type: ignore[misc]


_Place = tuple[int, bool, str]  # number of the choice, is it entered?, name


def _simplify(trial: _Trial, concerns: Callable[[_Place], bool]) -> None:
    """Make the values in these places simpler, all together, as long as the walk fails."""
    again = True
    while again:
        again = False
        places = {place: options for place, options in _places(trial, trial.best).items() if concerns(place)}
        for number in range(max(map(len, places.values()), default=0)):
            changed = {place: options[min(number, len(options) - 1)] for place, options in places.items()}
            if trial.as_good(_replaced(trial.best, changed)):
                again = True
                break


def _places(trial: _Trial, walked: Walked) -> dict[_Place, list[Scalar]]:
    """Every value that can be simpler, with its simpler ones."""
    found: dict[_Place, list[Scalar]] = {}
    network = trial.terrain.network
    for number, choice in enumerate(walked):
        scopes = []
        if choice.action != BEGIN:
            scopes.append((False, network.actions[choice.action].scope, choice.drawn))
        if choice.target is not None and choice.target >= 0:
            scopes.append((True, network.states[choice.target].scope, choice.entered))
        for entered, scope, named in scopes:
            for name, value in named:
                options = list(simpler(scope.homes[name][1], value))
                if options:
                    found[number, entered, name] = options
    return found


def _replaced(walked: Walked, values: dict[_Place, Scalar]) -> Walked:
    def changed(number: int, entered: bool, named: Named) -> Named:
        return tuple((name, values.get((number, entered, name), value)) for name, value in named)

    return tuple(
        choice._replace(drawn=changed(number, False, choice.drawn), entered=changed(number, True, choice.entered))
        for number, choice in enumerate(walked)
    )
