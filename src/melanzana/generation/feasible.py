"""What of a model a walk can come to at all, guards and data looked at: the feasible part of states, actions and transitions.

The graph of configurations is explored (`configurations.py`), on the model without what cannot be known beforehand
(`relaxing.py`). So what is missing here is certain to be out of reach, and what is here is not certain to be reached: the right
side to err on for a denominator of coverage. Coverage and reports divide by it, the checker names what is missing.

Cost: linear in the arcs that are looked at; exploring ends as soon as nothing is left to find, and at a limit of configurations.
Where the limit ends it, whatever was not found counts as feasible, unless no arc leads to it at all (`reachability.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from melanzana.generation.configurations import Configurations, configurations
from melanzana.generation.coverage import Transition, counted_actions, counted_states, transitions_of
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.reachability import Reachability
from melanzana.generation.relaxing import relaxed, starts, unknown_variables
from melanzana.generation.routes import fixed_values
from melanzana.generation.search import Landscape, Variable
from melanzana.graph.model import Model, Scalar, Value

#: Configurations looked at before it is looked whether anything is left to find; then twice as many, and so on.
_FIRST_LOOK = 2_000
_NO_PARAMETERS: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasible:
    """What can be covered, of what counts as coverage. What is missing cannot, for certain."""

    states: frozenset[str]  #: ids
    actions: frozenset[str]  #: ids
    transitions: frozenset[Transition]
    complete: bool = True  #: was everything looked at? If not, there may be more that cannot be covered
    reason: str = ""  #: why not


def feasible(
    model: Model,
    *,
    parameters: Mapping[str, Value] = _NO_PARAMETERS,
    dry: bool = False,
    any_weight: bool = False,
    limit: int | None = None,
) -> Feasible:
    """The feasible part of a model that is walked with these overrides of variables.

    `dry`: no snippet answers, so what snippets set is known. `any_weight`: actions of weight 0 may be performed, as in test cases.
    `limit`: at most so many configurations instead of as many as tours look at. Errors: those of `Network`; `RequestError` for a
    parameter.
    """
    network = Network(model, dry)
    fixed = fixed_values(network, (), parameters)
    beginnings = starts(network, fixed)
    unknown = unknown_variables(network, fixed.keys() | beginnings[0].keys())
    easier = relaxed(network, unknown, any_weight=any_weight)
    seen = Seen(easier)
    seen.explore(space_of(Network(easier, dry=True), beginnings, fixed), limit)
    return seen.found()


def space_of(network: Network, beginnings: list[dict[Variable, Scalar]], fixed: Mapping[Variable, Scalar]) -> Configurations:
    """The configurations, each way to begin in them, explored from nowhere yet."""
    landscape = Landscape(network)
    positions = [Position(network, Prng(0), {**fixed, **beginning}) for beginning in beginnings]
    for position in positions:
        position.restart()
        position.enter(network.start.index)
    space = configurations(network, landscape, positions[0])
    for position in positions:
        space.enter(position)
    return space


class Seen:
    """What was come to so far."""

    def __init__(self, model: Model) -> None:
        reachable = Reachability(model)
        actions = [action for action in counted_actions(model) if action.id in reachable.actions]
        self._states = frozenset(state.id for state in counted_states(model)) & reachable.states
        self._actions = frozenset(action.id for action in actions)
        self._transitions = frozenset(pair for action in actions for pair in transitions_of(action))
        self._entered: set[str] = set()
        self._taken: set[Transition] = set()
        self._reason = ""

    def explore(self, space: Configurations, limit: int | None) -> None:
        """Look at `space` until nothing is left to find, or everything was looked at, or the limit is reached."""
        self._entered.add(space.network.start.id)
        most = space.limit if limit is None else max(limit, 1)
        looked, arcs = _FIRST_LOOK, 0
        while True:
            space.limit, space.complete = min(looked, most), True
            space.explore()
            self._note(space, arcs)
            arcs, looked = len(space.heads), looked * 2
            if space.complete or not self._left():
                return
            if space.limit == most or space.moves_left <= 0:
                self._reason = f"only {space.explored:,} configurations of states and data were looked at, and there are more"
                return

    def found(self) -> Feasible:
        """What can be covered, as far as was looked."""
        if self._reason:
            return replace(self.by_shape(), complete=False, reason=self._reason)
        taken = self._transitions & self._taken
        return Feasible(
            states=self._states & self._entered,
            actions=self._actions & {action for action, _ in taken},
            transitions=taken,
        )

    def by_shape(self) -> Feasible:
        """What arcs lead to, guards and data left aside."""
        return Feasible(states=self._states, actions=self._actions, transitions=self._transitions)

    def _left(self) -> bool:
        return not (self._states <= self._entered and self._transitions <= self._taken)

    def _note(self, space: Configurations, first: int) -> None:
        """The arcs from number `first` on."""
        pairs, names = space.labels_of.pairs, space.network.labels
        fresh = {(space.labels[arc], space.state_of(space.heads[arc]).id) for arc in _arcs(space, first)}
        for label, state in fresh:
            action, target = pairs[label]
            self._taken.add((action.id, names(target)[0]))
            if action.to_previous or (target is not None and target >= 0):
                self._entered.add(state)


def _arcs(space: Configurations, first: int) -> Iterator[int]:
    return iter(range(first, len(space.heads)))
