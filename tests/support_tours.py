"""Small models with a brute force for what a tour of them costs, written without anything of the engine."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from hypothesis import strategies as st

from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import Landscape
from melanzana.generation.tours.plan import Tour, plan_tour
from melanzana.graph.model import Model
from support_walks import act, integer, model, place, start

_TOP = 3


@dataclass(frozen=True)
class Arc:
    """One transition: where it is offered, where it leads, on which values of `n`, and what it makes of `n`."""

    name: str
    tail: int
    head: int
    low: int = 0
    high: int = _TOP
    add: int = 0

    def after(self, n: int) -> int | None:
        """The value of `n` afterwards; None when the action is not offered."""
        return n + self.add if self.low <= n <= self.high and 0 <= n + self.add <= _TOP else None


@dataclass(frozen=True)
class Small:
    """A model of a few states, state 0 being Start, and one variable `n` from 0 to 3."""

    states: int
    arcs: tuple[Arc, ...]

    def model(self) -> Model:
        """The same for the engine."""
        places = [[act(a.name, _name(a.head), **_logic(a)) for a in self.arcs if a.tail == s] for s in range(self.states)]
        others = [place(_name(number), *actions) for number, actions in enumerate(places) if number]
        return model(start(*places[0]), *others, parameters=(integer("n", 0, 0, _TOP),))

    def onward(self, node: tuple[int, int]) -> Iterator[tuple[Arc, tuple[int, int]]]:
        """What may be done at (state, n)."""
        for arc in self.arcs:
            if arc.tail == node[0] and (n := arc.after(node[1])) is not None:
                yield arc, (arc.head, n)

    def reachable(self) -> dict[tuple[int, int], int]:
        """Every (state, n) with the number of actions it is from Start."""
        far, queue = {(0, 0): 0}, deque([(0, 0)])
        while queue:
            node = queue.popleft()
            for _, ahead in self.onward(node):
                if ahead not in far:
                    far[ahead] = far[node] + 1
                    queue.append(ahead)
        return far

    def feasible(self) -> set[str]:
        """The names of what can be done at all."""
        return {arc.name for node in self.reachable() for arc, _ in self.onward(node)}

    def least(self, price: Callable[[str], int], reset: int) -> int:
        """What the cheapest walk through everything feasible costs, starting over anywhere at the price `reset`."""
        names = sorted(self.feasible())
        bit = {name: 1 << number for number, name in enumerate(names)}
        done = (1 << len(names)) - 1
        root = ((0, 0), 0)
        cost, queue = {root: 0}, [(0, root)]
        while queue:
            spent, pair = heappop(queue)
            node, gone = pair
            if gone == done:
                return spent
            if spent > cost[pair]:
                continue
            steps = [((ahead, gone | bit[arc.name]), price(arc.name)) for arc, ahead in self.onward(node)]
            for after, more in [*steps, (((0, 0), gone), reset)]:
                if spent + more < cost.get(after, spent + more + 1):
                    cost[after] = spent + more
                    heappush(queue, (spent + more, after))
        raise AssertionError("everything feasible can be done from Start")


def _name(state: int) -> str:
    return f"S{state}" if state else "Start"


def _logic(arc: Arc) -> dict[str, str]:
    guard = {} if (arc.low, arc.high) == (0, _TOP) else {"when": f"n >= {arc.low} && n <= {arc.high}"}
    return guard | ({"sets": f"n = n + {arc.add}"} if arc.add else {})


@st.composite
def smalls(draw: st.DrawFn, *, guarded: bool, most: int = 8) -> Small:
    """A small model, with guards or without."""
    states = draw(st.integers(1, 4))
    ends = st.tuples(st.integers(0, states - 1), st.integers(0, states - 1))
    arcs = []
    for number, (tail, head) in enumerate(draw(st.lists(ends, min_size=1, max_size=most))):
        low, high = sorted(draw(st.tuples(st.integers(0, _TOP), st.integers(0, _TOP)))) if guarded else (0, _TOP)
        add = draw(st.sampled_from([0, 0, 1, -1])) if guarded else 0
        arcs.append(Arc(f"a{number}", tail, head, low, high, add))
    return Small(states, tuple(arcs))


def first_position(network: Network) -> Position:
    """Where a walk first chooses."""
    position = Position(network, Prng(1), {})
    position.restart()
    position.enter(network.start.index)
    return position


def planned(subject: Model, *, durations: Mapping[str, float] | None = None, reset_seconds: float | None = None) -> Tour:
    """The tour of a model."""
    network = Network(subject, dry=True)
    return plan_tour(network, Landscape(network), first_position(network), durations=durations or {}, reset_seconds=reset_seconds)


def names_of(tour: Tour) -> list[str]:
    """The names of the actions in order; `|` where the walk starts over before Exit."""
    return [tour.space.labels_of.pairs[tour.space.labels[arc]][0].name if arc >= 0 else "|" for arc in tour.arcs]
