"""What two models must agree on to mean the same: every aspect of an element as a value that is equal exactly when the logic is.

Expressions are compared as trees, so blanks and brackets without effect do not matter. Order matters where the product goes by it:
snippets are performed in order, and of a variable without an initial value the first one listed is the initial one. It does not
matter for states, actions, targets, assignments (they take effect together), requirements and the ranges of a variable.
Descriptions, tags, layout and fields of foreign files are no part of the logic.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import parse
from melanzana.graph.expressions.syntax import Literal, Node, Variable, rebuilt
from melanzana.graph.model import Action, Model, Parameter, Snippet, State, TestCase

Rename = Mapping[str, str]  #: old name or id → new one; what is missing stays as it is
#: The value of one aspect of an element, and the same in words.
Aspect = tuple[Hashable, str]
Aspects = dict[str, Aspect]

_LONGEST = 60


class NormalForm:
    """The aspects of the elements of one model, with names and ids as `names` and `ids` translate them."""

    def __init__(self, names: Rename, ids: Rename, told: Callable[[str], str]) -> None:
        """`told` gives the name of an element by id."""
        self._names, self._ids, self._told = names, ids, told

    def action(self, action: Action) -> Aspects:
        """The aspects of an action, without name and owner."""
        targets = tuple(dict.fromkeys(action.targets))
        return {
            "kind": (action.kind, str(action.kind)),
            "targets": (frozenset(self._ids.get(t, t) for t in targets), " or ".join(map(self._told, targets)) or "none"),
            "guard": (self.guard(action.guard), _code(action.guard)),
            "assignments": (
                frozenset((self._name(one.variable), self.expression(one.expression)) for one in action.assignments),
                _code("; ".join(f"{one.variable} = {one.expression}" for one in action.assignments)),
            ),
            "weight": (action.weight, str(action.weight)),
            "call limit": (action.call_limit, str(action.call_limit or "none")),
            "parameters": self._parameters(action.parameters),
            "snippets": self._snippets(action.snippets),
            "sub-models": (tuple(action.sub_models), _listed(action.sub_models)),
            "requirements": _set(action.requirements),
        }

    def state(self, state: State) -> Aspects:
        """The aspects of a state, without name and actions."""
        return {
            "kind": (state.kind, str(state.kind)),
            "shared name": (state.shared, state.shared or "none"),
            "parameters": self._parameters(state.parameters),
            "snippets": self._snippets(state.snippets),
            "requirements": _set(state.requirements),
        }

    def test_case(self, case: TestCase) -> Aspects:
        """The aspects of a test case, without its name."""
        steps = tuple(
            (
                self._ids.get(step.action, step.action),
                self._values(step.parameters),
                frozenset(step.requirements),
                step.sub_model_test_case,
            )
            for step in case.steps
        )
        words = ", ".join(f"{name} = {value}" for name, value in sorted(case.parameters.items()))
        return {
            "steps": (steps, ", ".join(self._told(step.action) for step in case.steps) or "none"),
            "parameters": (self._values(case.parameters), words or "none"),
        }

    def parameter(self, parameter: Parameter) -> Hashable:
        """What is equal for two variables that can hold the same, however they are called."""
        ranges = [
            (tuple(map(_typed, r.values)), _typed(r.low), _typed(r.high), r.weight, r.bins, r.distribution, r.order)
            for r in parameter.ranges
        ]
        first = parameter.initial
        if first is None:
            first = next((source.values[0] for source in parameter.ranges if source.values), None)
        return (parameter.type, parameter.generated, _typed(first), tuple(sorted(ranges, key=repr)))

    def guard(self, text: str | None) -> Hashable:
        """The tree of a guard; None for one that always holds."""
        tree = self.expression(text) if text and text.strip() else None
        return None if isinstance(tree, Literal) and tree.value is True else tree

    def expression(self, text: str) -> Hashable:
        """The tree of an expression with its variables as they are called in the new model; its text where it cannot be read."""
        try:
            tree = parse(text)
        except ExpressionError:
            return text.strip()
        return rebuilt(tree, self._renamed) if self._names else tree

    def _renamed(self, node: Node) -> Node:
        return Variable(self._name(node.name)) if isinstance(node, Variable) else node

    def _name(self, name: str) -> str:
        return self._names.get(name, name)

    def _values(self, values: Mapping[str, object]) -> Hashable:
        return frozenset((self._name(name), _typed(value)) for name, value in values.items())

    def _parameters(self, parameters: tuple[Parameter, ...]) -> Aspect:
        values = frozenset((self._name(p.name), self.parameter(p)) for p in parameters)
        return values, ", ".join(parameter_in_words(p) for p in parameters) or "none"

    def _snippets(self, snippets: tuple[Snippet, ...]) -> Aspect:
        return tuple(map(self._snippet, snippets)), _listed([_snippet_in_words(one) for one in snippets])

    def _snippet(self, snippet: Snippet) -> Hashable:
        by_place = tuple(self.expression(one.expression) for one in snippet.inputs if one.name is None)
        by_name = frozenset((one.name, self.expression(one.expression)) for one in snippet.inputs if one.name is not None)
        outputs = tuple((self._name(one.variable), one.name) for one in snippet.outputs)
        return (snippet.reference, by_place, by_name, outputs, snippet.disabled)


def model_aspects(model: Model) -> Aspects:
    """What is said of a model as a whole, without its name."""
    return {
        "suite": (model.suite, model.suite or "none"),
        "cleanup after an abort": (model.run_cleanup_after_abort, _yes(model.run_cleanup_after_abort)),
        "global actions in Start": (model.global_actions_in_start, _yes(model.global_actions_in_start)),
    }


def parameter_in_words(parameter: Parameter) -> str:
    """`basket: integer 0 to 5, initially 1`."""
    parts = [", ".join(map(str, r.values)) if r.values else f"{_end(r.low)} to {_end(r.high)}" for r in parameter.ranges]
    drawn = "generated " if parameter.generated else ""
    begin = f", initially {parameter.initial}" if parameter.initial is not None else ""
    return f"{parameter.name}: {drawn}{parameter.type}{' ' if parts else ''}{' or '.join(parts)}{begin}"


def shortened(text: str) -> str:
    """The text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _typed(value: object) -> Hashable:
    """1 and 1.0 are the same number, true is none."""
    return (isinstance(value, bool), value) if isinstance(value, bool | int | float | str | None) else repr(value)


def _code(text: str | None) -> str:
    return f"`{shortened(text)}`" if text and text.strip() else "none"


def _set(values: Iterable[str]) -> Aspect:
    return frozenset(values), _listed(sorted(set(values)))


def _listed(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


def _snippet_in_words(snippet: Snippet) -> str:
    inputs = ", ".join(one.expression if one.name is None else f"{one.name}={one.expression}" for one in snippet.inputs)
    outputs = ", ".join(one.variable for one in snippet.outputs)
    return f"{snippet.reference}({inputs}){f' → {outputs}' if outputs else ''}{' (disabled)' if snippet.disabled else ''}"


def _end(value: float | None) -> str:
    return "any" if value is None else f"{value}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
