"""Coverage of n-step paths: which sequences of n transitions a run has taken in a row, within an iteration.

`kinds.py` says who asks. A step costs one tuple of n numbers; what is kept grows with the different paths that were taken.
"""

from collections.abc import Mapping
from typing import Any

from melanzana.generation.kinds import Glance
from melanzana.generation.succession import Succession
from melanzana.graph.model import ActionKind, Model


class PathTracker:
    """Counts paths of `depth` transitions; see `Watcher`. A hit is a tuple of transitions."""

    def __init__(self, model: Model, depth: int, succession: Succession | None = None) -> None:
        self._succession = succession or Succession(model)
        self._depth = depth
        self._to_previous = frozenset(action.id for _, action in model.actions() if action.kind is ActionKind.PREVIOUS)
        self._number = self._succession.number
        self._window: tuple[int, ...] = ()
        self._iteration = 0
        self._hits: dict[tuple[int, ...], int] = {}
        self._odd: set[tuple[int, ...]] = set()
        self.total = self._succession.count(depth)

    @property
    def covered(self) -> int:
        """How many different paths were taken."""
        return len(self._hits)

    @property
    def hits(self) -> Mapping[Any, int]:
        """How often each was taken."""
        transitions = self._succession.transitions
        return {tuple(transitions[number] for number in path): times for path, times in self._hits.items()}

    def see(self, step: Glance) -> None:
        """A step was performed. A transition that the model does not have ends what went before: events are untrusted."""
        if not step.is_action:
            return
        label = self._number.get((step.element_id, None if step.element_id in self._to_previous else step.target))
        if label is None or step.iteration != self._iteration:
            self._window, self._iteration = (), step.iteration
        if label is None:
            return
        path = self._window = (*self._window[1 - self._depth :], label) if self._depth > 1 else (label,)
        if len(path) == self._depth:
            self._count(path)

    def _count(self, path: tuple[int, ...]) -> None:
        times = self._hits.get(path)
        if times is not None:
            self._hits[path] = times + 1
        elif path not in self._odd:
            if self._succession.has(path):
                self._hits[path] = 1
            else:
                self._odd.add(path)
