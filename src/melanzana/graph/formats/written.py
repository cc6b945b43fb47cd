"""What a writer made of a model, and what the other format had no place for.

A writer notes each kind of loss once, with how many elements it concerns, so that nothing is lost silently and nobody reads a
thousand lines.
"""

from collections import Counter
from dataclasses import dataclass, field

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.model import ActionKind, Model, StateKind


@dataclass(frozen=True, slots=True)
class Written:
    """The text of the file and the notes on what it does not say."""

    text: str
    notes: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Losses:
    """Counts what a format cannot hold, by kind."""

    _counted: Counter[str] = field(default_factory=Counter)
    _first: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, what: str, element_id: str = "", element: str = "") -> None:
        """One more element that loses `what`."""
        self._counted[what] += 1
        self._first.setdefault(what, (element_id, element))

    def add_fields(self, model: Model, *, held: frozenset[str]) -> None:
        """Count every field of the model that is used and not among `held`."""
        for what, element_id, element in _used(model):
            if what not in held:
                self.add(what, element_id, element)

    def notes(self) -> tuple[Finding, ...]:
        """A finding a kind of loss."""
        return tuple(self._note(what, count) for what, count in self._counted.items())

    def _note(self, what: str, count: int) -> Finding:
        element_id, element = self._first[what]
        where = f" (first: {element})" if element else ""
        times = "1 element" if count == 1 else f"{count} elements"
        return Finding(
            code="convert-loss",
            severity=Severity.WARNING,
            message=f"left out: {what}, of {times}{where}",
            element_id=element_id or None,
            element=element or None,
        )


def _used(model: Model) -> list[tuple[str, str, str]]:
    """Every optional thing that the model says: what, id and name of the element."""
    found: list[tuple[str, str, str]] = []

    def note(used: object, what: str, element_id: str = "", element: str = "") -> None:
        if used:
            found.append((what, element_id, element))

    for case in model.test_cases:
        note(True, "test case", case.id, case.name)
    note(model.tags, "tags", model.id, model.name)
    for parameter in model.parameters:
        note(parameter.generated, "generated variable", "", f"variable {parameter.name}")
        note(parameter.ranges and not parameter.generated, "range of a variable", "", f"variable {parameter.name}")
    for state in model.states:
        note(state.kind in {StateKind.ERROR, StateKind.CLEANUP}, "error or cleanup state", state.id, state.name)
        note(state.kind is StateKind.EXIT, "exit state", state.id, state.name)
        note(state.shared, "shared name", state.id, state.name)
        note(state.parameters, "variable of a state", state.id, state.name)
        note(state.snippets, "action code", state.id, state.name)
        note(state.tags, "tags", state.id, state.name)
        note(state.requirements, "requirements", state.id, state.name)
        note(state.description, "description", state.id, state.name)
    for owner, action in model.actions():
        name = f"{owner.name if owner else 'anywhere'}/{action.name}"
        note(action.guard, "guard", action.id, name)
        note(action.assignments, "assignments", action.id, name)
        note(action.kind is not ActionKind.NORMAL, "sequent or previous action", action.id, name)
        note(action.call_limit, "call limit", action.id, name)
        note(action.weight != 100, "weight", action.id, name)
        note(action.parameters, "variable of an action", action.id, name)
        note(action.snippets, "action code", action.id, name)
        note(action.sub_models, "sub-model", action.id, name)
        note(action.tags, "tags", action.id, name)
        note(action.requirements, "requirements", action.id, name)
        note(action.description, "description", action.id, name)
    return found
