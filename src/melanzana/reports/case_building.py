"""A test case on the page where it is built: its steps as the address has them, and what is offered next.

Steps stand in the address as the places of their actions in the model (`?steps=0.4.2`), so that going back is the browser's button
and nothing is kept before it is saved. What an existing test case says of a step besides its action stays while the step stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from melanzana.errors import MelanzanaError, RequestError
from melanzana.executions.records import StoredEvent
from melanzana.generation.building import CaseBuilder, Standing, first_impossible
from melanzana.graph.model import Model, TestCase, TestCaseStep
from melanzana.protocol.events import StepFinished

MOST_STEPS = 500


class Line(NamedTuple):
    """One step as the page shows it."""

    number: int
    action: str
    state: str  #: where it is performed
    impossible: bool
    before: str  #: the steps up to the one before, for the address
    parameters: Mapping[str, Any]


class Built(NamedTuple):
    """The test case as far as it is built."""

    case: TestCase
    steps: str  #: for the address
    lines: Sequence[Line]
    standing: Standing
    wrong: str  #: why no run can perform it; empty: one can
    links: Sequence[tuple[str, Any]]  #: steps with one more, and the offer
    others: Sequence[tuple[str, str]]  #: actions that cannot come next: place and name


def read_steps(text: str, model: Model) -> list[str]:
    """The ids of the actions at these places. Errors: RequestError."""
    ids = [action.id for _, action in model.actions()]
    words = [word for word in text.split(".") if word]
    if len(words) > MOST_STEPS or not all(
        word.isascii() and word.isdigit() and len(word) < 7 and int(word) < len(ids) for word in words
    ):
        raise RequestError(f"steps are places of actions in this version, such as 0.4.2, at most {MOST_STEPS}", field="steps")
    return [ids[int(word)] for word in words]


def write_steps(actions: Sequence[str], model: Model) -> str:
    """The places of these actions; of those that the model has."""
    places = {action.id: str(number) for number, (_, action) in enumerate(model.actions())}
    return ".".join(places[action] for action in actions if action in places)


def case_of(actions: Sequence[str], known: TestCase | None) -> TestCase:
    """The test case with these steps; a step that was there before, at this place, is what it was."""
    before = known.steps if known is not None else ()
    steps = tuple(
        before[number] if number < len(before) and before[number].action == action else TestCaseStep(action=action)
        for number, action in enumerate(actions)
    )
    return replace(known, steps=steps) if known is not None else TestCase(id="new", name="new test case", steps=steps)


def build(model: Model, actions: Sequence[str], known: TestCase | None) -> Built:
    """What the page shows. Slow for large models."""
    case, builder = case_of(actions, known), CaseBuilder(model)
    standing = builder.stand(case)
    steps = write_steps(actions, model)
    named = {action.id: (owner.name if owner else "anywhere", action.name) for owner, action in model.actions()}
    lines = [
        Line(
            number=number,
            action=named[step.action][1],
            state=" or ".join(standing.states[number - 1]) if number <= len(standing.states) else named[step.action][0],
            impossible=number == standing.impossible,
            before=write_steps(actions[: number - 1], model),
            parameters=step.parameters,
        )
        for number, step in enumerate(case.steps, 1)
    ]
    offered = {offer.action for offer in standing.offers}
    more = f"{steps}." if steps else ""
    places = {action.id: number for number, (_, action) in enumerate(model.actions())}
    return Built(
        case=case,
        steps=steps,
        lines=lines,
        standing=standing,
        wrong=first_impossible(model, case) if standing.impossible else "",
        links=[(f"{more}{places[offer.action]}", offer) for offer in standing.offers] if standing.impossible is None else [],
        others=[(str(places[own]), f"{owner}: {name}") for own, (owner, name) in named.items() if own not in offered],
    )


def bridged(model: Model, actions: Sequence[str], known: TestCase | None, action: str) -> list[str]:
    """The steps with the shortest way to `action` and the action itself. Errors: RequestError when there is none."""
    try:
        return [*actions, *CaseBuilder(model).bridged(case_of(actions, known), action)]
    except MelanzanaError as error:
        raise RequestError(error.message, field="goto") from None


def edit_steps(case: TestCase) -> list[Any]:
    """The steps in words of the text format; actions by id, which means them whatever they are called."""
    found: list[Any] = []
    for step in case.steps:
        said = {
            "action": f"#{step.action}",
            "with": dict(step.parameters),
            "requirements": list(step.requirements),
            "test case": step.sub_model_test_case,
            "extras": dict(step.extras),
        }
        found.append({key: value for key, value in said.items() if value})
    return found


def walked_actions(events: Sequence[StoredEvent], model: Model) -> list[str]:
    """The actions of a run's last attempt, in order. Errors: RequestError when there are none, or too many for a test case."""
    known = {action.id for _, action in model.actions()}
    last = max((event.attempt for event in events), default=0)
    told = [event.event() for event in events if event.attempt == last]
    found = [one.element_id for one in told if isinstance(one, StepFinished) and one.kind == "action" and one.element_id in known]
    if not found:
        raise RequestError("this run performed no action that the model still has", field="run")
    if len(found) > MOST_STEPS:
        message = f"this run has {len(found):,} actions; a test case made of one has at most {MOST_STEPS}: shrink the run first"
        raise RequestError(message, field="run")
    return found
