"""Sequent actions, Previous actions and call limits hold whatever chooses the path."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.generation.step import Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind, TestCase, TestCaseStep

_STATES = 4
PATHS = (
    "random(iterations(3) or actions(120))",
    "weighted(iterations(3) or actions(120))",
    "quick(actions(60))",
    "explore(actions(60))",
    "tour()",
    "random(actions(30)) then tour() then directed(all)",
    "directed(all)",
    "shortest(reached(last))",
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A ring of states whose exits are always open, with limited, sequent and previous actions drawn into it."""
    states = [_state(draw, number) for number in range(_STATES)]
    steps = tuple(TestCaseStep(action=f"on{number}") for number in range(_STATES))
    case = TestCase(id="all", name="all", steps=(*steps, TestCaseStep(action="last")))
    end = State(id="exit", name="Exit", kind=StateKind.EXIT)
    last = Action(id="last", name="last", targets=("exit",))
    states[0] = State(id="s0", name="S0", kind=StateKind.START, actions=(*states[0].actions, last))
    return Model(id="m", name="M", states=(*states, end), test_cases=(case,))


def _state(draw: st.DrawFn, number: int) -> State:
    actions = [Action(id=f"on{number}", name=f"on{number}", targets=(f"s{(number + 1) % _STATES}",))]
    if draw(st.booleans()):
        limit = draw(st.integers(1, 3))
        actions.append(
            Action(id=f"few{number}", name=f"few{number}", call_limit=limit, targets=draw(st.sampled_from(((), ("s1",)))))
        )
    if draw(st.booleans()):
        actions.append(Action(id=f"back{number}", name=f"back{number}", kind=ActionKind.PREVIOUS))
    if draw(st.booleans()):
        actions.append(Action(id=f"begin{number}", name=f"begin{number}", targets=(f"then{number}",)))
        target = (f"s{draw(st.integers(0, _STATES - 1))}",)
        limit = draw(st.integers(0, 2))
        then = Action(id=f"then{number}", name=f"then{number}", kind=ActionKind.SEQUENT, call_limit=limit, targets=target)
        actions.append(then)
    return State(id=f"s{number}", name=f"S{number}", actions=tuple(actions))


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=25)
@given(model=models(), seed=st.integers(0, 2**32))
def test_every_generator_keeps_the_rules(path: str, model: Model, seed: int) -> None:
    """Checked on the steps alone, by rules that are written down here a second time."""
    walk = Walk(model, WalkPlan(path=path, seed=seed, dry=True))
    steps = walk_all(walk)
    assert walk.outcome is not None
    assert walk.outcome.verdict is Verdict.PASSED
    assert len(steps) > 1
    for iteration in {step.iteration for step in steps}:
        _keeps_the_rules(model, [step for step in steps if step.iteration == iteration])


def _keeps_the_rules(model: Model, steps: list[Step]) -> None:
    actions = {action.id: action for _, action in model.actions()}
    calls: Counter[str] = Counter()
    here, before, due = "", "", ""
    for step in steps:
        if step.kind is StepKind.STATE:
            assert not due, f"{due} was to come before a state is entered"
            here, before = step.element_id, here if step.element_id != here else before
            continue
        action = actions[step.element_id]
        assert action.id == due or (not due and action.kind is not ActionKind.SEQUENT)
        calls[action.id] += 1
        assert not action.call_limit or calls[action.id] <= action.call_limit
        if action.kind is ActionKind.PREVIOUS:
            assert before
            assert step.target == before
        else:
            assert step.target in (action.targets or (None,))
        due = step.target if step.target in actions and step.target is not None else ""
