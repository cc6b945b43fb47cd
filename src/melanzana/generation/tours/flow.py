"""Which arcs a closed walk must repeat: the cheapest flow from where too many arcs come in to where too many go out.

This is the heart of the directed Chinese postman problem (Edmonds and Johnson, "Matching, Euler tours and the Chinese postman",
Mathematical Programming 5, 1973). `cheapest_repeats` is exact. The optimum is found by OR-tools' cost-scaling solver (Goldberg,
"An efficient implementation of a scaling minimum-cost flow algorithm", Journal of Algorithms 22, 1997), in O(n² m log(n C)) at
worst and far less on real models.

There are usually many optimal flows, and which one a solver returns may change with its version. The answer here must not, so the
solver's flow is used for its prices only. The distances from the root in the residual graph of an optimal flow are the largest
optimal prices, and the set of optimal prices is the same for every optimal flow: so they depend on the problem alone. An arc can
carry flow in an optimum only if it keeps to these prices. As costs are positive such arcs make no circle, and any flow along them
is optimal; `routing.py` finds one in the order of nodes and arcs. So whatever solver or version finds the first optimum, the arcs
repeated are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]

from melanzana.errors import GenerationError
from melanzana.generation.tours.routing import Routing

_PLENTY = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Nodes 0 … `nodes` - 1 and arcs between them. Every cost is a whole number from 1; every node can be reached from `root`."""

    nodes: int
    root: int
    tails: Sequence[int]
    heads: Sequence[int]
    costs: Sequence[int]


def cheapest_repeats(network: Network, surplus: Sequence[int]) -> list[int]:
    """How often each arc is gone again, at the least total cost, so that `surplus[v]` more units leave than enter each node v.

    The surpluses add up to 1: one unit may stay anywhere, where the walk ends. Errors: `GenerationError` when there is no way.
    """
    tails, heads, costs = (np.asarray(side, dtype=np.int64) for side in (network.tails, network.heads, network.costs))
    flow = _solved(network, tails, heads, costs, np.asarray(surplus, dtype=np.int64))
    prices = _prices(network, tails, heads, costs, flow)
    if prices is None:  # pragma: no cover - the solver would have to be wrong
        raise GenerationError("the solver returned a flow that is not optimal")
    tight = np.flatnonzero(prices[heads] == prices[tails] + costs)
    ends = np.flatnonzero(prices[: network.nodes] == prices[:-1].min())
    return _along(network, tight.tolist(), surplus, ends.tolist())


def _solved(network: Network, tails: Any, heads: Any, costs: Any, surplus: Any) -> Any:
    """Some optimal flow, by arc; the last `nodes` entries are what stays at each node."""
    nodes = network.nodes
    solver = min_cost_flow.SimpleMinCostFlow()
    everywhere = np.arange(nodes, dtype=np.int64)
    solver.add_arcs_with_capacity_and_unit_cost(
        np.concatenate((tails, everywhere)),
        np.concatenate((heads, np.full(nodes, nodes))),
        np.full(len(tails) + nodes, max(int(np.abs(surplus).sum()), 1)),
        np.concatenate((costs, np.zeros(nodes, dtype=np.int64))),
    )
    solver.set_nodes_supplies(np.arange(nodes + 1), np.append(surplus, -1))
    if solver.solve() != solver.OPTIMAL:
        raise GenerationError("no walk goes through every transition: some cannot be left again and starting over is ruled out")
    return solver.flows(np.arange(len(tails) + nodes))


def _prices(network: Network, tails: Any, heads: Any, costs: Any, flow: Any) -> Any:
    """The distances from the root in the residual graph of an optimal flow (Bellman and Ford), the end of the walk as last node.

    None when it has a circle of negative cost, that is when the flow was not optimal.
    """
    nodes = network.nodes
    used, stays = np.flatnonzero(flow[: len(tails)]), np.flatnonzero(flow[len(tails) :])
    prices = np.full(nodes + 1, _PLENTY * _PLENTY // 2**20, dtype=np.int64)
    prices[network.root] = 0
    for _ in range(nodes + 2):
        after = prices.copy()
        np.minimum.at(after, heads, prices[tails] + costs)
        np.minimum.at(after, tails[used], prices[heads[used]] - costs[used])
        after[nodes] = min(after[nodes], prices[:nodes].min())
        after[stays] = np.minimum(after[stays], prices[nodes])
        if np.array_equal(after, prices):
            return prices
        prices = after
    return None


def _along(network: Network, tight: list[int], surplus: Sequence[int], ends: list[int]) -> list[int]:
    """A flow along the arcs `tight` that moves every surplus; the unit left over stays at one of `ends`."""
    count = len(network.tails)
    tails = [*network.tails, *ends]
    heads = [*network.heads, *([network.nodes] * len(ends))]
    routing = Routing(tails, heads, [*tight, *range(count, len(tails))], [*surplus, -1])
    return routing.flow()[:count]
