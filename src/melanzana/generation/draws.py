"""Many draws of a `Prng` at once, for walks that are a table: `tally.py` asks.

The state of SplitMix64 is a counter, so its numbers can be computed side by side, with numpy. `below(n)` of `Prng` is
floor(z · n ÷ 2^64) for the 64-bit number z; for every n that divides `multiple` it is had from one draw r below `multiple`:
floor(r ÷ (multiple ÷ n)). The rejected draws of `below`, one in some 2^64 ÷ n, are looked for and told.
"""

from collections.abc import Collection

import numpy as np

from melanzana.generation.prng import GAMMA, MIX_1, MIX_2, Prng

#: Above it the products below no longer fit into 64 bits.
MOST = 2**31

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class UnevenDrawError(Exception):
    """A number came that `Prng.below` draws again: the walk must be walked draw by draw."""


def draws(prng: Prng, skipped: int, count: int, multiple: int, sizes: Collection[int]) -> list[int]:
    """`count` draws below `multiple` (≤ MOST) of the stream that `prng` gives from here on, without its first `skipped`.

    `sizes` are the numbers below which is drawn, each a divisor of `multiple`. Errors: `UnevenDrawError`.
    """
    z = np.arange(skipped + 1, skipped + count + 1, dtype=np.uint64) * np.uint64(GAMMA) + np.uint64(prng.state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_2)
    z ^= z >> np.uint64(31)
    _require_even(z, multiple, sizes)
    m = np.uint64(multiple)
    found = ((z >> _HALF) * m + (((z & _LOW) * m) >> _HALF)) >> _HALF
    return found.tolist()  # type: ignore[no-any-return]


def _require_even(z: "np.ndarray[tuple[int], np.dtype[np.uint64]]", multiple: int, sizes: Collection[int]) -> None:
    """A draw is rejected for a size only if its remainder is below the size; then that for the multiple is small, too."""
    suspects = z[z * np.uint64(multiple) < np.uint64(multiple)]
    for size in sizes if len(suspects) else ():
        unfair = (2**64 - size) % size
        if (suspects * np.uint64(size) < np.uint64(unfair)).any():
            raise UnevenDrawError
