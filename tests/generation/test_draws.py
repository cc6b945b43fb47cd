"""Many draws at once are the draws of `Prng`."""

from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.draws import MOST, UnevenDrawError, draws
from melanzana.generation.prng import GAMMA, Prng

SIZES = st.lists(st.integers(2, 40), min_size=1, max_size=4).filter(lambda sizes: lcm(*sizes) <= MOST)


@given(st.integers(0, 2**64 - 1), SIZES, st.integers(0, 50))
def test_a_draw_below_a_multiple_tells_the_draw_below_each_of_its_divisors(seed: int, sizes: list[int], skipped: int):
    """Wherever in the stream it stands."""
    multiple = lcm(*sizes)
    one_by_one = Prng(seed)
    for _ in range(skipped):
        one_by_one.bits()
    for number, draw in enumerate(draws(Prng(seed), skipped, 20, multiple, sizes)):
        size = sizes[number % len(sizes)]
        assert draw // (multiple // size) == one_by_one.below(size)


def test_a_number_that_is_drawn_again_is_told():
    """The state behind the first counter is 0, and so is the number mixed from it: `below(3)` draws once more."""
    seed = 2**64 - GAMMA
    again = Prng(seed)
    again.below(3)
    assert again.state == (seed + 2 * GAMMA) % 2**64
    with pytest.raises(UnevenDrawError):
        draws(Prng(seed), 0, 10, 6, {2, 3})


def test_a_number_that_is_near_is_not_told():
    """0 is no reason to draw again below a power of two."""
    assert draws(Prng(2**64 - GAMMA), 0, 10, 4, {2, 4})[0] == 0
