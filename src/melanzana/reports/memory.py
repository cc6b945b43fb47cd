"""What the services of this room remember of runs that were asked for: folds, and sums of versions. It may all be lost."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from melanzana.reports.folding import RunFold

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class KeptFold:
    fold: RunFold | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


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
