"""The elements of a run as test cases, for formats whose readers follow a test by its name from run to run.

A state or action is one test: it did not pass when one of its steps did not, and then tells the first such step. A run that did not
pass although every step did (the agent was lost, the walk could not go on, somebody cancelled it) adds one test named after the
run, so a file is red exactly when the run is. Cost: one pass; memory grows with the model, not with the steps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from melanzana.reports.files.records import RunData, Status, StepRow

RUN_ITSELF = "run"


@dataclass(slots=True)
class Element:
    """One test: a state, an action, or the run itself."""

    name: str
    kind: str
    element_id: str
    status: Status = Status.PASSED
    message: str = ""
    failed_step: int | None = None
    first_at_seconds: float = 0.0
    count: int = 0  #: of its steps
    seconds: float = 0.0  #: of all its steps


def elements(run: RunData) -> list[Element]:
    """In the order in which the run came to them."""
    found: dict[tuple[str, str], Element] = {}
    for step in run.steps:
        key = (step.model, step.element_id)
        element = found.get(key)
        if element is None:
            element = found[key] = Element(_name(step), step.kind, step.element_id, first_at_seconds=step.at_seconds)
        _count(element, step)
    return [*_distinct(found.values()), *_of_the_run(run)]


def _name(step: StepRow) -> str:
    return f"{step.kind} {step.name or step.element_id}"


def _count(element: Element, step: StepRow) -> None:
    element.count += 1
    element.seconds += step.duration_seconds
    if step.status is not Status.PASSED and element.status is Status.PASSED:
        element.status, element.message, element.failed_step = step.status, step.message, step.number


def _distinct(found: Iterable[Element]) -> Iterator[Element]:
    """Two actions may have one name: the second one carries its id as well, as readers tell tests by name."""
    seen: set[str] = set()
    for element in found:
        if element.name in seen:
            element.name = f"{element.name} [{element.element_id}]"
        seen.add(element.name)
        yield element


def _of_the_run(run: RunData) -> Iterator[Element]:
    told = run.failing is not None and run.status is not Status.CANCELLED
    if run.status is not Status.PASSED and not told:
        yield Element(RUN_ITSELF, "run", RUN_ITSELF, status=run.status, message=run.message or run.reason)
