"""How many things of each kind there are on a model, and how many of them can be covered: what a percentage is a part of.

`questions.py` asks when it reads a stop condition. Nothing is counted before it is asked for; the feasible numbers cost an
exploration of the model, as far as `LIMIT` goes.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from melanzana.generation.coverage import Covered
from melanzana.generation.feasible import Feasible, feasible
from melanzana.generation.feasible_kinds import LIMIT, FeasibleKinds, feasible_requirements
from melanzana.generation.kinds import Kind, Word
from melanzana.generation.watching import watcher
from melanzana.graph.model import Model, Value


class Given(NamedTuple):
    """What is known of a walk before it begins."""

    parameters: Mapping[str, Value] = {}  #: overrides by variable name
    dry: bool = False


class Totals:
    """The numbers of one model. Errors: those of `feasible`."""

    def __init__(self, model: Model, given: Given) -> None:
        self._model, self._given = model, given

    def plain(self, kind: Kind) -> int:
        """How many there are, guards and data left aside."""
        return watcher(self._model, kind).total

    def feasible(self, kind: Kind | Covered) -> int:
        """How many can be covered; the plain number where that is not known."""
        if isinstance(kind, Covered):
            return len((self._found.states, self._found.actions, self._found.transitions)[kind])
        if kind.word is Word.REQUIREMENT:
            return len(feasible_requirements(self._model, self._found))
        if kind.word is Word.PATH:
            count = self._kinds.paths(kind.depth)
        else:
            values = self._kinds.values(kind.depth)
            count = None if values is None else len(values)
        return self.plain(kind) if count is None else count

    @cached_property
    def _found(self) -> Feasible:
        return feasible(self._model, parameters=self._given.parameters, dry=self._given.dry, limit=LIMIT)

    @cached_property
    def _kinds(self) -> FeasibleKinds:
        return FeasibleKinds(self._model, parameters=self._given.parameters, dry=self._given.dry)
