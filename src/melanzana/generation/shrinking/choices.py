"""A walk as the choices it is made of: the value that the shrinker cuts, joins and compares.

A choice is an action with where it leads and the values that go with it; `BEGIN` begins an iteration at Start. States need no
choice of their own: where an action leads says which is entered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from melanzana.generation.network import Network, chained
from melanzana.generation.recorded import Recorded, RecordedStep
from melanzana.generation.step import StepKind
from melanzana.graph.model import Scalar, TestCase, TestCaseStep, Value

BEGIN = -1
Named = tuple[tuple[str, Scalar], ...]


class Choice(NamedTuple):
    """One action, by number, and where it leads."""

    action: int  #: or BEGIN
    target: int | None
    drawn: Named = ()  #: what was drawn or set for the action
    entered: Named = ()  #: what was drawn as the state was entered that it leads to


Walked = tuple[Choice, ...]


def choices_of(network: Network, recorded: Recorded) -> Walked:
    """The choices of a recorded walk."""
    found: list[Choice] = []
    iteration: int | None = -1
    for step in recorded.steps:
        number = network.numbers[step.element]
        values = tuple(step.values.items())
        if step.kind is StepKind.ACTION:
            target = None if step.target is None else network.numbers[step.target]
            found.append(Choice(chained(number), target, values))
        elif step.iteration != iteration:
            found.append(Choice(BEGIN, number, (), values))
        else:
            found[-1] = found[-1]._replace(entered=values)
        iteration = step.iteration
    return tuple(found)


def recorded_of(network: Network, walked: Iterable[Choice]) -> Recorded:
    """The walk as recorded steps; a state that is entered is a step of its own."""
    steps: list[RecordedStep] = []
    iteration = 0
    for choice in walked:
        iteration += choice.action == BEGIN
        if choice.action != BEGIN:
            action = network.actions[choice.action]
            target = network.labels(choice.target)[0]
            step = RecordedStep(element=action.id, kind=StepKind.ACTION, name=action.name, target=target, iteration=iteration)
            steps.append(replace(step, values=dict(choice.drawn)))
        if choice.target is not None and choice.target >= 0:
            state = network.states[choice.target]
            step = RecordedStep(element=state.id, kind=StepKind.STATE, name=state.name, iteration=iteration)
            steps.append(replace(step, values=dict(choice.entered)))
    return Recorded(tuple(steps))


def answers_of(recorded: Recorded) -> dict[str, Mapping[str, Value]]:
    """What the snippets of each element answered last, by element id."""
    return {step.element: step.outputs for step in recorded.steps if step.outputs}


def choices_until(walked: Walked, step: int) -> Walked:
    """The choices that the first `step` steps of `recorded_of` come from."""
    count = 0
    for number, choice in enumerate(walked, 1):
        count += choice.action != BEGIN
        if count < step and choice.target is not None and choice.target >= 0:
            count += 1
        if count >= step:
            return walked[:number]
    return walked


def length(walked: Walked) -> int:
    """Actions in it: what «shorter» counts."""
    return sum(choice.action != BEGIN for choice in walked)


def test_case_of(network: Network, walked: Walked, case: TestCase) -> TestCase:
    """`case` with these steps. A global value that is drawn the same throughout stands with the test case, others with a step."""
    same = _uniform(network, walked)
    steps: list[TestCaseStep] = []
    pending: dict[str, Scalar] = {}
    for choice in walked:
        if choice.action != BEGIN:
            values = {**pending, **dict(choice.drawn)}
            steps.append(TestCaseStep(action=network.actions[choice.action].id, parameters=_without(values, same)))
            pending = {}
        pending |= dict(choice.entered)
    return replace(case, steps=tuple(steps), parameters=same)


test_case_of.__test__ = False  # type: ignore[attr-defined]


def _uniform(network: Network, walked: Walked) -> dict[str, Scalar]:
    """Generated global variables with one value throughout; not those that also name a local one."""
    found: dict[str, set[Scalar]] = {}
    for choice in walked:
        for name, value in (*choice.drawn, *choice.entered):
            found.setdefault(name, set()).add(value)
    layout = network.scopes.layout
    drawn = {name for name, domain in layout[0].items() if domain.generated and not any(name in store for store in layout[1:])}
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1 and name in drawn}


def _without(values: Mapping[str, Scalar], same: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: value for name, value in values.items() if name not in same}


def first_begin(walked: Sequence[Choice], index: int) -> int:
    """The place of the last BEGIN at or before `index`."""
    return next(place for place in range(index, -1, -1) if walked[place].action == BEGIN)
