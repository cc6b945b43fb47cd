"""Edits that take an element away, or make a second one of it.

What refers to an element that goes away is mended: an action that led only there stays where it is, a test case goes without the
step, and the sentence tells.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from melanzana.errors import RequestError
from melanzana.graph.editing.edits import Edit, Edited, require_name
from melanzana.graph.editing.finding import find
from melanzana.graph.editing.identity import free_id
from melanzana.graph.editing.structure import with_actions
from melanzana.graph.model import Action, Model, Parameter, State, StateKind, TestCase

T = TypeVar("T")


def delete(model: Model, edit: Edit) -> Edited:
    """Without the element and without what leads to it."""
    place = find(model, edit.element)
    if place.case is not None:
        left = tuple(case for case in model.test_cases if case.id != place.case.id)
        return Edited(model=replace(model, test_cases=left), sentence=f"deleted test case '{place.name}'")
    if place.state is None and place.action is None:
        raise RequestError(
            "delete a state, an action or a test case; the model is deleted from the list of models", field="element"
        )
    if place.action is not None:
        owner = place.state.id if place.state else ""
        left_over = without(model, {place.action.id}, (place.action,))
    else:
        assert place.state is not None
        if place.state.kind is StateKind.START:
            raise RequestError("a run begins in this state: let it begin in another one first", field="element")
        owner = ""
        states = tuple(state for state in model.states if state.id != place.state.id)
        left_over = without(replace(model, states=states), {place.state.id}, place.state.actions)
    return Edited(model=left_over, sentence=f"deleted {place.kind} '{place.name}'{_told(model, left_over)}", element=owner)


def without(model: Model, ids: set[str], gone: Iterable[Action]) -> Model:
    """The model in which nothing leads to `ids`, and no test case performs what is gone."""
    lost = ids | {action.id for action in gone}

    def kept(actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(
            replace(one, targets=tuple(target for target in one.targets if target not in lost))
            for one in actions
            if one.id not in lost
        )

    cases = tuple(replace(case, steps=tuple(step for step in case.steps if step.action not in lost)) for case in model.test_cases)
    return replace(
        model,
        states=tuple(replace(state, actions=kept(state.actions)) for state in model.states),
        global_actions=kept(model.global_actions),
        test_cases=cases,
        layout={own: box for own, box in model.layout.items() if own not in lost},
    )


def _told(before: Model, after: Model) -> str:
    led = {action.id for _, action in before.actions() if action.targets}
    stays = [f"'{action.name}'" for _, action in after.actions() if action.id in led and not action.targets]
    steps = {case.id: len(case.steps) for case in before.test_cases}
    short = [f"'{case.name}'" for case in after.test_cases if len(case.steps) < steps[case.id]]
    told = f"; what led only there stays now: {_some(stays)}" if stays else ""
    return told + (f"; test cases go without its steps: {_some(short)}" if short else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def duplicate(model: Model, edit: Edit) -> Edited:
    """A second one behind the first, under `edit.name` or a name that is free. Of a special state there is only one."""
    place = find(model, edit.element)
    if place.case is not None:
        return _second_case(model, place.case, edit.name)
    if place.action is not None:
        actions = place.state.actions if place.state is not None else model.global_actions
        name = _name(edit.name, place.name, [action.name for action in actions])
        own = free_id(model, model.name, place.owner, name)
        second = replace(place.action, id=own, name=name, parameters=_fresh(place.action.parameters))
        model = with_actions(model, place.state, _behind(actions, place.action, second))
        return Edited(model=model, sentence=f"duplicated action '{place.name}' as '{name}'", element=own)
    if place.state is None or place.state.kind not in (StateKind.NORMAL, StateKind.START):
        raise RequestError("only ordinary states, actions and test cases can be duplicated", field="element")
    return _second_state(model, place.state, edit.name)


def _second_state(model: Model, state: State, name: str) -> Edited:
    """Its actions are its own; those that led to the first, or to sequent actions of it, lead to the second and its own."""
    called = _name(name, state.name, [one.name for one in model.states])
    own = free_id(model, model.name, called)
    ids = {state.id: own} | {action.id: free_id(model, model.name, called, action.name) for action in state.actions}
    actions = tuple(
        replace(
            action,
            id=ids[action.id],
            targets=tuple(ids.get(target, target) for target in action.targets),
            parameters=_fresh(action.parameters),
        )
        for action in state.actions
    )
    second = replace(state, id=own, name=called, kind=StateKind.NORMAL, actions=actions, parameters=_fresh(state.parameters))
    states = _behind(model.states, state, second)
    return Edited(model=replace(model, states=states), sentence=f"duplicated state '{state.name}' as '{called}'", element=own)


def _second_case(model: Model, case: TestCase, name: str) -> Edited:
    called = _name(name, case.name, [one.name for one in model.test_cases])
    own = free_id(model, model.name, "", "", called)
    second = replace(case, id=own, name=called, external_id="")
    cases = _behind(model.test_cases, case, second)
    return Edited(model=replace(model, test_cases=cases), sentence=f"duplicated test case '{case.name}' as '{called}'", element=own)


def _behind(items: tuple[T, ...], first: T, second: T) -> tuple[T, ...]:
    at = next(number for number, one in enumerate(items, 1) if one is first)
    return (*items[:at], second, *items[at:])


def _fresh(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Variables of their own: an id names one variable."""
    return tuple(replace(parameter, id="") for parameter in parameters)


def _name(wanted: str, name: str, taken: list[str]) -> str:
    if wanted:
        if require_name(wanted) in taken:
            raise RequestError(f"there is a '{wanted.strip()}' already", field="name")
        return require_name(wanted)
    found, number = f"{name} copy", 2
    while found in taken:
        found, number = f"{name} copy {number}", number + 1
    return require_name(found)
