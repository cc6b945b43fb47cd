"""Walks recorded by hand or from a dry walk, and oracles that know their fault."""

from collections.abc import Callable

from melanzana.generation.recorded import Recorded, RecordedStep, Watch
from melanzana.generation.shrinking.oracle import Told
from melanzana.generation.step import EndReason, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Model

#: Number of the step at which a recorded walk fails, from 1; 0 when it does not.
Fault = Callable[[Recorded], int]


def recorded(walk: Walk, most_steps: int = 200) -> Recorded:
    """What a dry walk walks, with the values it draws."""
    watch = Watch(walk.position)
    steps: list[RecordedStep] = []
    while len(steps) < most_steps and (step := walk.next_step()) is not None and not walk.is_ending:
        values = watch.begun(step)
        found = RecordedStep(element=step.element_id, kind=step.kind, target=step.target, iteration=step.iteration, values=values)
        steps.append(found)
        walk.record(step, Verdict.PASSED)
        watch.ended()
    return Recorded(tuple(steps))


def in_order(*actions: str) -> Fault:
    """Fails when these actions were performed in this order in one iteration, whatever came between."""

    def fault(walked: Recorded) -> int:
        done, iteration = 0, None
        for number, step in enumerate(walked.steps, 1):
            done, iteration = (done if step.iteration == iteration else 0), step.iteration
            done += step.kind is StepKind.ACTION and step.element == actions[done]
            if done == len(actions):
                return number
        return 0

    return fault


class WalkingOracle:
    """Performs each candidate on the model, as `replay()`, before it asks the fault: it must be walkable to its end."""

    def __init__(self, subject: Model, fault: Fault) -> None:
        self._subject, self._fault = subject, fault
        self.asked: list[Recorded] = []

    def perform(self, candidate: Recorded) -> Told:
        self.asked.append(candidate)
        walk = Walk(self._subject, WalkPlan(path="replay()", seed=1, dry=True, recorded=candidate))
        walk_all(walk)
        assert walk.outcome is not None
        assert walk.outcome.reason is EndReason.TEST_CASE_DONE, walk.outcome.message
        step = self._fault(candidate)
        return Told(step > 0, step)
