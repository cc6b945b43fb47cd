"""What was made of the documents that were used last, found by which object they are: comparing a large model costs more."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """Documents must not change. Each is kept alive while it is known, so no other object can have its identity."""

    def __init__(self, make: Callable[[Mapping[str, Any]], T], kept: int) -> None:
        self._make, self._kept = make, kept
        self._known: OrderedDict[int, tuple[Mapping[str, Any], T]] = OrderedDict()

    def of(self, document: Mapping[str, Any]) -> T:
        """What `make` gave for this very object."""
        known = self._known.get(id(document))
        if known is not None:
            return known[1]
        made = self._make(document)
        self._known[id(document)] = (document, made)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return made
