"""Ids of elements while a model is edited.

An element whose id follows from its place (`derived_id`) has no id in the text. It gets the id of its new place when it is renamed,
so that the text of an edited model is the one that an author would have written. An id that a file brought along stays, and so do
those of the model and of its test cases: programs start runs by them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from melanzana.graph.model import Action, Model, State, TestCase, derived_id


def plain_ids(model: Model) -> frozenset[str]:
    """The ids of states and actions that follow from their places."""
    cases = {case.id for case in model.test_cases}
    return frozenset(own for own, place in _placed(model) if own == derived_id(*place) and own not in cases)


def free_id(model: Model, *place: str) -> str:
    """The id of a new element at this place; another one when that is taken by an element with an id of its own."""
    return _free({own for own, _ in _placed(model)}, *place)


def settled(model: Model, plain: frozenset[str]) -> Model:
    """The model with ids of their present places for all elements of `plain`, wherever they are referred to."""
    taken = {own for own, _ in _placed(model) if own not in plain}
    renamed: dict[str, str] = {}
    for own, place in _placed(model):
        if own in plain:
            new = _free(taken, *place)
            taken.add(new)
            if new != own:
                renamed[own] = new
    return _with_ids(model, renamed) if renamed else model


def _free(taken: set[str], *place: str) -> str:
    found = derived_id(*place)
    while found in taken:
        found = derived_id(*place, found)
    return found


def _placed(model: Model) -> Iterator[tuple[str, tuple[str, ...]]]:
    for state in model.states:
        yield state.id, (model.name, state.name)
    for owner, action in model.actions():
        yield action.id, (model.name, owner.name if owner else "", action.name)
    for case in model.test_cases:
        yield case.id, (model.name, "", "", case.name)


def _with_ids(model: Model, ids: Mapping[str, str]) -> Model:
    def action(one: Action) -> Action:
        return replace(one, id=ids.get(one.id, one.id), targets=tuple(ids.get(target, target) for target in one.targets))

    def state(one: State) -> State:
        return replace(one, id=ids.get(one.id, one.id), actions=tuple(map(action, one.actions)))

    def case(one: TestCase) -> TestCase:
        steps = tuple(replace(step, action=ids.get(step.action, step.action)) for step in one.steps)
        return replace(one, id=ids.get(one.id, one.id), steps=steps)

    return replace(
        model,
        states=tuple(map(state, model.states)),
        global_actions=tuple(map(action, model.global_actions)),
        test_cases=tuple(map(case, model.test_cases)),
        layout={ids.get(own, own): box for own, box in model.layout.items()},
    )
