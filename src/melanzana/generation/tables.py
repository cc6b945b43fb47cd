"""A random walk as a table: for every choice that may come up a node, for every outcome of its draw an entry.

`tally.py` follows the entries. A node is a list of two: a divisor and its entries, each a label and the next node. A draw r below
`Table.multiple` leads to entry r // divisor. Divisor 0 means that nothing is drawn: there is one entry, or something is to be
done first: a `Fresh` node is not made yet, at an `End` an iteration is over.

Choices are made as `RandomGenerator` makes them: a candidate is drawn, and drawn again among the rest when it may not be performed;
then one of its targets. Entries that perform nothing have the label `NOTHING`. Nodes are made when they are come to first; a node
takes time in proportion to the actions of its state (and to their weights, as far as these have no common divisor).
"""

from collections.abc import Iterator, Mapping, Sequence
from math import gcd, lcm
from typing import Any

from melanzana.generation.configurations import PlainConfigurations, configurations
from melanzana.generation.draws import MOST
from melanzana.generation.network import CompiledAction, CompiledState, Network
from melanzana.generation.position import Position
from melanzana.generation.search import Landscape
from melanzana.graph.expressions.syntax import Binary, Conditional, Literal, Logic, Unary, Variable
from melanzana.graph.expressions.syntax import Node as Tree
from melanzana.graph.model import Scalar

#: The label of an entry that performs nothing. Counts of labels have room for it at their end.
NOTHING = -1
#: Nodes and entries of one node; a model that needs more is walked step by step.
MOST_NODES, MOST_ENTRIES = 400_000, 10_000

#: [divisor, entries | Fresh | End]
Node = list[Any]
_Key = tuple[int, tuple[int, ...], int]  #: configuration; candidates left, by place; the candidate whose target is drawn, or -1


class TooLargeError(Exception):
    """The table would be too large."""


class End:
    """An iteration ends here: at Exit, or (`dead`) because nothing can be done."""

    __slots__ = ("dead", "state")

    def __init__(self, state: CompiledState, dead: bool) -> None:
        self.state = state
        self.dead = dead


class Fresh:
    """Stands for a node behind an entry that nobody has gone through yet."""

    __slots__ = ("entries", "key", "label", "slots")

    def __init__(self, entries: list[tuple[int, Node]], slots: range, label: int, key: _Key) -> None:
        self.entries = entries
        self.slots = slots
        self.label = label
        self.key = key


class Table:
    """The nodes made so far. `multiple` is a multiple of every number below which is drawn (`sizes`), and grows with them."""

    def __init__(self, space: PlainConfigurations, start: int, weighted: bool) -> None:
        self.space = space
        self.sizes: set[int] = set()
        self.multiple = 1
        self._weighted = weighted
        self._nodes: dict[_Key, Node] = {}
        self._everything = [tuple(range(len(state.drawn))) for state in space.network.states]
        self.start = self._made(self._key(start))

    def node_behind(self, fresh: Fresh) -> Node:
        """The node that `fresh` stands for; from now on its entry leads there. Errors: `TooLargeError`."""
        node = self._made(fresh.key)
        for slot in fresh.slots:
            fresh.entries[slot] = (fresh.label, node)
        return node

    def _key(self, configuration: int) -> _Key:
        return configuration, self._everything[self.space.state_of(configuration).index], -1

    def _made(self, key: _Key) -> Node:
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= MOST_NODES:
                raise TooLargeError
            node = self._nodes[key] = self._make(*key)
        return node

    def _make(self, configuration: int, left: tuple[int, ...], chosen: int) -> Node:
        state = self.space.state_of(configuration)
        if not left or self.space.ends(configuration):
            return [0, End(state, dead=not self.space.ends(configuration))]
        if chosen >= 0:
            ways = self._ways(configuration, state.drawn[chosen])
            return self._node([(1, label, self._key(head)) for label, head in ways])
        return self._node([self._candidate(configuration, left, place) for place in left])

    def _candidate(self, configuration: int, left: tuple[int, ...], place: int) -> tuple[int, int, _Key]:
        """Weight, label and next choice of drawing the action at `place`."""
        action = self.space.state_of(configuration).drawn[place]
        weight = action.weight if self._weighted else 1
        ways = self._ways(configuration, action)
        if not ways:
            return weight, NOTHING, (configuration, tuple(other for other in left if other != place), -1)
        if len(ways) > 1:
            return weight, NOTHING, (configuration, left, place)
        label, head = ways[0]
        return weight, label, self._key(head)

    def _ways(self, configuration: int, action: CompiledAction) -> Sequence[tuple[int, int]]:
        """Label and configuration behind each target of an action; none when it may not be performed."""
        space = self.space
        pairs = space.labels_of.pairs
        return [(space.labels[arc], space.heads[arc]) for arc in space.out(configuration) if pairs[space.labels[arc]][0] is action]

    def _node(self, outcomes: list[tuple[int, int, _Key]]) -> Node:
        """A node of outcomes, each with its weight."""
        size, share = sum(weight for weight, _, _ in outcomes), gcd(*(weight for weight, _, _ in outcomes))
        if size // share > MOST_ENTRIES:
            raise TooLargeError
        entries: list[tuple[int, Node]] = []
        for weight, label, key in outcomes:
            slots = range(len(entries), len(entries) + weight // share)
            known = self._nodes.get(key) if label == NOTHING else None
            entries += [(label, known or [0, Fresh(entries, slots, label, key)])] * len(slots)
        return [self._divisor(size) * share, entries]

    def _divisor(self, size: int) -> int:
        """What a draw is divided by to be one below `size`; 0 when nothing is drawn."""
        if size == 1:
            return 0
        if self.multiple % size:
            multiple = lcm(self.multiple, size)
            if multiple > MOST:
                raise TooLargeError
            for node in self._nodes.values():
                node[0] *= multiple // self.multiple
            self.multiple = multiple
        self.sizes.add(size)
        return self.multiple // size


def table_of(network: Network, start: Position, fixed: Mapping[tuple[int, str], Scalar], *, weighted: bool) -> Table | None:
    """The table of random walks from `start`; None when they cannot be told as one."""
    landscape = Landscape(network)
    if landscape.hangs_on_draws(fixed) or not _all_safe(network):
        return None
    space = configurations(network, landscape, start)
    if not isinstance(space, PlainConfigurations):
        return None
    first = space.enter(start)
    space.explore()
    try:
        return Table(space, first, weighted) if space.complete else None
    except TooLargeError:
        return None


def _all_safe(network: Network) -> bool:
    """Can no guard and no assignment fail, whatever the data?"""
    return all(_safe(tree) for action in network.actions for tree in _trees(action))


def _trees(action: CompiledAction) -> Iterator[Tree]:
    if action.guard:
        yield action.guard.tree
    yield from (formula.tree for _, _, formula in action.assignments)


def _safe(tree: Tree) -> bool:
    """Comparisons, logic, and adding or taking away a constant: no value that such a walk comes to makes them fail."""
    match tree:
        case Literal() | Variable():
            parts: tuple[Tree, ...] = ()
        case Unary(operand=operand):
            parts = (operand,)
        case Logic(operands=operands):
            parts = operands
        case Conditional(condition=condition, accepted=accepted, rejected=rejected):
            parts = (condition, accepted, rejected)
        case Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">=", left=left, right=right):
            parts = (left, right)
        case Binary(operator="+" | "-", left=Literal() | Variable(), right=Literal()):
            parts = ()
        case _:
            return False
    return all(map(_safe, parts))
