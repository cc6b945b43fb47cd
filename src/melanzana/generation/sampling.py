"""How one value is drawn from a source of a generated variable: its distribution, its bins, the order of its listed values.

`data.Domain.draw` chooses the source and asks here. All is integer arithmetic on 64-bit draws, and for real numbers one
multiplication and one addition of IEEE doubles, which round alike everywhere: no function whose last bit differs between machines.

| distribution | of a draw from 0 to 1 | its mean, and the middle two thirds |
|---|---|---|
| flat | u | 1/2; 1/6 to 5/6 |
| triangular | (u + v) / 2 | 1/2; 0.29 to 0.71 |
| normal | (u + v + w) / 3: Irwin-Hall, whose standard deviation is a sixth of the range | 1/2; 0.33 to 0.67 |
| rising | the greater of u and v | 2/3 |
| falling | the lesser of u and v | 1/3 |

A flat source with bins is dealt like cards: each of its bins comes once, in random order, before any comes a second time. What has
been dealt is kept in `Decks`, which is part of the walk's position; a draw costs as much as there are bins left.
"""

from collections.abc import Callable, Mapping

from melanzana.generation.prng import Prng

_BITS = 64
_ONE = 1 << _BITS
#: Fewest draws between which a double cannot tell are below it.
_DOUBLE = 2.0**-53

#: What was dealt of each source, by whatever names it: the bins still to come, or how many values have come in a row.
Decks = dict[tuple[object, ...], tuple[int, ...]]

#: A draw from 0 (included) to `_ONE` (excluded), as an integer.
_SHAPES: Mapping[str, Callable[[Prng], int]] = {
    "triangular": lambda prng: (prng.bits() + prng.bits()) // 2,
    "normal": lambda prng: (prng.bits() + prng.bits() + prng.bits()) // 3,
    "rising": lambda prng: max(prng.bits(), prng.bits()),
    "falling": lambda prng: min(prng.bits(), prng.bits()),
}


def draw_index(size: int, distribution: str, prng: Prng) -> int:
    """A number from 0 to `size` - 1. A distribution that is not known is drawn flat."""
    shape = _SHAPES.get(distribution)
    return prng.below(size) if shape is None else shape(prng) * size >> _BITS


def draw_part(distribution: str, prng: Prng) -> float:
    """A number from 0 to 1 (excluded), a multiple of 2^-53."""
    shape = _SHAPES.get(distribution)
    return prng.fraction() if shape is None else (shape(prng) >> 11) * _DOUBLE


def cut(size: int, bins: int, number: int) -> tuple[int, int]:
    """The first index of a bin of `size` values cut into `bins`, and the first after it; widths differ by at most one."""
    return -(-number * size // bins), -(-(number + 1) * size // bins)


def deal(bins: int, key: tuple[object, ...], decks: Decks, prng: Prng) -> int:
    """The next bin of a source: each comes once before any comes again."""
    left = decks.get(key) or tuple(range(bins))
    at = prng.below(len(left))
    decks[key] = (*left[:at], left[-1], *left[at + 1 : -1]) if at < len(left) - 1 else left[:-1]
    return left[at]


def next_in_order(size: int, key: tuple[object, ...], decks: Decks) -> int:
    """The next of `size` values in their order; after the last, the first again."""
    (at,) = decks.get(key, (0,))
    decks[key] = ((at + 1) % size,)
    return at
