"""The repeats of a tour are those of the problem, not of the solver that found them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import GenerationError
from melanzana.generation.tours import flow
from melanzana.generation.tours.flow import Network, cheapest_repeats
from melanzana.generation.tours.routing import Routing
from melanzana.generation.tours.trail import euler_trail


@st.composite
def problems(draw: st.DrawFn) -> tuple[Network, list[int]]:
    """A strongly connected graph with many ways of the same cost, and its surplus as a tour has it."""
    nodes = draw(st.integers(2, 9))
    circle = [(node, (node + 1) % nodes) for node in range(nodes)]
    more = draw(st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=18))
    tails, heads = zip(*circle, *more, strict=True)
    costs = [draw(st.integers(1, 2)) for _ in tails]
    surplus = [heads.count(node) - tails.count(node) + (node == 0) for node in range(nodes)]
    return Network(nodes=nodes, root=0, tails=tails, heads=heads, costs=costs), surplus


@settings(max_examples=80, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_another_optimal_flow_gives_the_same_repeats(problem, random) -> None:
    """The solver is fed the arcs in another order, with costs that prefer other ones: what comes back is another optimum."""
    network, surplus = problem
    expected = cheapest_repeats(network, surplus)
    arrays = [np.asarray(side, dtype=np.int64) for side in (network.tails, network.heads, network.costs)]
    order = list(range(len(network.tails)))
    random.shuffle(order)
    tails, heads, costs = (side[order] for side in arrays)
    tilted = costs * 10_000 + np.array([random.randrange(50) for _ in order])
    found = flow._solved(network, tails, heads, tilted, np.asarray(surplus))
    other = np.empty_like(found)
    other[order] = found[: len(order)]
    other[len(order) :] = found[len(order) :]
    prices = flow._prices(network, *arrays, other)
    tight = np.flatnonzero(prices[arrays[1]] == prices[arrays[0]] + arrays[2])
    ends = np.flatnonzero(prices[:-1] == prices[:-1].min())
    assert flow._along(network, tight.tolist(), surplus, ends.tolist()) == expected
    assert sum(expected[arc] * network.costs[arc] for arc in order) == int((other[: len(order)] * arrays[2]).sum())


@settings(max_examples=80, deadline=None)
@given(problems())
def test_the_repeats_leave_one_walk_through_everything(problem) -> None:
    """Every node but two has as many arcs in as out, and the trail takes each as often as it says."""
    network, surplus = problem
    times = [1 + repeat for repeat in cheapest_repeats(network, surplus)]
    trail = euler_trail(network.nodes, 0, network.tails, network.heads, times)
    assert [trail.count(arc) for arc in range(len(times))] == times
    assert all(network.heads[before] == network.tails[after] for before, after in pairwise(trail))
    assert network.tails[trail[0]] == 0


def test_a_flow_that_is_not_optimal_is_noticed() -> None:
    """A circle of negative cost is left in its residual graph."""
    network = Network(nodes=2, root=0, tails=(0, 0, 1), heads=(1, 1, 0), costs=(1, 5, 1))
    arrays = [np.asarray(side, dtype=np.int64) for side in (network.tails, network.heads, network.costs)]
    assert flow._prices(network, *arrays, np.array([0, 1, 0, 0, 1])) is None


def test_what_cannot_be_left_again_is_an_error() -> None:
    """Two arcs lead into a node without a way out."""
    network = Network(nodes=2, root=0, tails=(0, 0), heads=(1, 1), costs=(1, 1))
    with pytest.raises(GenerationError, match="some cannot be left again"):
        cheapest_repeats(network, [-1, 2])
    with pytest.raises(GenerationError, match="has no way"):
        Routing((0, 0), (1, 1), (0, 1), [-1, 1]).flow()
