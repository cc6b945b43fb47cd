"""What the events of runs teach the next one: `explore` begins with it. `executions/` and `melanzana run --history` ask."""

from collections.abc import Iterable

from melanzana.generation.history import History, add
from melanzana.generation.step import StepKind, Verdict
from melanzana.protocol.events import Event, StepFinished


def learn(history: History, events: Iterable[Event]) -> History:
    """The history with the events of one run more, in their order. Steps inside sub-models are left out."""
    steps = [event for event in events if isinstance(event, StepFinished) and event.kind == StepKind.ACTION and not event.model]
    before = [0, *(step.iteration for step in steps)]
    return add(
        history,
        [
            ((step.element_id, step.target), step.iteration != iteration, step.verdict != Verdict.PASSED)
            for step, iteration in zip(steps, before, strict=False)
        ],
    )
