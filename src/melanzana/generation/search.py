"""The shortest way to perform given actions in order: a search over configurations (state, deciding data, calls left).

`routes.py` searches with it for the moves of a test case. Cheapest first, in this order: few moves that the test case does not
name, few moves that hang on a guess, then the way that was found first (document order). A position is copied for every move
that is tried, so guards, limits, assignments and draws are exactly those of the walk.

What snippets will answer is not known beforehand: whether an action may be performed is a guess when its guard, or an
assignment to a bounded variable, reads a variable that a snippet sets. In a dry run no snippet answers and nothing is a guess.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from melanzana.errors import EvaluationError
from melanzana.generation.generators import Move
from melanzana.generation.network import CompiledAction, Formula, Network
from melanzana.generation.position import Position
from melanzana.graph.model import Scalar

#: Configurations looked at for each step of a test case before the search gives up.
SEARCH_LIMIT = 10_000

Variable = tuple[int, str]  # store and name


class PlannedStep(NamedTuple):
    """One step of a test case, ready to walk; `parameters` are (store, name, value), set before it is performed."""

    action: CompiledAction
    parameters: tuple[tuple[int, str, Scalar], ...]


class Leg(NamedTuple):
    """One move of a route; `named` when the test case asks for it, else it closes a gap."""

    move: Move
    named: bool


class Node:
    """A position reached in the search, and how."""

    __slots__ = ("done", "fillers", "guesses", "leg", "parent", "position")

    def __init__(self, position: Position, done: int) -> None:
        self.position = position
        self.done = done  #: steps of the test case performed
        self.fillers = 0  #: moves that close gaps
        self.guesses = 0
        self.parent: Node | None = None
        self.leg: Leg | None = None

    def after(self, position: Position, leg: Leg, guesses: int) -> "Node":
        """The node one move further."""
        node = Node(position, self.done + leg.named)
        node.fillers = self.fillers + (not leg.named)
        node.guesses = self.guesses + guesses
        node.parent, node.leg = self, leg
        return node

    def legs(self) -> list[Leg]:
        """The way from the root to here."""
        found = []
        node: Node | None = self
        while node is not None and node.leg is not None:
            found.append(node.leg)
            node = node.parent
        return found[::-1]


class Search:
    """One search from one position. After `run`, `deepest` is the first node that performed the most steps."""

    def __init__(self, landscape: "Landscape", steps: tuple[PlannedStep, ...], root: Node, limit: int = SEARCH_LIMIT) -> None:
        self._landscape = landscape
        self._steps = steps
        self._queue: list[tuple[int, int, int, int, Node]] = []
        self._pushed = 0
        self._seen: set[Hashable] = set()
        self._looked_at = [0] * (len(steps) + 1)
        self._limit = limit
        self._root = self.deepest = root
        self.gave_up = False  #: was the limit the reason to stop looking?

    def run(self, *, known: bool) -> Node | None:
        """The node at which every step is performed; None when there is none.

        `known`: the data of the root are facts, so its first move must not be a guess.
        """
        self._push(self._root)
        while self._queue:
            node = heappop(self._queue)[-1]
            if node.done == len(self._steps):
                return node
            if self._is_new(node):
                self._expand(node, may_guess=node is not self._root or not known)
        return None

    def _push(self, node: Node) -> None:
        self._pushed += 1
        heappush(self._queue, (node.fillers, node.guesses, -node.done, self._pushed, node))

    def _is_new(self, node: Node) -> bool:
        key = (node.done, self._landscape.key(node.position))
        if key in self._seen:
            return False
        if self._looked_at[node.done] >= self._limit:
            self.gave_up = True
            return False
        self._seen.add(key)
        self._looked_at[node.done] += 1
        if node.done > self.deepest.done:
            self.deepest = node
        return True

    def _expand(self, node: Node, may_guess: bool) -> None:
        step = self._steps[node.done]
        for action in node.position.candidates():
            if action is step.action:
                self._try(node, with_parameters(node.position, step), step.parameters, Leg(Move(action, None), True), may_guess)
            self._try(node, node.position, (), Leg(Move(action, None), False), may_guess)

    def _try(self, node: Node, at: Position, parameters: tuple[tuple[int, str, Scalar], ...], leg: Leg, may_guess: bool) -> None:
        action = leg.move.action
        hangs = self._landscape.hangs_on_snippets(action)
        allowed = may(at, action)
        if not allowed and not (may_guess and hangs and not at.is_barred(action)):
            return
        for target, ahead in outcomes(at, action):
            over_the_end(ahead)
            made = Leg(Move(action, target, parameters), leg.named)
            self._push(node.after(ahead, made, guesses=int(hangs and not allowed)))


class Landscape:
    """What of a position matters to a search: the data that decide what may be done, and which actions hang on snippets."""

    def __init__(self, network: Network, also: Iterable[Variable] = ()) -> None:
        """`also`: variables that are to tell configurations apart although nothing hangs on them."""
        self._has_previous = network.has_previous
        self._layout = network.scopes.layout
        bound = [action for action in network.actions if not action.free]
        decisive = {*also, *(variable for action in bound for variable in _decides(action))}
        self.deciding = tuple(sorted(_sources(network, decisive)))  #: (store, name) of what is read to decide what may be done
        open_still = affected(network, set(answered(network)))
        self._hanging = frozenset(action.index for action in bound if not open_still.isdisjoint(_decides(action)))

    def key(self, position: Position) -> Hashable:
        """Equal for two positions from which the same moves may be made."""
        stores = position.values.stores
        return (
            position.state,
            position.previous if self._has_previous else -1,
            -1 if position.pending is None else position.pending.index,
            tuple(sorted(position.calls.items())),
            tuple(stores[store][name] for store, name in self.deciding),
        )

    def hangs_on_draws(self, fixed: Mapping[tuple[int, str], Scalar]) -> bool:
        """Does it depend on generated values what may be done? Those that the caller fixed are not drawn."""
        return any(self._layout[store][name].generated for store, name in self.deciding if (store, name) not in fixed)

    @property
    def hangs_on_answers(self) -> bool:
        """Does it depend on what snippets answer what may be done?"""
        return bool(self._hanging)

    def hangs_on_snippets(self, action: CompiledAction) -> bool:
        """Does it depend on what snippets answer whether this action may be performed?"""
        return action.index in self._hanging


def with_parameters(position: Position, step: PlannedStep) -> Position:
    """The position with the step's own values set; the same one when the step has none."""
    return position.given(step.action, step.parameters)


def may(position: Position, action: CompiledAction) -> bool:
    """May the candidate be performed, as far as it can be evaluated here?"""
    try:
        return position.may(action)
    except EvaluationError:
        return False


def outcomes(position: Position, action: CompiledAction) -> Iterator[tuple[int | None, Position]]:
    """Every target that may follow, with the position after it."""
    performed = position.copy()
    performed.begin(action)
    try:
        performed.assign(action)
        targets = position.targets(action) or action.targets
    except EvaluationError:
        targets = action.targets or (None,)
    for target in targets:
        ahead = performed.copy()
        if ahead.move(target) and target is not None:
            ahead.enter(target)
        yield target, ahead


def over_the_end(position: Position) -> None:
    """At Exit a new iteration has begun."""
    if position.pending is None and position.here().terminal:
        position.restart()
        position.enter(position.network.start.index)


def _decides(action: CompiledAction) -> Iterator[Variable]:
    """The variables that are read to decide whether the action may be performed."""
    if action.guard is not None:
        yield from _read(action, action.guard)
    for store, domain, formula in action.bound_checks:
        yield store, domain.name
        yield from _read(action, formula)


def _read(action: CompiledAction, formula: Formula) -> Iterator[Variable]:
    return ((action.scope.homes[name][0], name) for name in formula.names if name in action.scope.homes)


def answered(network: Network) -> Iterator[Variable]:
    """The variables that snippets set."""
    for action in (action for action in network.actions if action.output_names):
        yield from ((action.scope.homes[name][0], name) for name in action.output_names if name in action.scope.homes)
    for state in (state for state in network.states if state.output_names):
        yield from ((state.scope.homes[name][0], name) for name in state.output_names if name in state.scope.homes)


def _sources(network: Network, variables: set[Variable]) -> set[Variable]:
    """The variables and all those whose values flow into them by assignments."""
    return _closed(variables, [(set(_read(a, f)), {(s, d.name)}) for a in network.actions for s, d, f in a.assignments])


def affected(network: Network, variables: set[Variable]) -> set[Variable]:
    """The variables and all those that their values flow into by assignments."""
    return _closed(variables, [({(s, d.name)}, set(_read(a, f))) for a in network.actions for s, d, f in a.assignments])


def _closed(variables: set[Variable], rules: Iterable[tuple[set[Variable], set[Variable]]]) -> set[Variable]:
    """`variables` with everything that the rules (gained, wanted) add: when one wanted is there, all gained come in."""
    closed, rules, size = set(variables), list(rules), -1
    while size != len(closed):
        size = len(closed)
        for gained, wanted in rules:
            if not closed.isdisjoint(wanted):
                closed |= gained
    return closed
