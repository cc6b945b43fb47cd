"""Which test cases a run has performed, whether it was told to or came to them by itself.

A test case counts once for each time an iteration performs its actions in their order with no other action between them; it passed
when each of these actions did. `digesting.py` shows the events. Cost: O(1) a step on average, by the automaton of Knuth, Morris and
Pratt ("Fast pattern matching in strings", SIAM Journal on Computing 6, 1977), one for each case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from melanzana.generation.step import StepKind, Verdict
from melanzana.graph.model import Model
from melanzana.protocol.events import StepFinished


@dataclass(slots=True)
class _Case:
    uuid: str
    actions: tuple[str, ...]
    borders: list[int]
    matched: int = 0  #: of its actions, the last ones performed
    hits: int = 0
    passes: int = 0


class CaseHits:
    """Fed with the steps of one attempt."""

    def __init__(self, model: Model) -> None:
        cases = ((case.id, tuple(step.action for step in case.steps)) for case in model.test_cases)
        self._cases = [_Case(uuid, actions, _borders(actions)) for uuid, actions in cases if actions]
        self._iteration = 0
        self._unsuccessful = 0  #: how many actions ago one did not pass; 0 is none
        self._count = 0

    def see(self, step: StepFinished) -> None:
        """The next step; those of sub-models and states are passed over."""
        if step.model or step.kind != StepKind.ACTION:
            return
        if step.iteration != self._iteration:
            self._iteration, self._count, self._unsuccessful = step.iteration, 0, 0
            for case in self._cases:
                case.matched = 0
        self._count += 1
        if step.verdict != Verdict.PASSED:
            self._unsuccessful = self._count
        for case in self._cases:
            self._go_on(case, step.element_id)

    def _go_on(self, case: _Case, action: str) -> None:
        while case.matched and case.actions[case.matched] != action:
            case.matched = case.borders[case.matched - 1]
        if case.actions[case.matched] == action:
            case.matched += 1
        if case.matched == len(case.actions):
            case.hits += 1
            case.passes += self._unsuccessful <= self._count - len(case.actions)
            case.matched = case.borders[-1]

    def found(self) -> dict[str, list[int]]:
        """By the case's id in the model: how often it was performed, and how often of these it passed; without those at 0."""
        return {case.uuid: [case.hits, case.passes] for case in self._cases if case.hits}


def _borders(actions: Sequence[str]) -> list[int]:
    """For each length of a beginning: its longest proper beginning that it ends with."""
    borders, length = [0] * len(actions), 0
    for at in range(1, len(actions)):
        while length and actions[at] != actions[length]:
            length = borders[length - 1]
        length += actions[at] == actions[length]
        borders[at] = length
    return borders
