"""What `service.py` remembers of runs that were asked for: folds, sums of versions, why runs did not pass. It may all be lost."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from melanzana.reports.folding import RunFold
from melanzana.reports.records import FailingStep, Tally

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class KeptFold:
    fold: RunFold | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class KeptTallies:
    """Of one model version: the tallies of runs that have ended, by run id. They do not change any more."""

    tallies: dict[int, Tally] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class KeptFailing:
    """Why a run that has ended did not pass."""

    step: FailingStep | None = None
    known: bool = False


class KeptLast(Generic[K, V]):
    """The values that were asked for last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        value = self._values[key] = self._values.pop(key, None) or make()
        if len(self._values) > self._limit:
            self._values.popitem(last=False)
        return value
