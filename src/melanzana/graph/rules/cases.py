"""Rules on test cases: every step exists; the first that does not follow directly is named, as far as the model's shape tells."""

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
    """Only the first gap: where the walk stands after it is for the search to say."""
    spots = subject.routes.start()
    for number, step in enumerate(case.steps):
        following = subject.routes.after(spots, step.action)
        if not following:
            where = ", ".join(sorted({short(subject.routes.states[spot.state].name) for spot in spots})[:3])
            _, action = subject.routes.actions[step.action]
            found = f"step {number + 1}, {short(action.name)}, does not follow directly: the walk is in {where or 'no state'} then"
            yield element.info("test-step-gap", f"{found}, and closes the gap if it can", field=f"steps/{number}")
            return
        spots = following
