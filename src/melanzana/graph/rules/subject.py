"""The model under examination, prepared once for all rules: elements in document order, each with the words people find it by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.addresses import ANYWHERE
from melanzana.graph.model import Action, Model, Parameter, State, TestCase
from melanzana.graph.routes import Routes


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that findings are about. `label` is its place in words: `Results`, `Results/add`, `test case buy`."""

    id: str
    label: str
    value: State | Action | TestCase | Model

    def error(self, code: str, message: str, **more: Any) -> Finding:
        """The model cannot be used like this."""
        return self._finding(Severity.ERROR, code, message, more)

    def warning(self, code: str, message: str, **more: Any) -> Finding:
        """The model probably does not mean this."""
        return self._finding(Severity.WARNING, code, message, more)

    def info(self, code: str, message: str, **more: Any) -> Finding:
        """Worth knowing."""
        return self._finding(Severity.INFO, code, message, more)

    def _finding(self, severity: Severity, code: str, message: str, more: dict[str, Any]) -> Finding:
        return Finding(
            code=code, severity=severity, message=f"{self.label}: {message}", element_id=self.id, element=self.label, **more
        )


class Subject:
    """A model and what every rule asks of it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.routes = Routes(model)
        self.whole = Element(model.id, f"model {short(model.name)}", model)
        self.states = [(state, Element(state.id, short(state.name), state)) for state in model.states]
        self.actions = list(self._actions())
        self.cases = [(case, Element(case.id, f"test case {short(case.name)}", case)) for case in model.test_cases]

    def _actions(self) -> Iterator[tuple[State | None, Action, Element]]:
        for owner, action in self.model.actions():
            label = f"{short(owner.name) if owner else ANYWHERE}/{short(action.name)}"
            yield owner, action, Element(action.id, label, action)

    def elements(self) -> Iterator[Element]:
        """The model's states, actions and test cases."""
        yield from (element for _, element in self.states)
        yield from (element for _, _, element in self.actions)
        yield from (element for _, element in self.cases)

    def scopes(self) -> Iterator[tuple[Element, tuple[Parameter, ...]]]:
        """Everything that declares variables, with what it declares."""
        yield self.whole, self.model.parameters
        yield from ((element, state.parameters) for state, element in self.states)
        yield from ((element, action.parameters) for _, action, element in self.actions)


def short(name: str, limit: int = 60) -> str:
    """A name as it may stand in a message: bounded, and with nothing in it that does not print."""
    cut = name if len(name) <= limit else name[: limit - 1] + "…"
    shown = (
        cut
        if cut.isprintable()
        else "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)
    )
    return shown or '""'
