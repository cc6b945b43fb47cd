"""Rules on actions that the data keep from being performed, and on guards and call limits that decide nothing."""

from collections.abc import Iterator
from dataclasses import replace

from melanzana.generation.checking.survey import Survey
from melanzana.generation.network import CompiledAction
from melanzana.graph.findings import Finding
from melanzana.graph.model import Action, ActionKind
from melanzana.graph.rules.subject import Element, Subject, short


def check_actions(subject: Subject, survey: Survey) -> Iterator[Finding]:
    """Only from a complete survey: what was not come to cannot be come to."""
    freed: Survey | None = None
    for action, (_, raw, element) in zip(survey.network.actions, subject.actions, strict=True):
        if survey.taken[action.index]:
            yield from _check_guard(survey, action, element)
            yield from _check_limit(survey, action, element)
        elif survey.hosts(action) and raw.kind is not ActionKind.SEQUENT:
            if freed is None and any(one.limit for one in survey.network.actions):
                freed = _without_limits(subject)
            yield _never(raw, action, element, survey, freed)


def _never(raw: Action, action: CompiledAction, element: Element, survey: Survey, freed: Survey | None) -> Finding:
    """Why an action that is offered where a walk can come to is never performed."""
    if freed is not None and freed.complete and freed.taken[action.index]:
        names = [short(one.name) for one in survey.network.actions if one.limit and survey.taken[one.index]]
        message = f"is never performed, for the call limits of others are used up before ({', '.join(names[:3])}): raise one"
        return element.warning("limit-starved", message)
    seen = f"in {survey.explored:,} configurations of states and data that a walk can come to"
    if raw.guard and raw.guard.strip() and action.bound_checks:
        message = f"its guard `{short(raw.guard)}` and the bounds of what it assigns never allow it, {seen}"
        return element.warning("guard-never", message, field="when")
    if raw.guard and raw.guard.strip():
        message = f"the guard `{short(raw.guard)}` is never true {seen}: mend it, or what should make it true"
        return element.warning("guard-never", message, field="when")
    if action.bound_checks:
        variable = action.bound_checks[0][1].name
        message = f"is never performed, for what it assigns to {short(variable)} is always out of bounds: widen the range"
        return element.warning("bounds-never", message, field=f"set/{variable}")
    return element.warning("action-unreachable", "is never performed: nothing that leads to it can be done")


def _without_limits(subject: Subject) -> Survey:
    model = subject.model
    states = tuple(replace(s, actions=tuple(replace(a, call_limit=0) for a in s.actions)) for s in model.states)
    return Survey(replace(model, states=states, global_actions=tuple(replace(a, call_limit=0) for a in model.global_actions)))


def _check_guard(survey: Survey, action: CompiledAction, element: Element) -> Iterator[Finding]:
    """Always true: performed in every configuration that offers it, and nothing in the guard was left out of the search."""
    guard = action.guard
    if guard is None or not guard.names or action.kind is ActionKind.SEQUENT:
        return
    homes = {(action.scope.homes[name][0], name) for name in guard.names if name in action.scope.homes}
    if homes.isdisjoint(survey.unknown) and survey.taken[action.index] == sum(
        survey.stood[state] for state in survey.hosts(action)
    ):
        message = f"the guard `{short(guard.text)}` is true wherever the action is offered: it decides nothing; remove or mend it"
        yield element.info("guard-always", message, field="when")


def _check_limit(survey: Survey, action: CompiledAction, element: Element) -> Iterator[Finding]:
    if action.limit <= 0:
        return
    most = max((survey.space.calls(node).get(action.index, 0) for node in range(survey.explored)), default=0)
    if most < action.limit:
        fits = f"at most {most} {'call fits' if most == 1 else 'calls fit'} into an iteration"
        yield element.info("limit-unused", f"the limit of {action.limit} is never reached, for {fits}: remove it", field="limit")
