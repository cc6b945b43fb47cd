"""What a candidate is on the model: may it be walked, where does it stand, and how are its gaps closed?

The same `Position` that walks performs every choice, so guards, limits, bounds and sequent actions are those of the walk. What
snippets answer is taken from the recording: the last answer of each element. A gap is closed by the shortest way (breadth first
over configurations) to where the next choice may be performed; what is drawn on the way gets its simplest value.

Cost: a choice is one copy of a position; closing a gap looks at `GAP_LIMIT` configurations at most, once for each pair of
configuration and choice.
"""

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from melanzana.errors import EvaluationError
from melanzana.generation.data import Domain
from melanzana.generation.network import CompiledAction, Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.scopes import Scope
from melanzana.generation.search import Landscape, may
from melanzana.generation.shrinking.choices import BEGIN, Choice, Named, Walked
from melanzana.generation.shrinking.simplest import simplest
from melanzana.graph.model import Scalar, Value

#: Configurations looked at to close one gap.
GAP_LIMIT = 4_000
#: Drawn values tried for an action that may not be performed with the simplest ones.
_DRAWS = 16

Answers = Mapping[str, Mapping[str, Value]]
Fixed = Mapping[tuple[int, str], Scalar]


class Terrain:
    """One model with what its snippets answered."""

    def __init__(self, network: Network, fixed: Fixed, answers: Answers, *, restarts: bool = False) -> None:
        """`restarts`: an iteration may begin anywhere, as in the recording, and not only at Exit."""
        self.network = network
        self._fixed = fixed
        self._answers = answers
        self._restarts = restarts
        self._landscape = Landscape(network)
        self._ways: dict[tuple[Hashable, Choice | int], Walked | None] = {}

    def key(self, position: Position) -> Hashable:
        """Equal where the same may be done."""
        return self._landscape.key(position)

    def after(self, position: Position | None, choice: Choice) -> Position | None:
        """Where the choice leads; None when it may not be made here. `position` itself is not changed."""
        if choice.action == BEGIN:
            return self._begun(choice) if self._may_begin(position) else None
        action = self.network.actions[choice.action]
        if position is None or action not in position.candidates():
            return None
        at = position.given(action, _settings(action.scope, choice.drawn))
        if not may(at, action) or choice.target not in at.targets(action):
            return None
        return self._performed(at.copy(), action, choice)

    def joined(self, wanted: Sequence[Choice]) -> Walked | None:
        """The wanted choices in order, and between them the shortest ways; None when one of them cannot be come to."""
        done: list[Choice] = []
        position: Position | None = None
        for choice in wanted:
            ahead = self.after(position, choice)
            if ahead is None:
                way = self.way(position, choice)
                if way is None:
                    return None
                for filler in way:
                    position = self.after(position, filler)
                done += way
                ahead = self.after(position, choice)
            if ahead is None:
                return None
            done.append(choice)
            position = ahead
        return tuple(done)

    def positions(self, walked: Walked) -> Iterator[Position]:
        """Where the walk stands after each choice. It must be one that may be walked."""
        position: Position | None = None
        for choice in walked:
            position = self.after(position, choice)
            assert position is not None
            yield position

    def way(self, position: Position | None, goal: Choice | int) -> Walked | None:
        """The shortest way to where `goal` may be chosen, or that enters the state of this number."""
        if position is None:
            return None
        about = (self.key(position), goal)
        if about not in self._ways:
            self._ways[about] = self._search(position, goal)
        return self._ways[about]

    def _search(self, start: Position, goal: Choice | int) -> Walked | None:
        queue = deque([_Node(start, None, None)])
        seen = {self.key(start)}
        while queue and len(seen) <= GAP_LIMIT:
            node = queue.popleft()
            if not isinstance(goal, int) and self.after(node.position, goal) is not None:
                return node.way()
            for choice, ahead in self._next(node.position):
                found = _Node(ahead, choice, node)
                if isinstance(goal, int) and choice.target == goal:
                    return found.way()
                if (key := self.key(ahead)) not in seen:
                    seen.add(key)
                    queue.append(found)
        return None

    def through(self, wanted: Sequence[Choice]) -> Walked | None:
        """The shortest walk that makes the wanted choices in this order; the first of them begins it. None: none was found."""
        start = self.after(None, wanted[0])
        if start is None:
            return None
        queue = deque([(_Node(start, wanted[0], None), 1)])
        seen = {(self.key(start), 1)}
        while queue and len(seen) <= GAP_LIMIT * len(wanted):
            node, done = queue.popleft()
            if done == len(wanted):
                return node.way()
            ahead = self.after(node.position, wanted[done])
            steps = [(wanted[done], ahead, done + 1)] if ahead is not None else []
            steps += [(choice, position, done) for choice, position in self._next(node.position)]
            for choice, position, further in steps:
                if (about := (self.key(position), further)) not in seen:
                    seen.add(about)
                    queue.append((_Node(position, choice, node), further))
        return None

    def _next(self, position: Position) -> Iterator[tuple[Choice, Position]]:
        """Every choice that may be made here, in document order."""
        if position.pending is None and position.here().terminal:
            begin = Choice(BEGIN, self.network.start.index, (), self.drawn_at_start())
            yield begin, self._begun(begin)
            return
        for action in position.candidates():
            for drawn in self._draws(action, position):
                yield from self._targets(position, action, drawn)

    def _targets(self, position: Position, action: CompiledAction, drawn: Named) -> Iterator[tuple[Choice, Position]]:
        at = position.given(action, _settings(action.scope, drawn))
        for target in at.targets(action) if may(at, action) else ():
            entered = _simplest(self._own(target)) if target is not None and target >= 0 else ()
            choice = Choice(action.index, target, drawn, entered)
            ahead = self.after(position, choice)
            if ahead is not None:
                yield choice, ahead

    def drawn_at_start(self) -> Named:
        """The simplest values for a new iteration."""
        generated = [d for d in self.network.scopes.layout[0].values() if d.generated and (0, d.name) not in self._fixed]
        own = self._own(self.network.start.index)
        return _simplest([d for d in generated if d.name not in {o.name for o in own}] + own)

    def _draws(self, action: CompiledAction, position: Position) -> Iterator[Named]:
        """The simplest values of the action; then others, should it not be possible with them."""
        outer = self.network.scopes.model_scope if action.owner is None else action.owner.scope
        domains = self._generated(action.scope, outer)
        first = _simplest(domains)
        if not domains or may(position.given(action, _settings(action.scope, first)), action):
            yield first
            return
        values = [domain.drawable(_DRAWS) or (simplest(domain),) for domain in domains]
        for number, drawn in enumerate(product(*values)):
            if number == _DRAWS:
                return
            named = tuple(zip((domain.name for domain in domains), drawn, strict=True))
            if may(position.given(action, _settings(action.scope, named)), action):
                yield named
                return

    def _own(self, state: int) -> list[Domain]:
        return self._generated(self.network.states[state].scope, self.network.scopes.model_scope)

    def _generated(self, scope: Scope, outer: Scope) -> list[Domain]:
        store = scope.stores[-1]
        if scope is outer:
            return []
        return [d for d in self.network.scopes.layout[store].values() if d.generated and (store, d.name) not in self._fixed]

    def _may_begin(self, position: Position | None) -> bool:
        return position is None or self._restarts or (position.pending is None and position.here().terminal)

    def _begun(self, choice: Choice) -> Position:
        position = Position(self.network, Prng(0), self._fixed)
        position.restart()
        self._enter(position, self.network.start.index, choice.entered)
        return position

    def _performed(self, at: Position, action: CompiledAction, choice: Choice) -> Position | None:
        at.begin(action)
        try:
            at.take(action.scope, self._answers.get(action.id, {}))
            if at.assign(action):
                return None
        except EvaluationError:
            return None
        if at.move(choice.target) and choice.target is not None:
            self._enter(at, choice.target, choice.entered)
        return at

    def _enter(self, position: Position, state: int, entered: Named) -> None:
        position.enter(state)
        here = position.here()
        for store, name, value in _settings(here.scope, entered):
            position.values.set(store, name, value)
        position.take(here.scope, self._answers.get(here.id, {}))


class _Node(NamedTuple):
    position: Position
    choice: Choice | None
    parent: "_Node | None"

    def way(self) -> Walked:
        found = []
        node: _Node | None = self
        while node is not None and node.choice is not None:
            found.append(node.choice)
            node = node.parent
        return tuple(found[::-1])


def _settings(scope: Scope, named: Named) -> tuple[tuple[int, str, Scalar], ...]:
    return tuple((scope.homes[name][0], name, value) for name, value in named)


def _simplest(domains: Sequence[Domain]) -> Named:
    return tuple((domain.name, simplest(domain)) for domain in domains)
