"""The generator of random numbers: its reference values, its fairness, its forks."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.prng import Prng

seeds = st.integers(min_value=0, max_value=2**63 - 1)


def test_the_published_reference_values_of_splitmix64_come_out():
    """Seed 1234567 gives the five values that implementations of SplitMix64 are compared by."""
    prng = Prng(1234567)
    assert [prng.bits() for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_seed_zero_gives_the_reference_value_too():
    assert Prng(0).bits() == 0xE220A8397B1DCDAF


@given(seeds, st.integers(min_value=1, max_value=2**64))
def test_below_stays_below(seed: int, n: int):
    assert 0 <= Prng(seed).below(n) < n


@pytest.mark.parametrize("n", [3, 7, 10])
def test_below_is_even_to_within_six_standard_deviations(n: int):
    prng = Prng(42)
    draws = 20_000
    counts = Counter(prng.below(n) for _ in range(draws))
    deviation = (draws * (1 / n) * (1 - 1 / n)) ** 0.5
    assert all(abs(counts[i] - draws / n) < 6 * deviation for i in range(n))


def test_below_rejects_the_unfair_tail_of_a_large_bound():
    """With n = 3 × 2^62 a quarter of all products is rejected, and each quarter of the range is hit equally often."""
    prng = Prng(9)
    n = 3 * 2**62
    thirds = Counter(prng.below(n) // 2**62 for _ in range(6_000))
    assert all(1_800 < thirds[i] < 2_200 for i in range(3))


def test_below_one_draws_nothing():
    one, other = Prng(5), Prng(5)
    assert one.below(1) == 0
    assert one.bits() == other.bits()


@pytest.mark.parametrize("n", [0, -1, 2**64 + 1])
def test_a_bound_that_means_nothing_is_refused(n: int):
    with pytest.raises(ValueError, match="below"):
        Prng(1).below(n)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int):
    with pytest.raises(ValueError, match="seed"):
        Prng(seed)


@given(seeds)
def test_a_fraction_is_a_53_bit_number_below_one(seed: int):
    fraction = Prng(seed).fraction()
    assert 0 <= fraction < 1
    assert fraction * 2**53 == int(fraction * 2**53)


def test_weighted_never_picks_a_weight_of_zero_and_follows_the_others():
    prng = Prng(3)
    counts = Counter(prng.weighted([0, 1, 0, 3, 0]) for _ in range(8_000))
    assert set(counts) == {1, 3}
    assert 2.7 < counts[3] / counts[1] < 3.3


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]])
def test_weights_that_mean_nothing_are_refused(weights: list[int]):
    with pytest.raises(ValueError, match="weighted"):
        Prng(1).weighted(weights)


@given(seeds, st.text(max_size=10))
def test_a_fork_does_not_depend_on_what_was_drawn_before(seed: int, label: str):
    fresh, used = Prng(seed), Prng(seed)
    used.bits()
    assert fresh.fork(label).bits() == used.fork(label).bits()


def test_forks_of_different_labels_and_their_parent_differ():
    prng = Prng(7)
    assert len({prng.fork("data").bits(), prng.fork("choice").bits(), Prng(7).bits()}) == 3


def test_a_copy_continues_where_the_original_stands():
    prng = Prng(11)
    prng.bits()
    twin = prng.copy()
    assert [twin.bits() for _ in range(3)] == [prng.bits() for _ in range(3)]
