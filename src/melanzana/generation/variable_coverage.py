"""Coverage of the values of variables: with which of them actions were performed, one by one (depth 1) or in pairs (depth 2).

`Walk` shows all values of a step. The log of a run carries only those that changed: `Changes` leaves out what was told before,
`Memory` puts it together again, both by the same `Variables`. An action costs as much as it sees variables, or pairs of them.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from melanzana.generation.kinds import Glance
from melanzana.generation.variables import Bin, Variable, Variables
from melanzana.graph.model import Model, Value

_Home = tuple[str, str]  # place and name


class VariableTracker:
    """Counts values, or pairs of them; see `Watcher`. A hit is a tuple of one bin, or of two."""

    def __init__(self, model: Model, depth: int) -> None:
        self._variables = Variables(model)
        self._depth = depth
        self._hits: dict[tuple[Bin, ...], int] = {}
        if depth == 1:
            self.total = sum(len(variable.bins) for variable in self._variables.all)
        else:
            self.total = sum(len(a.bins) * len(b.bins) for a, b in self._variables.pairs())

    @property
    def covered(self) -> int:
        """How many different values, or pairs, actions were performed with."""
        return len(self._hits)

    @property
    def hits(self) -> Mapping[Any, int]:
        """How many actions were performed with each."""
        return dict(self._hits)

    def see(self, step: Glance) -> None:
        """A step was performed."""
        if not step.is_action:
            return
        seen = [
            (variable.place, variable.name, label)
            for variable in self._variables.seen_by.get(step.element_id, ())
            if (label := variable.bin_of(step.values.get(variable.name))) is not None
        ]
        hits = self._hits
        for found in combinations(seen, self._depth):
            hits[found] = hits.get(found, 0) + 1


class Changes:
    """What a step's event must tell of the variables, when the events before it are known."""

    def __init__(self, model: Model) -> None:
        self._seen_by = Variables(model).seen_by
        self._told: dict[_Home, Value] = {}

    def of(self, action_id: str, values: Mapping[str, Value]) -> dict[str, Value]:
        """The values with which an action is performed that are not known yet, by name."""
        found = {}
        for variable in self._seen_by.get(action_id, ()):
            value, home = values.get(variable.name), _home(variable)
            if home not in self._told or not _same(self._told[home], value):
                found[variable.name] = self._told[home] = value
        return found


class Memory:
    """All values of an action's variables, from what events told up to now."""

    def __init__(self, model: Model) -> None:
        self._seen_by = Variables(model).seen_by
        self._told: dict[_Home, Value] = {}

    def of(self, action_id: str, told: Mapping[str, Value]) -> dict[str, Value]:
        """The values with which an action was performed, by name; those that nobody told are left out."""
        found = {}
        for variable in self._seen_by.get(action_id, ()):
            home = _home(variable)
            if variable.name in told:
                self._told[home] = told[variable.name]
            if home in self._told:
                found[variable.name] = self._told[home]
        return found


def _home(variable: Variable) -> _Home:
    return variable.place, variable.name


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other
