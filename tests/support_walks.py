"""Small models in few words, and walks of them: ids are names, so that a path reads like a sentence."""

from collections.abc import Callable, Mapping
from typing import Any

from melanzana.generation.step import Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.expressions import parse_assignments
from melanzana.graph.model import (
    Action,
    ActionKind,
    Model,
    Parameter,
    ParameterType,
    Range,
    Scalar,
    Snippet,
    State,
    StateKind,
    TestCase,
    TestCaseStep,
    Value,
)

Answers = Callable[[Step], tuple[Verdict, Mapping[str, Value], str]]


def act(name: str, *targets: str, when: str | None = None, sets: str = "", **more: Any) -> Action:
    """An action; its id is its name."""
    return Action(id=name, name=name, targets=targets, guard=when, assignments=parse_assignments(sets), **more)


def sequent(name: str, *targets: str, **more: Any) -> Action:
    return act(name, *targets, kind=ActionKind.SEQUENT, **more)


def back(name: str, **more: Any) -> Action:
    return act(name, kind=ActionKind.PREVIOUS, **more)


def place(name: str, *actions: Action, kind: StateKind = StateKind.NORMAL, **more: Any) -> State:
    """A state; its id is its name."""
    return State(id=name, name=name, kind=kind, actions=actions, **more)


def start(*actions: Action, **more: Any) -> State:
    return place("Start", *actions, kind=StateKind.START, **more)


EXIT = place("Exit", kind=StateKind.EXIT)
ERROR = place("Error", kind=StateKind.ERROR)
CLEANUP = place("Cleanup", kind=StateKind.CLEANUP)


def model(*states: State, **more: Any) -> Model:
    return Model(id="m", name="m", states=states, **more)


def integer(name: str, initial: int | None = 0, low: int | None = None, high: int | None = None, **more: Any) -> Parameter:
    ranges = () if low is None and high is None else (Range(low=low, high=high),)
    return Parameter(name=name, type=ParameterType.INTEGER, initial=initial, ranges=ranges, **more)


def choice(name: str, *values: str, **more: Any) -> Parameter:
    return Parameter(name=name, type=ParameterType.SET, ranges=(Range(values=values),), **more)


def flag(name: str, **more: Any) -> Parameter:
    return Parameter(name=name, type=ParameterType.BOOLEAN, **more)


def snippet(reference: str = "shop:do", **more: Any) -> Snippet:
    return Snippet(reference=reference, **more)


def case(name: str, *steps: str | tuple[str, Mapping[str, Scalar]], **more: Any) -> TestCase:
    """A test case; a step is an action's name, or the name and its parameters."""
    pairs = [(step, {}) if isinstance(step, str) else step for step in steps]
    return TestCase(id=f"id of {name}", name=name, steps=tuple(TestCaseStep(action=a, parameters=p) for a, p in pairs), **more)


def path_of(steps: tuple[Step, ...]) -> str:
    """`Start -add-> Basket -pay-> Exit`; an action that stays is `-add->` and the next action follows at once."""
    return " ".join(step.name if step.kind is StepKind.STATE else f"-{step.name}->" for step in steps)


def walked(subject: Model, path: str, seed: int = 1, **more: Any) -> tuple[Walk, str]:
    """A dry walk to its end, all steps passed, and its path in words."""
    walk = Walk(subject, WalkPlan(path=path, seed=seed, dry=True, **more))
    return walk, path_of(walk_all(walk, max_steps=200_000))


def performed(walk: Walk, answers: Answers, max_steps: int = 10_000) -> tuple[Step, ...]:
    """The steps of a walk whose steps come out as `answers` says; ends at a pause, too."""
    steps: list[Step] = []
    while len(steps) < max_steps and not walk.paused and (step := walk.next_step()) is not None:
        verdict, outputs, message = answers(step)
        walk.record(step, verdict, outputs, message)
        steps.append(step)
    return tuple(steps)


def failing(name: str, verdict: Verdict = Verdict.FAILED, message: str = "it broke") -> Answers:
    """Every step passes but those of one name."""
    return lambda step: (verdict, {}, message) if step.name == name else (Verdict.PASSED, {}, "")


def answering(outputs: Mapping[str, Mapping[str, Value]]) -> Answers:
    """Every step passes; those named give these outputs."""
    return lambda step: (Verdict.PASSED, outputs.get(step.name, {}), "")
