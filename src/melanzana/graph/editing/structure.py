"""Edits of the graph itself: what there is, what it is called, and where it leads.

Every function takes a model that can be written as text and returns one that can.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from melanzana.errors import RequestError
from melanzana.graph.editing.edits import Edit, Edited, require_name
from melanzana.graph.editing.fields import with_fields
from melanzana.graph.editing.finding import Place, find, find_action, find_owner, find_target
from melanzana.graph.editing.identity import free_id, plain_ids, settled
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES, require_at_most
from melanzana.graph.model import Action, Model, State, StateKind, derived_id


def add_state(model: Model, edit: Edit) -> Edited:
    """A state behind the others, before the special ones."""
    name = _free_state_name(model, edit.name)
    require_at_most(len(model.states) + 1, MAX_STATES, "states", "states")
    state = State(id=free_id(model, model.name, name), name=name)
    grown = _with_state(model, state)
    return Edited(model=_filled(grown, Place(state), edit), sentence=f"added state '{name}'", element=state.id)


def add_action(model: Model, edit: Edit) -> Edited:
    """An action behind the others of its state, or of those offered anywhere."""
    owner = find_owner(model, edit.element)
    name = _free_action_name(model, owner, edit.name)
    require_at_most(sum(1 for _ in model.actions()) + 1, MAX_ACTIONS, "actions", "actions")
    action = Action(id=free_id(model, model.name, owner.name if owner else "", name), name=name)
    grown = with_actions(model, owner, (*_actions(model, owner), action))
    place = find(grown, action.id)
    where = f"to '{owner.name}'" if owner is not None else "that is offered anywhere"
    return Edited(model=_filled(grown, place, edit), sentence=f"added action '{name}' {where}", element=action.id)


def connect(model: Model, edit: Edit) -> Edited:
    """One target more. A special state that the model has not got comes with it."""
    owner, action = find_action(model, edit.element)
    target = find_target(model, owner, edit.target)
    if not target:
        kind = StateKind(edit.target)
        name = _free_state_name(model, SPECIAL_STATES[kind])
        target = free_id(model, model.name, name)
        model = replace(model, states=_in_order((*model.states, State(id=target, name=name, kind=kind))))
    if target in action.targets:
        raise RequestError(f"'{action.name}' leads there already", field="target")
    linked = with_action(model, action.id, lambda one: replace(one, targets=(*one.targets, target)))
    return Edited(model=linked, sentence=f"'{action.name}' leads to '{find(model, target).name}'", element=action.id)


def disconnect(model: Model, edit: Edit) -> Edited:
    """One target less; without any the walk stays."""
    owner, action = find_action(model, edit.element)
    target = find_target(model, owner, edit.target)
    if target not in action.targets:
        raise RequestError(f"'{action.name}' does not lead there", field="target")
    left = tuple(one for one in action.targets if one != target)
    freed = with_action(model, action.id, lambda one: replace(one, targets=left))
    return Edited(model=freed, sentence=f"'{action.name}' no longer leads to '{find(model, target).name}'", element=action.id)


def start(model: Model, edit: Edit) -> Edited:
    """The run begins here; the state where it began is one like any other."""
    place = find(model, edit.element)
    if place.state is None or place.kind != "state" or place.state.kind is not StateKind.NORMAL:
        raise RequestError("a run can begin in an ordinary state only", field="element")
    kinds: dict[str, StateKind] = {one.id: StateKind.NORMAL if one.kind is StateKind.START else one.kind for one in model.states}
    kinds[place.state.id] = StateKind.START
    states = tuple(replace(state, kind=kinds[state.id]) for state in model.states)
    return Edited(model=replace(model, states=states), sentence=f"a run begins in '{place.name}'", element=place.state.id)


def rename(model: Model, edit: Edit) -> Edited:
    """Another name; what refers to the element follows."""
    place, plain = find(model, edit.element), plain_ids(model)
    if edit.name.strip() == (place.name or model.name):
        return Edited(model=model, sentence="", element=place.id)
    if place.kind == "model":
        called = replace(model, name=require_name(edit.name))
    elif place.action is not None:
        name = _free_action_name(model, place.state, edit.name)
        called = with_action(model, place.action.id, lambda one: replace(one, name=name))
    elif place.state is not None:
        name, renamed = _free_state_name(model, edit.name), place.state.id
        called = replace(model, states=tuple(replace(one, name=name) if one.id == renamed else one for one in model.states))
    else:
        called = _with_case_name(model, place, edit.name)
    new = settled(called, plain)
    sentence = f"renamed {place.kind} '{place.name or model.name}' to '{edit.name.strip()}'"
    return Edited(model=new, sentence=sentence, element=_same_place(called, new, place))


def _with_case_name(model: Model, place: Place, name: str) -> Model:
    assert place.case is not None
    wanted, own = require_name(name), place.case.id
    if any(case.name == wanted for case in model.test_cases):
        raise RequestError(f"there is a test case '{wanted}' already", field="name")
    return replace(model, test_cases=tuple(replace(one, name=wanted) if one.id == own else one for one in model.test_cases))


def _same_place(before: Model, after: Model, place: Place) -> str:
    """The id that the element of `place` has now: order stays when something is renamed."""
    own = place.action or place.case or place.state
    if own is None:
        return ""
    ids = [list(_all_ids(model)) for model in (before, after)]
    return ids[1][ids[0].index(own.id)]


def _all_ids(model: Model) -> Iterable[str]:
    yield from (state.id for state in model.states)
    yield from (action.id for _, action in model.actions())
    yield from (case.id for case in model.test_cases)


# ---- pieces that deleting and duplicating use as well


def with_action(model: Model, action_id: str, change: Callable[[Action], Action]) -> Model:
    """The model with this one action changed."""

    def changed(actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(change(one) if one.id == action_id else one for one in actions)

    states = tuple(replace(state, actions=changed(state.actions)) for state in model.states)
    return replace(model, states=states, global_actions=changed(model.global_actions))


def with_actions(model: Model, owner: State | None, actions: tuple[Action, ...]) -> Model:
    """The model in which `owner` (None: anywhere) has these actions."""
    if owner is None:
        return replace(model, global_actions=actions)
    states = tuple(replace(state, actions=actions) if state.id == owner.id else state for state in model.states)
    return replace(model, states=states)


def _actions(model: Model, owner: State | None) -> tuple[Action, ...]:
    return model.global_actions if owner is None else owner.actions


def _with_state(model: Model, state: State) -> Model:
    """Behind the ordinary states: special ones follow all others where a text has them in sections."""
    last = next((n for n in range(len(model.states), 0, -1) if model.states[n - 1].kind not in SPECIAL_STATES), 0)
    return replace(model, states=(*model.states[:last], state, *model.states[last:]))


def _in_order(states: tuple[State, ...]) -> tuple[State, ...]:
    order = list(SPECIAL_STATES)
    return tuple(sorted(states, key=lambda one: order.index(one.kind) + 1 if one.kind in SPECIAL_STATES else 0))


def _filled(model: Model, place: Place, edit: Edit) -> Model:
    return with_fields(model, place, edit.fields) if edit.fields else model


def _free_state_name(model: Model, name: str) -> str:
    wanted = require_name(name)
    if any(state.name == wanted for state in model.states):
        raise RequestError(f"there is a state '{wanted}' already", field="name")
    return wanted


def _free_action_name(model: Model, owner: State | None, name: str) -> str:
    wanted = require_name(name)
    if any(action.name == wanted for action in _actions(model, owner)):
        where = f"'{owner.name}'" if owner is not None else "anywhere"
        raise RequestError(f"{where} has an action '{wanted}' already", field="name")
    return wanted


def empty_model(name: str, start_name: str = "Start") -> Model:
    """What a drawing begins with: one state in which a run begins."""
    called = require_name(name)
    state = State(id=derived_id(called, start_name), name=start_name, kind=StateKind.START)
    return Model(id=derived_id(called), name=called, states=(state,))
