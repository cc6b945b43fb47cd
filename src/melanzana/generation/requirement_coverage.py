"""Coverage of requirements: one is covered as soon as any state or action that is marked with it was gone through."""

from collections.abc import Mapping
from typing import Any

from melanzana.generation.coverage import counted_actions, counted_states
from melanzana.generation.kinds import Glance
from melanzana.graph.model import Action, Model, State


def requirements_of(model: Model) -> dict[str, tuple[str, ...]]:
    """By requirement, in document order: the ids of the elements that are marked with it, of those that count."""
    found: dict[str, list[str]] = {}
    counted: tuple[State | Action, ...] = (*counted_states(model), *counted_actions(model))
    for element in counted:
        for requirement in dict.fromkeys(element.requirements):
            found.setdefault(requirement, []).append(element.id)
    return {requirement: tuple(elements) for requirement, elements in found.items()}


class RequirementTracker:
    """Counts requirements; see `Watcher`. A hit is the requirement as it is written."""

    def __init__(self, model: Model) -> None:
        self._marks: dict[str, list[str]] = {}
        requirements = requirements_of(model)
        for requirement, elements in requirements.items():
            for element in elements:
                self._marks.setdefault(element, []).append(requirement)
        self._hits: dict[str, int] = {}
        self.total = len(requirements)

    @property
    def covered(self) -> int:
        """How many requirements were gone through."""
        return len(self._hits)

    @property
    def hits(self) -> Mapping[Any, int]:
        """How often an element of each was gone through."""
        return dict(self._hits)

    def see(self, step: Glance) -> None:
        """A step was performed."""
        for requirement in self._marks.get(step.element_id, ()):
            self._hits[requirement] = self._hits.get(requirement, 0) + 1
