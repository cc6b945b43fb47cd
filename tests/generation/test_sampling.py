"""Distributions, bins and orders of generated values, over fixed seeds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.data import Domain, bin_of
from melanzana.generation.prng import Prng
from melanzana.generation.sampling import Decks, cut, draw_index, draw_part
from melanzana.generation.variables import Variable
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import DISTRIBUTIONS, Order, Parameter, ParameterType, Range

_DRAWS = 12_000
#: The share of each tenth of the range, from the distribution's integral.
_TENTHS = {
    "flat": [0.1] * 10,
    "triangular": [0.02, 0.06, 0.10, 0.14, 0.18, 0.18, 0.14, 0.10, 0.06, 0.02],
    "rising": [0.01 + 0.02 * tenth for tenth in range(10)],
    "falling": [0.19 - 0.02 * tenth for tenth in range(10)],
}


def _irwin_hall(part: float) -> float:
    """The share of means of three flat draws below `part`."""
    x = 3 * part
    return sum((-1) ** k * [1, 3, 3, 1][k] * max(x - k, 0.0) ** 3 for k in range(4)) / 6


_TENTHS["normal"] = [_irwin_hall((tenth + 1) / 10) - _irwin_hall(tenth / 10) for tenth in range(10)]


def _chi_square(found: Counter[int], shares: list[float]) -> float:
    total = sum(found.values())
    return sum((found[n] - total * share) ** 2 / (total * share) for n, share in enumerate(shares))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("seed", [1, 7])
def test_each_tenth_of_a_range_comes_as_often_as_its_distribution_says(distribution: str, seed: int) -> None:
    """Whole and real draws stay below the 99.9 % point of chi-square with nine degrees of freedom."""
    prng = Prng(seed)
    whole = Counter(draw_index(1_000, distribution, prng) // 100 for _ in range(_DRAWS))
    real = Counter(int(draw_part(distribution, prng) * 10) for _ in range(_DRAWS))
    assert _chi_square(whole, _TENTHS[distribution]) < 27.9
    assert _chi_square(real, _TENTHS[distribution]) < 27.9


def test_draws_are_the_same_everywhere() -> None:
    """Values of one seed are written down here: no machine may give others."""
    prng = Prng(2026)
    assert [draw_index(1_000, name, prng) for name in DISTRIBUTIONS] == [857, 569, 634, 953, 230]


def _numbers(kind: ParameterType, high: int, bins: int) -> Domain:
    return Domain(Parameter(name="n", type=kind, generated=True, ranges=(Range(low=0, high=high, bins=bins),)))


@given(st.sampled_from([ParameterType.INTEGER, ParameterType.REAL]), st.integers(1, 400), st.integers(1, 40), st.integers(0, 2**32))
def test_each_bin_comes_once_before_any_comes_again(kind: ParameterType, high: int, bins: int, seed: int) -> None:
    """As many draws as there are bins hit each of the bins that coverage counts, in every round."""
    domain, prng, decks = _numbers(kind, high, bins), Prng(seed), Decks()
    wanted = sorted(Variable("", domain.parameter).bins)
    for _ in range(2):
        assert sorted(str(bin_of(domain, domain.draw(prng, decks))) for _ in wanted) == wanted


@given(st.integers(1, 10_000), st.integers(1, 50))
def test_bins_are_a_cut_without_gaps(size: int, bins: int) -> None:
    """Bins follow each other, cover every index, and differ by at most one in width."""
    bins = min(size, bins)
    cuts = [cut(size, bins, number) for number in range(bins)]
    assert [first for first, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
    assert cuts[-1][1] == size
    assert max(end - first for first, end in cuts) - min(end - first for first, end in cuts) <= 1


def test_values_in_order_come_one_after_the_other() -> None:
    """A sequential source starts again after its last value."""
    domain = Domain(
        Parameter(name="u", type=ParameterType.TEXT, generated=True, ranges=(Range(values=("a", "b"), order=Order.SEQUENTIAL),))
    )
    decks, prng = Decks(), Prng(5)
    assert [domain.draw(prng, decks, 0) for _ in range(5)] == ["a", "b", "a", "b", "a"]


def test_ranges_are_chosen_by_weight_whatever_their_bins() -> None:
    """A source with three times the weight gives three quarters of the values."""
    ranges = (Range(low=0, high=9, bins=2, weight=30), Range(low=100, high=109, weight=10, distribution="normal"))
    domain, prng, decks = Domain(Parameter(name="n", type=ParameterType.INTEGER, ranges=ranges)), Prng(3), Decks()
    found = Counter(int(domain.draw(prng, decks) >= 100) for _ in range(4_000))  # type: ignore[operator]
    assert _chi_square(found, [0.75, 0.25]) < 10.8


WALKED = """
model: Orders
start: Form
variables:
  n: {type: integer, generated: true, range: [1, 40], bins: 4}
  who: {type: text, generated: true, values: [ann, bob, eve], order: sequential}
states:
  Form:
    actions:
      send: {to: exit}
"""


def test_a_walk_deals_over_all_its_iterations() -> None:
    """Four iterations draw each of four bins once, and take the listed values in their order."""
    steps = walk_all(Walk(read_text(WALKED), WalkPlan(path="random(iterations(4))", seed=11, dry=True)))
    sent = [step.data for step in steps if step.name == "send"]
    assert sorted((int(data["n"]) - 1) // 10 for data in sent) == [0, 1, 2, 3]  # type: ignore[arg-type]
    assert [data["who"] for data in sent] == ["ann", "bob", "eve", "ann"]
