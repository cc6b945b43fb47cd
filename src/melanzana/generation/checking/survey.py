"""The configurations that anybody can come to, test cases included, counted once for all rules of this room.

The model without what is not known beforehand is explored (`relaxing.py`), with actions of weight 0 taken like all others, up to a
limit of configurations and of moves: work is bounded whatever the model says, and the same on every machine. ADR 0022 says what
may be claimed from it. Linear in the arcs that were looked at.
"""

from collections import Counter
from collections.abc import Iterator

from melanzana.generation.configurations import Configurations
from melanzana.generation.feasible import space_of
from melanzana.generation.network import CompiledAction, Network
from melanzana.generation.reach import is_sure
from melanzana.generation.relaxing import relaxed, starts, unknown_variables
from melanzana.graph.model import Model

#: Configurations and moves looked at.
LIMIT, MOVES = 20_000, 2_000_000
_SHOWN_DATA = 4


class Survey:
    """What was come to. `complete`: everything. `sure`: nothing that decides what may be done is unknown."""

    def __init__(self, model: Model, limit: int = LIMIT, moves: int = MOVES) -> None:
        self.network = Network(model)
        beginnings = starts(self.network, {})
        self.unknown = unknown_variables(self.network, beginnings[0].keys())
        self.sure = is_sure(self.network, self.unknown)
        self.space = space_of(Network(relaxed(self.network, self.unknown, any_weight=True), dry=True), beginnings, {})
        self.space.limit, self.space.moves_left = min(self.space.limit, limit), min(self.space.moves_left, moves)
        self.space.explore()
        self.complete = self.space.complete
        self.explored = self.space.explored
        self.entered: set[int] = {self.network.start.index}  #: numbers of states
        self.taken: Counter[int] = Counter()  #: by number of an action: in how many configurations it can be performed
        self.stood: Counter[int] = Counter()  #: by number of a state: how many configurations are in it
        for node in range(self.explored):
            self._count(node)

    def _count(self, node: int) -> None:
        space = self.space
        state = space.state_of(node).index
        self.entered.add(state)
        self.stood[state] += 1
        self.taken.update({space.labels_of.pairs[space.labels[arc]][0].index for arc in space.out(node)})

    def hosts(self, action: CompiledAction) -> list[int]:
        """The states that were come to and offer an action that is not sequent."""
        if action.owner is not None:
            return [action.owner.index] if action.owner.index in self.entered else []
        return [state.index for state in self.network.states if state.index in self.entered and action in state.offered]

    def data(self, node: int) -> str:
        """What decides in a configuration, in words: `basket = 3, known = true`."""
        pairs = zip(self.space.deciding, self.space.data(node), strict=True)
        shown = [f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for (_, name), value in pairs]
        return ", ".join(shown[:_SHOWN_DATA]) + (", …" if len(shown) > _SHOWN_DATA else "")

    def dead(self) -> Iterator[int]:
        """The configurations in which nothing can be done although the iteration is not over."""
        return (node for node in range(self.explored) if not self.space.out(node) and not self.space.ends(node))


def lead_to(space: Configurations, ends: list[int]) -> bytearray:
    """For each configuration, whether one of `ends` can be come to from it."""
    before: list[list[int]] = [[] for _ in range(space.size())]
    for tail, head in zip(space.tails, space.heads, strict=True):
        before[head].append(tail)
    found = bytearray(space.size())
    while ends:
        node = ends.pop()
        if not found[node]:
            found[node] = 1
            ends.extend(before[node])
    return found
