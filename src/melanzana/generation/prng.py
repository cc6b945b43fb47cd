"""Where every random decision of a path comes from: one small generator, defined here and nowhere else.

Python's own `random` may change its methods between versions; a seed must give the same path for as long as a model is kept. The
generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): a 64-bit counter
advanced by the golden ratio and mixed by two multiplications.

    state ← state + 0x9E3779B97F4A7C15            (all arithmetic modulo 2^64)
    z ← state
    z ← (z xor (z >> 30)) × 0xBF58476D1CE4E5B9
    z ← (z xor (z >> 27)) × 0x94D049BB133111EB
    result ← z xor (z >> 31)

`below` is Lemire's multiply-and-shift with rejection, so it has no bias. `fork` gives an independent stream for another purpose:
drawing data then never changes which actions are chosen.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

_MASK = 0xFFFFFFFFFFFFFFFF
GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB


class Prng:
    """A stream of random numbers that depends on `seed` (0 … 2^64-1) alone."""

    __slots__ = ("_seed", "_state")

    def __init__(self, seed: int) -> None:
        if not 0 <= seed <= _MASK:
            raise ValueError(f"a seed is an integer from 0 to {_MASK}, not {seed}")
        self._seed = seed
        self._state = seed

    @property
    def state(self) -> int:
        """The counter: that of the next number is GAMMA more, modulo 2^64."""
        return self._state

    def bits(self) -> int:
        """64 random bits."""
        self._state = z = (self._state + GAMMA) & _MASK
        z = ((z ^ (z >> 30)) * MIX_1) & _MASK
        z = ((z ^ (z >> 27)) * MIX_2) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1, each equally likely; 1 ≤ n ≤ 2^64. Nothing is drawn when n is 1."""
        if n == 1:
            return 0
        if not 1 < n <= _MASK + 1:
            raise ValueError(f"below() takes 1 to 2^64, not {n}")
        # The steps of bits() again: a call of its own would cost a third of the time of a walk's choice.
        self._state = z = (self._state + GAMMA) & _MASK
        z = ((z ^ (z >> 30)) * MIX_1) & _MASK
        z = ((z ^ (z >> 27)) * MIX_2) & _MASK
        product = (z ^ (z >> 31)) * n
        if product & _MASK < n:
            unfair = (_MASK + 1 - n) % n
            while product & _MASK < unfair:
                product = self.bits() * n
        return product >> 64

    def fraction(self) -> float:
        """A number from 0 (included) to 1 (excluded), a multiple of 2^-53."""
        return (self.bits() >> 11) * 2.0**-53

    def weighted(self, weights: Sequence[int]) -> int:
        """An index into `weights`, as likely as its weight says. Weights are integers ≥ 0 and not all 0."""
        sums = list(accumulate(weights))
        if not sums or sums[-1] < 1 or min(weights) < 0:
            raise ValueError("weighted() needs weights of 0 or more, not all 0")
        return bisect_right(sums, self.below(sums[-1]))

    def fork(self, label: str) -> "Prng":
        """An independent stream named `label`. It depends on this one's seed and the label, not on what was drawn so far."""
        digest = hashlib.sha256(f"{self._seed}:{label}".encode()).digest()
        return Prng(int.from_bytes(digest[:8], "big"))

    def copy(self) -> "Prng":
        """A stream that will give the same numbers as this one from here on."""
        twin = Prng(self._seed)
        twin._state = self._state
        return twin
