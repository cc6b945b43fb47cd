"""How many n-step paths, values of variables and requirements can be covered, guards and data looked at.

As `feasible.py`: what is left out here is certain to be out of reach, what is counted is not certain to be reached. Paths are
the words of the graph of configurations, counted as `succession.py` counts those of the bare model. Values are exact for variables
that decide what may be done; for others they are what is initial, drawn, or assigned as a constant, and everything where code or a
reckoning may set them. Where it would cost too much, None: then what counts is the plain number.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations, product

from melanzana.generation.configurations import Configurations
from melanzana.generation.feasible import Feasible, space_of
from melanzana.generation.network import CompiledAction, Network
from melanzana.generation.relaxing import relaxed, starts, unknown_variables
from melanzana.generation.requirement_coverage import requirements_of
from melanzana.generation.routes import fixed_values
from melanzana.generation.search import Variable as Home
from melanzana.generation.search import answered
from melanzana.generation.succession import count_words
from melanzana.generation.variables import Bin, Variable, Variables
from melanzana.graph.expressions.syntax import Literal
from melanzana.graph.model import Model, Scalar, Value

#: Configurations that are explored for these counts.
LIMIT = 20_000
#: Configurations looked at in sets of them while paths are counted, and pairs of values that are kept.
_BUDGET, _MOST_ITEMS = 1_000_000, 200_000
#: Values of one variable that may be drawn; more count as all.
_DRAWN = 1_000

_NO_PARAMETERS: Mapping[str, Value] = {}


def feasible_requirements(model: Model, found: Feasible) -> frozenset[str]:
    """The requirements that some feasible state or action is marked with."""
    reached = found.states | found.actions
    return frozenset(name for name, elements in requirements_of(model).items() if not reached.isdisjoint(elements))


class FeasibleKinds:
    """The graph of configurations of one model, explored once for several questions. Errors: as `feasible`."""

    def __init__(self, model: Model, *, parameters: Mapping[str, Value] = _NO_PARAMETERS, dry: bool = False) -> None:
        self._network = Network(model, dry)
        self._fixed = fixed_values(self._network, (), parameters)
        beginnings = starts(self._network, self._fixed)
        unknown = unknown_variables(self._network, self._fixed.keys() | beginnings[0].keys())
        easier = Network(relaxed(self._network, unknown, any_weight=False), dry=True)
        self._seen_by = Variables(model).seen_by
        self._space: Configurations = space_of(easier, beginnings, self._fixed)
        self._space.limit = min(self._space.limit, LIMIT)
        self._space.explore()

    def paths(self, depth: int) -> int | None:
        """How many paths of `depth` transitions can be walked; None when it is not known."""
        space = self._space
        if not space.complete:
            return None

        def onward(node: int) -> Iterable[tuple[int, int]]:
            return [(space.labels[arc], space.heads[arc]) for arc in space.out(node)]

        return count_words(frozenset(range(space.explored)), onward, depth, _BUDGET)

    def values(self, depth: int) -> frozenset[tuple[Bin, ...]] | None:
        """The values (depth 1), or pairs of them (2), that actions can be performed with; None when it is not known."""
        if not self._space.complete:
            return None
        found: set[tuple[Bin, ...]] = set()
        for action, situations in self._situations().items():
            loose = [self._loose(action, variable) for variable in self._seen_by.get(action.id, ())]
            for situation in situations:
                bins = [_as_bins(exact) if exact is not None else wide for exact, wide in zip(situation, loose, strict=True)]
                for group in combinations(bins, depth):
                    found.update(product(*group))
                if len(found) > _MOST_ITEMS:
                    return None
        return frozenset(found)

    def _situations(self) -> dict[CompiledAction, set[tuple[Bin | str | None, ...]]]:
        """With which known values each action can be performed: a bin for each variable that it sees.

        "" where the value falls into none, None where it is not known.
        """
        space = self._space
        found: dict[CompiledAction, set[tuple[Bin | str | None, ...]]] = {}
        for node in range(space.explored):
            actions = {space.labels_of.pairs[space.labels[arc]][0].index for arc in space.out(node)}
            data = dict(zip(space.deciding, space.data(node), strict=True)) if actions else {}
            for number in actions:
                action = self._network.actions[number]
                found.setdefault(action, set()).add(tuple(_exact(action, v, data) for v in self._seen_by.get(action.id, ())))
        return found

    def _loose(self, action: CompiledAction, variable: Variable) -> list[Bin]:
        """The bins of a variable that decides nothing."""
        values = self._possible(_home(action, variable))
        labels = variable.bins if values is None else {variable.bin_of(value) for value in values}
        return [(variable.place, variable.name, label) for label in variable.bins if label in labels]

    def _possible(self, home: Home) -> list[Scalar] | None:
        """What it can hold, as far as that is plain to see; None: anything."""
        store, name = home
        domain = self._network.scopes.layout[store][name]
        found = [self._fixed.get(home, domain.first)]
        if home in answered(self._network):
            return None
        if domain.generated and home not in self._fixed:
            drawn = domain.drawable(_DRAWN)
            if drawn is None:
                return None
            found += drawn
        for formula in (f for a in self._network.actions for s, d, f in a.assignments if (s, d.name) == home):
            if not isinstance(formula.tree, Literal):
                return None
            found.append(domain.convert(formula.tree.value))
        return found


def _home(action: CompiledAction, variable: Variable) -> Home:
    return action.scope.homes[variable.name][0], variable.name


def _exact(action: CompiledAction, variable: Variable, data: Mapping[Home, Value]) -> Bin | str | None:
    home = _home(action, variable)
    if home not in data:
        return None
    label = variable.bin_of(data[home])
    return "" if label is None else (variable.place, variable.name, label)


def _as_bins(exact: Bin | str) -> list[Bin]:
    return [] if isinstance(exact, str) else [exact]
