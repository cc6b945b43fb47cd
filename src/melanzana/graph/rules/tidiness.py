"""Rules on what stands in a model and does nothing: unused variables, twins, actions without weight, marks written twice.

Linear in the model: each rule looks at every element once.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import parse
from melanzana.graph.expressions.syntax import Variable, levels
from melanzana.graph.findings import Finding
from melanzana.graph.model import Action, ActionKind, Snippet, State, StateKind
from melanzana.graph.rules.subject import Element, Subject, short


def check_tidiness(subject: Subject) -> Iterator[Finding]:
    """Everything that could go without any path becoming another one."""
    yield from _check_weights(subject)
    yield from _check_twins(subject)
    for _, element in subject.states:
        yield from _check_marks(element)
    for _, _, element in subject.actions:
        yield from _check_marks(element)
    yield from _check_exit(subject)


def check_unused(subject: Subject) -> Iterator[Finding]:
    """A variable is used where an expression, a result or a test case names it; of hidden ones both count.

    Action code may read it all the same: so only `melanzana check` says it, and a model without it is no better.
    """
    named = set(_names(subject))
    for scope, parameters in subject.scopes():
        for parameter in parameters:
            if parameter.name not in named:
                message = f"variable {short(parameter.name)} is named nowhere in the model: remove it, unless action code reads it"
                yield scope.info("variable-unused", message, field=f"variables/{parameter.name}")


def _names(subject: Subject) -> Iterator[str]:
    texts: set[str] = set()
    for state, _ in subject.states:
        yield from _of_snippets(state.snippets, texts)
    for _, action, _ in subject.actions:
        yield from _of_snippets(action.snippets, texts)
        yield from (assignment.variable for assignment in action.assignments)
        texts.update(assignment.expression for assignment in action.assignments)
        texts.add(action.guard or "")
    for case, _ in subject.cases:
        yield from case.parameters
        yield from (name for step in case.steps for name in step.parameters)
    for text in sorted(texts):
        yield from _in_expression(text)


def _of_snippets(snippets: tuple[Snippet, ...], texts: set[str]) -> Iterator[str]:
    for snippet in snippets:
        texts.update(entry.expression for entry in snippet.inputs)
        yield from (output.variable for output in snippet.outputs)


def _in_expression(text: str) -> Iterator[str]:
    try:
        tree = parse(text) if text.strip() else None
    except ExpressionError:
        return  # other rules report it
    if tree is not None:
        yield from (node.name for level in levels(tree) for node in level if isinstance(node, Variable))


def _check_weights(subject: Subject) -> Iterator[Finding]:
    in_cases = {step.action for case, _ in subject.cases for step in case.steps}
    for _, action, element in subject.actions:
        if action.weight == 0 and action.kind is not ActionKind.SEQUENT:
            who = (
                "only test cases perform it" if action.id in in_cases else "nobody performs it: raise it, or use it in a test case"
            )
            give = element.info if action.id in in_cases else element.warning
            yield give("weight-zero", f"has the weight 0: random walks and tours leave it out, {who}", field="weight")


def _check_twins(subject: Subject) -> Iterator[Finding]:
    """Two actions of one place that do the same: reports tell them apart, the system under test does not."""
    groups: defaultdict[Hashable, list[Element]] = defaultdict(list)
    for owner, action, element in subject.actions:
        groups[owner.id if owner else None, _doing(action)].append(element)
    for group in groups.values():
        for element in group[1:]:
            message = f"does the same as {group[0].label}, under the same guard: remove one, or tell them apart"
            yield element.info("action-shadowed", message)


def _doing(action: Action) -> Hashable:
    snippets = repr(action.snippets) if action.snippets else action.name  # without code, the name says what is performed
    parts = (action.kind, action.targets, " ".join((action.guard or "").split()), action.assignments, action.call_limit)
    return (*parts, snippets, repr(action.parameters), action.sub_models)


def _check_marks(element: Element) -> Iterator[Finding]:
    assert isinstance(element.value, State | Action)
    for word, marks in (("requirement", element.value.requirements), ("tag", element.value.tags)):
        for mark, times in Counter(marks).items():
            if times > 1:
                field = "requirements" if word == "requirement" else "tags"
                yield element.info("mark-twice", f"has the {word} {short(mark)} {times} times: once is enough", field=field)


def _check_exit(subject: Subject) -> Iterator[Finding]:
    targeted = {target for _, action, _ in subject.actions for target in action.targets}
    for state, element in subject.states:
        if state.kind is StateKind.EXIT and state.id not in targeted:
            yield element.info("exit-unreachable", "is never reached, for no action leads to it: no iteration ends there")
