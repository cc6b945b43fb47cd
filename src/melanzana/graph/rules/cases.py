"""Rules on test cases: every step exists and can follow the one before it, as far as the shape of the model tells."""

from collections.abc import Iterator

from melanzana.graph.findings import Finding
from melanzana.graph.model import TestCase
from melanzana.graph.rules.subject import Element, Subject, short


def check_cases(subject: Subject) -> Iterator[Finding]:
    """Every test case, step by step from the start."""
    for case, element in subject.cases:
        if not case.steps:
            yield element.warning("test-case-empty", "has no steps: add some, or remove it")
        unknown = [number for number, step in enumerate(case.steps) if step.action not in subject.routes.actions]
        for number in unknown:
            message = f"step {number + 1} names {short(case.steps[number].action)}, which is no action of this model"
            yield element.error("test-step-unknown", message, field=f"steps/{number}")
        if not unknown:
            yield from _check_order(subject, case, element)


def _check_order(subject: Subject, case: TestCase, element: Element) -> Iterator[Finding]:
    spots = subject.routes.start()
    for number, step in enumerate(case.steps):
        following = subject.routes.after(spots, step.action)
        if not following:
            where = ", ".join(sorted({short(subject.routes.states[spot.state].name) for spot in spots})[:3])
            _, action = subject.routes.actions[step.action]
            message = f"step {number + 1}, {short(action.name)}, cannot follow: the walk is in {where or 'no state'} then"
            yield element.warning("test-step-impossible", message, field=f"steps/{number}")
            return
        spots = following
