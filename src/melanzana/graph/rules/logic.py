"""Rules on expressions: guards, assignments, inputs and outputs over the variables in scope.

Scope of a state's snippets: the model's variables and the state's; of an action: those and its own. Inner names hide outer
ones. Every expression is compiled once per scope.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import (
    STATE_VARIABLE,
    Expression,
    ExprType,
    check_assignment,
    compile_expression,
    expression_type,
)
from melanzana.graph.findings import Finding
from melanzana.graph.model import Action, Assignment, Model, Parameter, Snippet, State
from melanzana.graph.rules.folding import constant_truth, never_true
from melanzana.graph.rules.subject import Element, Subject, short


def check_logic(subject: Subject) -> Iterator[Finding]:
    """Every expression of the model."""
    scopes = Scopes(subject.model)
    for state, element in subject.states:
        yield from _check_snippets(state.snippets, element, scopes.of_state(state), "check")
    for owner, action, element in subject.actions:
        scope = scopes.of_action(owner, action)
        yield from _check_guard(action, element, scope)
        yield from _check_assignments(action, element, scope)
        yield from _check_snippets(action.snippets, element, scope, "do")


@dataclass(slots=True)
class Scope:
    """The variables that expressions of one place may name; remembers what it compiled."""

    types: Mapping[str, ExprType]
    _known: dict[tuple[str, ...], Expression | ExpressionError]

    def expression(self, text: str, want: ExprType | None = None) -> Expression | ExpressionError:
        """The compiled expression, or why there is none."""
        return self._remember((text, str(want)), lambda: compile_expression(text, self.types, want))

    def assignment(self, assignment: Assignment) -> Expression | ExpressionError:
        """The compiled right side, or why there is none."""
        key = (assignment.expression, assignment.variable, "=")
        return self._remember(key, lambda: check_assignment(assignment, self.types))

    def _remember(self, key: tuple[str, ...], compiled: Callable[[], Expression]) -> Expression | ExpressionError:
        if key not in self._known:
            try:
                self._known[key] = compiled()
            except ExpressionError as error:
                self._known[key] = error
        return self._known[key]


class Scopes:
    """One scope for all places that see the same variables."""

    def __init__(self, model: Model) -> None:
        self._whole = Scope(_types({STATE_VARIABLE: ExprType.STRING}, model.parameters), {})
        self._states: dict[str, Scope] = {}

    def of_state(self, state: State | None) -> Scope:
        """What a state's snippets see; of None, what global actions see."""
        if state is None or not state.parameters:
            return self._whole
        if state.id not in self._states:
            self._states[state.id] = Scope(_types(self._whole.types, state.parameters), {})
        return self._states[state.id]

    def of_action(self, owner: State | None, action: Action) -> Scope:
        """What an action's expressions see."""
        outer = self.of_state(owner)
        return Scope(_types(outer.types, action.parameters), {}) if action.parameters else outer


def _types(outer: Mapping[str, ExprType], parameters: tuple[Parameter, ...]) -> dict[str, ExprType]:
    return {**outer, **{parameter.name: expression_type(parameter.type) for parameter in parameters}}


def _check_guard(action: Action, element: Element, scope: Scope) -> Iterator[Finding]:
    if action.guard is None:
        return
    compiled = scope.expression(action.guard, ExprType.BOOL)
    if isinstance(compiled, ExpressionError):
        yield element.error(
            "guard-invalid", f"the guard `{short(action.guard)}` is wrong: {_why(compiled)}", **_hint(compiled, "when")
        )
    elif never_true(compiled.tree):
        yield element.warning(
            "guard-never",
            f"the guard `{short(action.guard)}` is never true, whatever the data: mend it, or remove the action",
            field="when",
        )
    elif constant_truth(compiled.tree):
        yield element.info("guard-always", f"the guard `{short(action.guard)}` is always true: remove it", field="when")


def _check_assignments(action: Action, element: Element, scope: Scope) -> Iterator[Finding]:
    seen: set[str] = set()
    for assignment in action.assignments:
        field = f"set/{assignment.variable}"
        if assignment.variable in seen:
            message = f"assigns {short(assignment.variable)} twice; all assignments take effect together: keep one"
            yield element.error("assignment-twice", message, field=field)
        seen.add(assignment.variable)
        compiled = scope.assignment(assignment)
        if isinstance(compiled, ExpressionError):
            what = f"{short(assignment.variable)} = {short(assignment.expression)}"
            yield element.error(
                "assignment-invalid", f"the assignment `{what}` is wrong: {_why(compiled)}", **_hint(compiled, field)
            )


def _check_snippets(snippets: tuple[Snippet, ...], element: Element, scope: Scope, word: str) -> Iterator[Finding]:
    for snippet in snippets:
        yield from _check_inputs(snippet, element, scope, word)
        for output in snippet.outputs:
            if output.variable not in scope.types or output.variable == STATE_VARIABLE:
                message = f"the result of {short(snippet.reference)} goes to {short(output.variable)}, which is no variable here"
                yield element.error("output-unknown", message, field="save")


def _check_inputs(snippet: Snippet, element: Element, scope: Scope, word: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for entry in snippet.inputs:
        field = f"with/{entry.name}" if entry.name is not None else word
        if entry.name is not None and entry.name in seen:
            yield element.error(
                "input-twice", f"{short(snippet.reference)} gets the input {short(entry.name)} twice: keep one", field=field
            )
        if entry.name is None and seen:
            message = f"{short(snippet.reference)} gets an input by position after one by name: move it to the front"
            yield element.error("input-order", message, field=field)
        seen.update([entry.name] if entry.name is not None else [])
        compiled = scope.expression(entry.expression)
        if isinstance(compiled, ExpressionError):
            message = f"the input `{short(entry.expression)}` of {short(snippet.reference)} is wrong: {_why(compiled)}"
            yield element.error("input-invalid", message, **_hint(compiled, field))


def _why(error: ExpressionError) -> str:
    position = error.detail.get("position")
    return error.message if position is None else f"{error.message} (character {position + 1})"


def _hint(error: ExpressionError, field: str) -> dict[str, Any]:
    return {"field": field, "suggestion": error.detail.get("suggestion")}
