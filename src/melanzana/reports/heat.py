"""How strongly each element of a model's picture is coloured, and the words that say the same. Pages with a picture ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log

from melanzana.reports.analysis import ElementFailures

LEVELS = 4


class Colour(StrEnum):
    """What the colours of a picture tell."""

    COVERAGE = "coverage"
    FAILURES = "failures"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Heat:
    """Of one element."""

    name: str  #: for the style sheet: `hits-1` to `hits-4`, `fails-1` to `fails-4`
    sign: str  #: shown beside the count
    words: str


def of_hits(hits: Mapping[str, int]) -> dict[str, Heat]:
    """By the logarithm of how often, since few elements have most of the hits."""
    most = max(hits.values(), default=0)
    return {
        element: Heat(f"hits-{max(1, ceil(LEVELS * log(1 + times) / log(1 + most)))}", "", f"gone through {times} times")
        for element, times in hits.items()
        if times
    }


def of_failures(failing: tuple[ElementFailures, ...]) -> dict[str, Heat]:
    """By how often it failed among how often it was gone through."""
    return {
        one.id: Heat(
            f"fails-{max(1, ceil(LEVELS * one.ratio))}",
            f"✕{one.failures}",
            f"failed {one.failures} of {max(one.hits, one.failures)} times",
        )
        for one in failing
        if one.kind != "tag" and one.failures
    }
