"""Rules on the graph's make: one start, targets that exist, weights that can be drawn, code references that can be found."""

import re
from collections import Counter
from collections.abc import Iterator

from melanzana.graph.findings import Finding
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.limits import INTEGER_MAX, MAX_ACTIONS, MAX_STATES, MAX_WEIGHT
from melanzana.graph.model import Action, ActionKind, Snippet, State, StateKind
from melanzana.graph.rules.subject import Element, Subject, short

_IMPORTABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)?")


def check_structure(subject: Subject) -> Iterator[Finding]:
    """States by kind, sizes, and every action by itself."""
    yield from _check_kinds(subject)
    yield from _check_sizes(subject)
    for state, element in subject.states:
        yield from _check_snippets(state.snippets, element, "check")
    targeted = {target for _, action, _ in subject.actions for target in action.targets}
    for owner, action, element in subject.actions:
        yield from _check_targets(subject, owner, action, element)
        yield from _check_figures(action, element)
        yield from _check_snippets(action.snippets, element, "do")
        yield from _check_sub_models(subject, action, element)
        if action.kind is ActionKind.SEQUENT and action.id not in targeted:
            yield element.warning("sequent-not-targeted", "is sequent and no action leads to it: it is never performed")
    yield from _check_layout(subject)


def _check_kinds(subject: Subject) -> Iterator[Finding]:
    count = Counter(state.kind for state, _ in subject.states)
    if count[StateKind.START] == 0:
        yield subject.whole.error("start-missing", "has no start state: name one in `start`")
    for kind in (StateKind.START, *SPECIAL_STATES):
        if count[kind] > 1:
            names = ", ".join(short(state.name) for state, _ in subject.states if state.kind is kind)
            yield subject.whole.error(
                "kind-several", f"has {count[kind]} states of the kind {kind} ({short(names, 200)}): keep one"
            )


def _check_sizes(subject: Subject) -> Iterator[Finding]:
    transitions = sum(len(action.targets) for _, action, _ in subject.actions)
    sizes = (
        ("states", len(subject.states), MAX_STATES),
        ("actions", len(subject.actions), MAX_ACTIONS),
        ("transitions", transitions, MAX_ACTIONS),
    )
    for unit, size, maximum in sizes:
        if size > maximum:
            yield subject.whole.error(f"limit-{unit}", f"has {size:,} {unit}: at most {maximum:,} are allowed; split the model")


def _check_targets(subject: Subject, owner: State | None, action: Action, element: Element) -> Iterator[Finding]:
    for target, times in Counter(action.targets).items():
        if times > 1:
            yield element.error(
                "target-twice", f"names the target {_name(subject, target)} {times} times: once is enough", field="to"
            )
        if target in subject.routes.states:
            continue
        if target not in subject.routes.actions:
            yield element.error("target-unknown", f"leads to {short(target)}, which is no element of this model", field="to")
            continue
        yield from _check_chain(subject, owner, target, element)


def _check_chain(subject: Subject, owner: State | None, target: str, element: Element) -> Iterator[Finding]:
    target_owner, following = subject.routes.actions[target]
    if following.kind is not ActionKind.SEQUENT:
        message = f"leads to the action {short(following.name)}, which is not sequent: write `kind: sequent` there"
        yield element.error("target-not-sequent", message, field="to")
    if (target_owner.id if target_owner else None) != (owner.id if owner else None):
        message = f"leads to the action {_name(subject, target)}, which does not stand beside it: lead to its state instead"
        yield element.error("target-elsewhere", message, field="to")


def _name(subject: Subject, element_id: str) -> str:
    if state := subject.routes.states.get(element_id):
        return short(state.name)
    owner, action = subject.routes.actions.get(element_id, (None, None))
    if action is None:
        return short(element_id)
    return f"{short(owner.name)}/{short(action.name)}" if owner else short(action.name)


def _check_figures(action: Action, element: Element) -> Iterator[Finding]:
    if not 0 <= action.weight <= MAX_WEIGHT:
        yield element.error("weight-range", f"has the weight {action.weight}: 0 to {MAX_WEIGHT:,} is allowed", field="weight")
    if not 0 <= action.call_limit <= INTEGER_MAX:
        yield element.error(
            "limit-range", f"has the limit {action.call_limit}: 0 is no limit, more is the number of calls", field="limit"
        )


def _check_snippets(snippets: tuple[Snippet, ...], element: Element, field: str) -> Iterator[Finding]:
    for snippet in snippets:
        module, colon, function = snippet.reference.partition(":")
        if not (module.strip() and colon and function.strip()):
            message = f"the code reference {short(snippet.reference)} is not of the form module:function"
            yield element.error("snippet-reference", message, field=field)
        elif not _IMPORTABLE.fullmatch(snippet.reference):
            message = f"the code reference {short(snippet.reference)} is no Python name: an agent cannot find it as it is"
            yield element.warning("snippet-not-python", message, field=field)


def _check_sub_models(subject: Subject, action: Action, element: Element) -> Iterator[Finding]:
    for name in action.sub_models:
        if name in (subject.model.name, subject.model.id):
            yield element.error("sub-model-itself", "has the model itself as its sub model: remove it", field="sub models")
        elif not name.strip():
            yield element.error("sub-model-empty", "has a sub model without a name: remove it", field="sub models")
    if action.sub_models:
        message = "has a sub model: it is walked inside the action, and not checked here; check its own file"
        yield element.info("sub-model-not-checked", message, field="sub models")


def _check_layout(subject: Subject) -> Iterator[Finding]:
    for element_id in subject.model.layout:
        if element_id not in subject.routes.states and element_id not in subject.routes.actions:
            yield subject.whole.warning("layout-unknown", f"has a box for {short(element_id)}, which is no element", field="layout")
