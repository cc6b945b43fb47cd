"""The kinds of coverage beyond states, actions and transitions: n-step paths, values of variables, requirements.

Nobody pays for a kind that is not asked for. A stop condition, a generator or a report asks with `watching.watch`; from then
on each step is shown to the `Watcher` of that kind.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from melanzana.graph.model import Value

MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH = 5, 2


class Word(StrEnum):
    """What is covered."""

    PATH = "path"  #: transitions in a row, within an iteration
    VARIABLE = "variable"  #: values of variables, one by one or in pairs
    REQUIREMENT = "requirement"  #: what elements are marked with


class Kind(NamedTuple):
    """One kind of coverage; `depth` is how many transitions in a row, or how many variables together."""

    word: Word
    depth: int = 1


class Watcher(Protocol):
    """Counts what one kind asks for. `covered` never shrinks and never exceeds `total`."""

    @property
    def covered(self) -> int:
        """How many different things were come to."""
        ...

    @property
    def total(self) -> int:
        """How many there are, guards and data left aside."""
        ...

    @property
    def hits(self) -> Mapping[Any, int]:
        """How often each was come to, without those that were not."""
        ...

    def see(self, step: "Glance") -> None:
        """A step was performed."""
        ...


class Glance(NamedTuple):
    """What watchers look at of a step."""

    is_action: bool
    element_id: str
    target: str | None
    iteration: int
    values: Mapping[str, Value]  #: of an action: the variables in scope when it was performed, by name
