"""Coverage of an older version of a model, as far as it still holds for a newer one.

What did not change keeps its hits, under its new id and name: elements that do what they did, their transitions, paths all of
whose transitions are kept, values of variables that can hold the same. Everything else has to be covered again. A weight, a
requirement, a name or a target more does not change what was gone through.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from melanzana.generation.coverage import Transition
from melanzana.generation.kinds import Kind, Word
from melanzana.generation.succession import Succession
from melanzana.generation.variables import Variables
from melanzana.graph.difference import Difference
from melanzana.graph.model import Model
from melanzana.reports.records import Tally


def carried_over(coverage: Tally, difference: Difference, model: Model) -> Tally:
    """What of `coverage`, which is of the old version, holds for the new one, `model`."""
    return _Carrier(difference, model).tally(coverage)


class _Carrier:
    def __init__(self, difference: Difference, model: Model) -> None:
        self._ids = {old: new for old, new in difference.elements.items() if old not in difference.altered}
        self._elements, self._variables, self._model = difference.elements, difference.variables, model

    def tally(self, old: Tally) -> Tally:
        return Tally(
            hits={self._ids[element]: times for element, times in old.hits.items() if element in self._ids},
            transition_hits=dict(self._transitions(old.transition_hits)),
            further={kind: dict(self._further(kind, hits)) for kind, hits in old.further.items()},
        )

    def _transitions(self, hits: Mapping[Transition, int]) -> Iterator[tuple[Transition, int]]:
        for transition, times in hits.items():
            found = self._transition(transition)
            if found is not None:
                yield found, times

    def _transition(self, transition: Transition) -> Transition | None:
        """The same in the new version. Its target may have changed: it is still where the action leads."""
        action, target = transition
        if action not in self._ids or (target is not None and target not in self._elements):
            return None
        return self._ids[action], None if target is None else self._elements[target]

    def _further(self, kind: Kind, hits: Mapping[Any, int]) -> Iterator[tuple[Any, int]]:
        match kind.word:
            case Word.PATH:
                return self._paths(hits)
            case Word.VARIABLE:
                return self._values(kind.depth, hits)
            case _:
                return iter(())

    def _paths(self, hits: Mapping[Any, int]) -> Iterator[tuple[Any, int]]:
        succession = Succession(self._model)
        for path, times in hits.items():
            found = tuple(self._transition(transition) for transition in path)
            numbers = tuple(succession.number[one] for one in found if one is not None and one in succession.number)
            if len(numbers) == len(path) and succession.has(numbers):
                yield found, times

    def _values(self, depth: int, hits: Mapping[Any, int]) -> Iterator[tuple[Any, int]]:
        variables = Variables(self._model)
        groups = [(v,) for v in variables.all] if depth == 1 else variables.pairs()
        known = {frozenset((v.place, v.name) for v in group): group for group in groups}
        for bins, times in hits.items():
            found = {self._variables.get((place, name)): label for place, name, label in bins}
            group = None if None in found or len(found) < depth else known.get(frozenset(home for home in found if home))
            if group is not None and all(found[v.place, v.name] in v.bins for v in group):
                yield tuple((v.place, v.name, found[v.place, v.name]) for v in group), times
