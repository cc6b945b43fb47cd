"""A model made ready to walk: elements by number, expressions compiled, and for each state the list of what is offered there.

Made once a walk by `Network(model)`; everything in it is constant from then on. Where an action leads is a number: 0 and above is a
state, below 0 is `chained(n)`, the sequent action n that must come next. Nothing a step does looks at more than its own state.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from melanzana.errors import EvaluationError, ExpressionError, InvalidModelError
from melanzana.generation.data import Domain
from melanzana.generation.scopes import Scope, Scopes
from melanzana.graph.expressions import BOOL, Expression, check_assignment, compile_expression
from melanzana.graph.model import Action, ActionKind, Assignment, Model, Output, Snippet, State, StateKind, Value


def chained(action: int) -> int:
    """The target number that means: action `action` comes next (and back: `chained(chained(n)) == n`)."""
    return -1 - action


class Formula:
    """One compiled expression and where it stands."""

    __slots__ = ("_expression", "function", "label", "names", "tree")

    def __init__(self, expression: Expression, label: str) -> None:
        self._expression = expression
        self.label = label
        self.function = expression.function
        self.names = expression.names
        self.tree = expression.tree

    @property
    def text(self) -> str:
        """As the model writes it."""
        return self._expression.text

    def value(self, view: Mapping[str, Value]) -> Value:
        """Its value on the variables in `view`. Errors: `EvaluationError` naming the place, the text and the position."""
        try:
            return self.function(view)
        except Exception:
            return self._explained(view)

    def error(self, message: str, **detail: Any) -> EvaluationError:
        """`message` with the place and the text of this expression."""
        text = self._expression.text
        return EvaluationError(f"{self.label} (`{text}`): {message}", **{**detail, "expression": text, "place": self.label})

    def _explained(self, view: Mapping[str, Value]) -> Value:
        try:
            return self._expression.evaluate(view)
        except EvaluationError as error:
            at = error.detail.get("position")
            where = "" if at is None else f" (at character {at + 1})"
            raise self.error(error.message + where, **error.detail) from None


class CompiledCall:
    """One snippet with its inputs compiled."""

    __slots__ = ("named", "outputs", "positional", "reference")

    def __init__(self, snippet: Snippet, scope: Scope, owner: str) -> None:
        self.reference = snippet.reference
        self.outputs: tuple[Output, ...] = snippet.outputs
        label = f"input of {snippet.reference} in {owner}"
        inputs = [(i.name, _formula(i.expression, scope, label)) for i in snippet.inputs]
        self.positional = tuple(formula for name, formula in inputs if name is None)
        self.named = tuple((name, formula) for name, formula in inputs if name is not None)


class CompiledState:
    """A state and what is offered in it.

    `offered` are all actions that may be performed; `drawn` those a random walk may choose.
    """

    __slots__ = (
        "calls", "drawn", "id", "index", "kind", "name", "offered", "output_names", "requirements", "scope", "sums",
        "terminal",
    )  # fmt: skip

    def __init__(self, index: int, state: State, scope: Scope, dry: bool) -> None:
        self.index, self.id, self.name, self.kind = index, state.id, state.name, state.kind
        self.scope = scope
        self.requirements = state.requirements
        self.terminal = state.kind in (StateKind.EXIT, StateKind.CLEANUP)
        enabled = [snippet for snippet in state.snippets if not snippet.disabled]
        self.calls = tuple(CompiledCall(snippet, scope, f"state '{state.name}'") for snippet in enabled)
        self.output_names = _output_names(enabled, dry)
        self.offered: tuple[CompiledAction, ...] = ()
        self.drawn: tuple[CompiledAction, ...] = ()
        self.sums: tuple[int, ...] = ()  #: running sums of the weights of `drawn`

    def offer(self, actions: list["CompiledAction"]) -> None:
        self.offered = tuple(actions)
        self.drawn = tuple(action for action in actions if action.weight > 0)
        self.sums = tuple(accumulate(action.weight for action in self.drawn))


class CompiledAction:
    """An action, its guard, what it assigns and where it leads."""

    __slots__ = (
        "assignments", "bound_checks", "calls", "free", "guard", "id", "index", "kind", "leads_to_action", "limit",
        "name", "output_names", "owner", "requirements", "scope", "targets", "to_previous", "weight",
    )  # fmt: skip

    def __init__(self, index: int, action: Action, owner: CompiledState | None, scope: Scope, dry: bool) -> None:
        self.index, self.id, self.name, self.kind = index, action.id, action.name, action.kind
        self.weight, self.limit, self.requirements = action.weight, action.call_limit, action.requirements
        self.owner, self.scope = owner, scope
        label = f"action '{action.name}'" + (f" of state '{owner.name}'" if owner else "")
        guard = (action.guard or "").strip()
        self.guard = _guard(guard, scope, f"guard of {label}") if guard else None
        self.assignments = tuple(_assignment(a, scope, label) for a in action.assignments)
        enabled = [snippet for snippet in action.snippets if not snippet.disabled]
        self.calls = tuple(CompiledCall(snippet, scope, label) for snippet in enabled)
        self.output_names = _output_names(enabled, dry)
        #: assignments to bounded variables whose result is known before the action is performed
        self.bound_checks = tuple(a for a in self.assignments if a[1].bounded and not a[2].names & self.output_names)
        self.to_previous = action.kind is ActionKind.PREVIOUS
        self.targets: tuple[int, ...] = ()
        self.leads_to_action = False
        self.free = False  #: offered without any condition

    def lead(self, targets: tuple[int, ...]) -> None:
        self.targets = () if self.to_previous else targets
        self.leads_to_action = any(target < 0 for target in self.targets)
        self.free = not (self.guard or self.limit > 0 or self.bound_checks or self.to_previous or self.leads_to_action)


class Network:
    """Every element of a model by number.

    Errors: `InvalidModelError` when there is no Start state, an id is used twice or a target does not exist; `ExpressionError`
    when a guard, assignment or input cannot be compiled. A model that passed `graph.validation` has none of these.
    """

    def __init__(self, model: Model, dry: bool = False) -> None:
        self.model = model
        self.scopes = Scopes(model.parameters)
        self.states: list[CompiledState] = []
        self.actions: list[CompiledAction] = []
        self.numbers: dict[str, int] = {}  #: id → number of a state, or `chained(number)` of an action
        for state in model.states:
            self._add_state(state, dry)
        for action in model.global_actions:
            self._add_action(action, None, self.scopes.model_scope, dry)
        self._join()
        self._labels: dict[int | None, tuple[str | None, str | None]] = {
            None: (None, None),
            **{state.index: (state.id, state.name) for state in self.states},
            **{chained(action.index): (action.id, action.name) for action in self.actions},
        }
        self.start = self._start()
        self.error = self._one(StateKind.ERROR)
        self.cleanup = self._one(StateKind.CLEANUP)
        self.has_previous = any(action.to_previous for action in self.actions)

    def labels(self, target: int | None) -> tuple[str | None, str | None]:
        """The id and the name of a target number."""
        return self._labels[target]

    def _start(self) -> CompiledState:
        start = self._one(StateKind.START)
        if start is None:
            raise InvalidModelError("the model has no Start state: give one state the kind 'start'")
        return start

    def _one(self, kind: StateKind) -> CompiledState | None:
        return next((state for state in self.states if state.kind is kind), None)

    def _add_state(self, state: State, dry: bool) -> None:
        scope = self.scopes.inside(self.scopes.model_scope, state.parameters)
        compiled = CompiledState(len(self.states), state, scope, dry)
        self.states.append(compiled)
        self._number(state.id, compiled.index)
        for action in state.actions:
            self._add_action(action, compiled, scope, dry)

    def _add_action(self, action: Action, owner: CompiledState | None, outer: Scope, dry: bool) -> None:
        compiled = CompiledAction(len(self.actions), action, owner, self.scopes.inside(outer, action.parameters), dry)
        self.actions.append(compiled)
        self._number(action.id, chained(compiled.index))

    def _number(self, element_id: str, number: int) -> None:
        if element_id in self.numbers:
            raise InvalidModelError(f"the id '{element_id}' is used by two elements", element_id=element_id)
        self.numbers[element_id] = number

    def _join(self) -> None:
        for compiled, (_, action) in zip(self.actions, self.model.actions(), strict=True):
            compiled.lead(tuple(self._target_number(action, target) for target in dict.fromkeys(action.targets)))
        everywhere = [action for action in self.actions if action.owner is None and action.kind is not ActionKind.SEQUENT]
        own: dict[int, list[CompiledAction]] = {}
        for compiled in self.actions:
            if compiled.owner is not None and compiled.kind is not ActionKind.SEQUENT:
                own.setdefault(compiled.owner.index, []).append(compiled)
        for state in self.states:
            if not state.terminal:
                state.offer(own.get(state.index, []) + (everywhere if self._takes_global_actions(state) else []))

    def _takes_global_actions(self, state: CompiledState) -> bool:
        return state.kind is StateKind.NORMAL or (state.kind is StateKind.START and self.model.global_actions_in_start)

    def _target_number(self, action: Action, target: str) -> int:
        if target not in self.numbers:
            message = f"action '{action.name}' leads to '{target}', which is no state and no action of the model"
            raise InvalidModelError(message, element_id=action.id)
        return self.numbers[target]


def _output_names(snippets: list[Snippet], dry: bool) -> frozenset[str]:
    """What the snippets of an element may change before its assignments see it; nothing, in a dry run."""
    return frozenset() if dry else frozenset(output.variable for snippet in snippets for output in snippet.outputs)


def _formula(text: str, scope: Scope, label: str) -> Formula:
    with _placed(text, label):
        return Formula(compile_expression(text, scope.types), label)


def _guard(text: str, scope: Scope, label: str) -> Formula:
    with _placed(text, label):
        return Formula(compile_expression(text, scope.types, BOOL), label)


def _assignment(assignment: Assignment, scope: Scope, owner: str) -> tuple[int, Domain, Formula]:
    label = f"assignment to '{assignment.variable}' in {owner}"
    with _placed(assignment.expression, label):
        formula = Formula(check_assignment(assignment, scope.types), label)
    store, domain = scope.homes[assignment.variable]
    return store, domain, formula


@contextmanager
def _placed(text: str, label: str) -> Iterator[None]:
    """Give an error of the compiler the place where the expression stands."""
    try:
        yield
    except ExpressionError as error:
        raise ExpressionError(f"{label} (`{text}`): {error.message}", **{**error.detail, "expression": text}) from None
