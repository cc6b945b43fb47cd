"""Where a walk can stand and what leads on from there, as a graph of numbers that is explored as far as it is needed.

A configuration is a state together with what decides what may come next: the data that guards and bounds read (nothing else of
the data: that is what keeps the graph small), the calls used up, the state come from, the sequent action that is due. `tours/`
plans on this graph, `shortest` searches it. Arcs are numbered in the order in which they are found, those of one configuration in
a row: `first[n]` to `first[n + 1]`. The label of an arc is its transition, a pair of an action and a target.

Two classes explore the same graph. `PlainConfigurations` is for models of guards, assignments and bounds alone: a configuration
is one number, and what an action does to the data is evaluated once for each of its texts and each of the data.
`FullConfigurations` copies positions and serves every model. Exploring is linear in the arcs; it ends at a limit of
configurations, which says `complete`.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from melanzana.errors import EvaluationError
from melanzana.generation.network import CompiledAction, CompiledState, Formula, Network
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape, may, outcomes
from melanzana.graph.expressions import STATE_VARIABLE
from melanzana.graph.model import Value

#: Configurations explored, plain and full; a model may have more states than that, each in one configuration.
PLAIN_LIMIT, FULL_LIMIT = 200_000, 20_000
#: Moves tried in all of them, plain and full: what bounds the work where very many actions are offered in one state. What has to be
#: evaluated for the first time on some data counts as several moves, and as more with more variables.
PLAIN_MOVES, FULL_MOVES = 8_000_000, 1_000_000

Label = tuple[CompiledAction, int | None]


class Labels:
    """The transitions of a network by number, in document order, and whether a walk that chooses by weight takes them."""

    def __init__(self, network: Network) -> None:
        self.pairs: list[Label] = [(action, target) for action in network.actions for target in action.targets or (None,)]
        self.number = {(action.index, target): label for label, (action, target) in enumerate(self.pairs)}

    def of(self, action: CompiledAction, target: int | None) -> int:
        """The number of a transition; one back to the previous state is the same wherever that is."""
        return self.number[action.index, None if action.to_previous else target]


class Configurations:
    """The graph. `tails`, `heads`, `labels` are by arc; `first` and `state_of` by configuration."""

    def __init__(self, network: Network, limit: int, moves: int) -> None:
        self.network = network
        self.labels_of = Labels(network)
        self.deciding: tuple[tuple[int, str], ...] = ()  #: store and name of the data that tell configurations apart
        self.tails: list[int] = []
        self.heads: list[int] = []
        self.labels: list[int] = []
        self.first: list[int] = [0]  #: of the first arc of each configuration that was explored, and one more
        self.limit = max(limit, len(network.states) + 1)
        self.moves_left = moves  #: that may still be tried
        self.complete = True  #: false once a limit kept a configuration from being explored

    def enter(self, position: Position) -> int:
        """The number of the configuration in which `position` stands, now or after the next `explore`."""
        raise NotImplementedError

    def find(self, position: Position) -> int:
        """The same without adding it; -1 when it is not in the graph."""
        raise NotImplementedError

    def explore(self) -> None:
        """Follow everything that was found, up to the limit."""
        raise NotImplementedError

    def state_of(self, node: int) -> CompiledState:
        """The state of a configuration."""
        raise NotImplementedError

    def data(self, node: int) -> tuple[Value, ...]:
        """What the variables in `deciding` hold in a configuration."""
        raise NotImplementedError

    def ends(self, node: int) -> bool:
        """Does an iteration end here by itself, at Exit?"""
        raise NotImplementedError

    def calls(self, node: int) -> Mapping[int, int]:
        """How often actions with a call limit were performed on the way here, by number of the action."""
        del node
        return {}

    @property
    def explored(self) -> int:
        """How many configurations were followed; the others have no arcs."""
        return len(self.first) - 1

    def size(self) -> int:
        """How many configurations were found."""
        raise NotImplementedError

    def out(self, node: int) -> range:
        """The arcs that leave a configuration."""
        return range(self.first[node], self.first[node + 1]) if node < self.explored else range(0)

    def target(self, arc: int) -> int | None:
        """Where the move of an arc leads, as a target number of the network; None when the walk stays."""
        action, target = self.labels_of.pairs[self.labels[arc]]
        return self.state_of(self.heads[arc]).index if action.to_previous else target


def configurations(network: Network, landscape: Landscape, start: Position) -> Configurations:
    """The configurations of a network, explored from nowhere yet. `start` is only copied."""
    plain = not network.has_previous and all(action.limit == 0 and not action.leads_to_action for action in network.actions)
    return PlainConfigurations(network, landscape, start) if plain else FullConfigurations(network, landscape)


class _Rule:
    """What an action does to the data: by number of the data before it that of the data after, -1 where it may not be performed."""

    __slots__ = ("_ask", "known")

    def __init__(self, ask: Callable[[int], int]) -> None:
        self._ask = ask
        self.known: dict[int, int] = {}

    def ask(self, data: int) -> int:
        after = self.known[data] = self._ask(data)
        return after


class PlainConfigurations(Configurations):
    """For models without call limits, previous and sequent actions: number = data × states + state."""

    def __init__(self, network: Network, landscape: Landscape, start: Position) -> None:
        super().__init__(network, PLAIN_LIMIT, PLAIN_MOVES)
        self.deciding = self._deciding = landscape.deciding
        self._scratch = start.copy()
        self._price = 8 + len(landscape.deciding)  #: of evaluating an action's texts, in moves
        self._data: list[tuple[Value, ...]] = []
        self._data_number: dict[tuple[Any, ...], int] = {}
        self._keys: list[int] = []
        self._node: dict[int, int] = {}
        self._count = len(network.states)
        self._rules: dict[Hashable, _Rule] = {}
        self._choices = [self._choices_in(state) for state in network.states]

    def enter(self, position: Position) -> int:
        return self._add(self._number(self._read(position)) * self._count + position.state)

    def find(self, position: Position) -> int:
        data = self._data_number.get(_typed(self._read(position)), -1) if self._deciding else 0
        return self._node.get(data * self._count + position.state, -1) if data >= 0 else -1

    def state_of(self, node: int) -> CompiledState:
        return self.network.states[self._keys[node] % self._count]

    def data(self, node: int) -> tuple[Value, ...]:
        return self._data[self._keys[node] // self._count]

    def ends(self, node: int) -> bool:
        return self.state_of(node).terminal

    def size(self) -> int:
        return len(self._keys)

    def explore(self) -> None:
        keys, nodes, count, choices = self._keys, self._node, self._count, self._choices
        tails, heads, labels, first = self.tails, self.heads, self.labels, self.first
        node = len(first) - 1
        while node < len(keys):
            if node >= self.limit or self.moves_left <= 0:
                self.complete = False
                return
            data, state = divmod(keys[node], count)
            self.moves_left -= len(choices[state])
            for label, target, rule in choices[state]:
                after = data if rule is None else rule.known[data] if data in rule.known else rule.ask(data)
                if after < 0:
                    continue
                key = after * count + target
                head = nodes.get(key)
                if head is None:
                    head = nodes[key] = len(keys)
                    keys.append(key)
                tails.append(node)
                heads.append(head)
                labels.append(label)
            node += 1
            first.append(len(heads))

    def _add(self, key: int) -> int:
        node = self._node.setdefault(key, len(self._keys))
        if node == len(self._keys):
            self._keys.append(key)
        return node

    def _read(self, position: Position) -> tuple[Value, ...]:
        stores = position.values.stores
        return tuple([stores[store][name] for store, name in self._deciding])

    def _number(self, data: tuple[Value, ...]) -> int:
        number = self._data_number.setdefault(_typed(data), len(self._data))
        if number == len(self._data):
            self._data.append(data)
        return number

    def _choices_in(self, state: CompiledState) -> list[tuple[int, int, _Rule | None]]:
        """Label, state led to and rule of every transition of a state."""
        found = []
        number = self.labels_of.number
        for action in state.drawn:
            rule = self._rule(action, state)
            for target in action.targets or (None,):
                found.append((number[action.index, target], state.index if target is None else target, rule))
        return found

    def _rule(self, action: CompiledAction, state: CompiledState) -> _Rule | None:
        if action.guard is None and not action.assignments:
            return None
        deciding = [part for part in action.assignments if (part[0], part[1].name) in self._deciding]
        if action.guard is None and not action.bound_checks and not deciding:
            return None
        formulas = [formula for _, _, formula in deciding] + ([action.guard] if action.guard else [])
        formulas += [formula for _, _, formula in action.bound_checks]
        reads_state = any(STATE_VARIABLE in formula.names for formula in formulas)
        key = (
            action.guard and action.guard.function,
            tuple((store, domain.name, formula.function) for store, domain, formula in action.bound_checks),
            tuple((store, domain.name, formula.function) for store, domain, formula in deciding),
            action.scope.stores,
            state.index if reads_state else -1,
        )
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = _Rule(lambda data: self._after(action, state, deciding, data))
        return rule

    def _after(self, action: CompiledAction, state: CompiledState, deciding: list[tuple[int, Any, Formula]], data: int) -> int:
        """The number of the data after an action; -1 when it may not be performed on those before it."""
        self.moves_left -= self._price
        position = self._scratch
        position.state, position.pending = state.index, None
        position.values.tell_state(state.name)
        for (store, name), value in zip(self._deciding, self._data[data], strict=True):
            position.values.stores[store][name] = value
        if not may(position, action):
            return -1
        view = position.values.view(action.scope)
        after = dict(zip(self._deciding, self._data[data], strict=True))
        try:
            after |= {(store, domain.name): domain.convert(formula.value(view)) for store, domain, formula in deciding}
        except EvaluationError:
            return -1
        return self._number(tuple(after.values()))


class FullConfigurations(Configurations):
    """For every model: a position is kept for each configuration and copied for each move."""

    def __init__(self, network: Network, landscape: Landscape) -> None:
        super().__init__(network, FULL_LIMIT, FULL_MOVES)
        self._landscape = landscape
        self.deciding = landscape.deciding
        self._positions: list[Position] = []
        self._node: dict[Hashable, int] = {}

    def enter(self, position: Position) -> int:
        return self._add(position.copy())

    def find(self, position: Position) -> int:
        return self._node.get(self._landscape.key(position), -1)

    def state_of(self, node: int) -> CompiledState:
        return self._positions[node].here()

    def data(self, node: int) -> tuple[Value, ...]:
        stores = self._positions[node].values.stores
        return tuple([stores[store][name] for store, name in self.deciding])

    def calls(self, node: int) -> Mapping[int, int]:
        return self._positions[node].calls

    def ends(self, node: int) -> bool:
        position = self._positions[node]
        return position.pending is None and position.here().terminal

    def size(self) -> int:
        return len(self._positions)

    def explore(self) -> None:
        while self.explored < len(self._positions):
            if self.explored >= self.limit or self.moves_left <= 0:
                self.complete = False
                return
            node = self.explored
            self.moves_left -= len(self._positions[node].candidates())
            for action, target, ahead in moves_from(self._positions[node]):
                self.tails.append(node)
                self.heads.append(self._add(ahead))
                self.labels.append(self.labels_of.of(action, target))
            self.first.append(len(self.heads))

    def _add(self, position: Position) -> int:
        node = self._node.setdefault(self._landscape.key(position), len(self._positions))
        if node == len(self._positions):
            self._positions.append(position)
        return node


def moves_from(
    position: Position, guess: Callable[[CompiledAction], bool] | None = None
) -> Iterator[tuple[CompiledAction, int | None, Position]]:
    """Every move that a walk may choose here, with the position after it.

    `guess` says of an action that may not be performed, as far as is known, whether it is taken as possible all the same.
    """
    if position.pending is None and position.here().terminal:
        return
    candidates: Sequence[CompiledAction] = position.here().drawn if position.pending is None else (position.pending,)
    for action in candidates:
        if may(position, action) or (guess is not None and guess(action) and not position.is_barred(action)):
            for target, ahead in outcomes(position, action):
                yield action, target, ahead


def _typed(data: tuple[Value, ...]) -> tuple[Any, ...]:
    """Data as a key: 1, 1.0 and true are different values."""
    return tuple([(type(value), value) for value in data])
