"""Seeded models with one planted fault each: where it lies is drawn, so that no generator can know it.

A model is a tree of 20 to 50 places, as the pages of an application are, with ways back, home and across, a counter that some actions
raise or lower within bounds, a mode that some change, and guards on both. The fault is one of three kinds: an action fails; an action fails
directly after another one; an action fails with a certain value of counter and mode. It is one that can happen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from melanzana.generation.prng import Prng
from melanzana.generation.step import Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.expressions import parse_assignments
from melanzana.graph.model import Action, Model, Parameter, ParameterType, Range, State, StateKind, Value

KINDS = ("single action", "pair of actions", "data value")
HIGHEST, MODES = 3, ("off", "on", "away")
_CHANGES = ("", "", "", "n = n + 1", "n = n - 1", "mode = 'on'", "mode = 'off'", "mode = 'away'")
_GUARDS = ("", "", "", "", "n > 1", "n < 3", "mode == 'on'", "mode != 'away'")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What fails: an action, after another one if named, with these values if named."""

    action: str
    after: str = ""
    values: tuple[Value, ...] = ()

    def seen(self, steps: Iterator[Step]) -> int | None:
        """How many actions were performed when it was hit; None when it was not."""
        before = ""
        for number, step in enumerate((step for step in steps if step.kind is StepKind.ACTION), 1):
            if self._is_hit(step, before):
                return number
            before = step.element_id
        return None

    def _is_hit(self, step: Step, before: str) -> bool:
        if step.element_id != self.action or (self.after and before != self.after):
            return False
        return not self.values or (step.data["n"], step.data["mode"]) == self.values


def faulty(kind: str, seed: int) -> tuple[Model, Fault, int]:
    """A model, a fault that some long random walk of it meets, and among how many it was drawn."""
    prng = Prng(seed).fork(kind)
    while True:
        model = _model(prng)
        happened = _happened(model, kind, prng)
        if happened:
            return model, happened[prng.below(len(happened))], len(happened)


def _happened(model: Model, kind: str, prng: Prng) -> list[Fault]:
    """Every fault of a kind that a long random walk would have met, in order."""
    walk = Walk(model, WalkPlan(path="random(actions(30000))", seed=prng.below(2**31), dry=True))
    found: dict[Fault, None] = {}
    before = ""
    while (step := walk.next_step()) is not None:
        walk.record(step, Verdict.PASSED)
        if step.kind is StepKind.ACTION:
            found[_fault(kind, step, before)] = None
            before = step.element_id
    return [fault for fault in found if kind != KINDS[1] or fault.after]


def _fault(kind: str, step: Step, before: str) -> Fault:
    if kind == KINDS[0]:
        return Fault(action=step.element_id)
    if kind == KINDS[1]:
        return Fault(action=step.element_id, after=before)
    return Fault(action=step.element_id, values=(step.data["n"], step.data["mode"]))


def _model(prng: Prng) -> Model:
    """A tree of places with ways back, home and across."""
    count = 20 + prng.below(31)
    parents = [0, *(prng.below(place) for place in range(1, count))]
    leaving: list[list[Action]] = [[] for _ in range(count)]

    def add(place: int, target: int, free: bool) -> None:
        leaving[place].append(_action(f"s{place}.{len(leaving[place])}", f"s{target}", free, prng))

    for place in range(1, count):
        add(parents[place], place, True)
        add(place, 0 if prng.below(2) else parents[place], True)
        for _ in range(1 + prng.below(2)):
            add(place, prng.below(count), False)
    states = tuple(
        State(id=f"s{place}", name=f"s{place}", kind=StateKind.NORMAL if place else StateKind.START, actions=tuple(actions))
        for place, actions in enumerate(leaving)
    )
    parameters = (
        Parameter(name="n", type=ParameterType.INTEGER, initial=0, ranges=(Range(low=0, high=HIGHEST),)),
        Parameter(name="mode", type=ParameterType.SET, initial=MODES[0], ranges=(Range(values=MODES),)),
    )
    return Model(id="faulty", name="faulty", states=states, parameters=parameters)


def _action(name: str, target: str, free: bool, prng: Prng) -> Action:
    """Those that make the tree have neither guard nor change, so that nothing is a trap."""
    guard = "" if free else _GUARDS[prng.below(len(_GUARDS))]
    change = "" if free else _CHANGES[prng.below(len(_CHANGES))]
    return Action(id=name, name=name, targets=(target,), guard=guard or None, assignments=parse_assignments(change))
