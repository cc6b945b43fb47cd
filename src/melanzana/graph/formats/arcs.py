"""A model as plain arcs: what the writers of drawing and graph formats share.

An action with several targets is several arcs, one without a target is a loop, a global action leaves every state that offers it,
an action that leads to a sequent action leads to the state where that one ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from melanzana.graph.model import Action, ActionKind, Model, State, StateKind


@dataclass(frozen=True, slots=True)
class Arc:
    """One way from a state to a state. `number` counts the arcs of one action in one state, from 0."""

    source: State
    target: State
    action: Action
    number: int
    is_global: bool = False

    @property
    def id(self) -> str:
        """Unique in the model, and the action's own where it has one arc only."""
        place = f"/{self.source.id}" if self.is_global else ""
        return f"{self.action.id}{place}{f'/{self.number}' if self.number else ''}"


def arcs(model: Model) -> Iterator[Arc]:
    """Every arc, in document order; those of global actions after the state's own."""
    states = {state.id: state for state in model.states}
    sequent = {action.id: action for _, action in model.actions() if action.kind is ActionKind.SEQUENT}
    for state in model.states:
        for action in state.actions:
            yield from _of(action, state, states, sequent, is_global=False)
        if _offers_global(model, state):
            for action in model.global_actions:
                yield from _of(action, state, states, sequent, is_global=True)


def _offers_global(model: Model, state: State) -> bool:
    return state.kind is StateKind.NORMAL or (state.kind is StateKind.START and model.global_actions_in_start)


def _of(action: Action, state: State, states: dict[str, State], sequent: dict[str, Action], *, is_global: bool) -> Iterator[Arc]:
    targets = [_end(target, state, states, sequent, set()) for target in action.targets] or [state]
    for number, target in enumerate(targets):
        yield Arc(state, target, action, number, is_global)


def _end(target: str, state: State, states: dict[str, State], sequent: dict[str, Action], seen: set[str]) -> State:
    """The state that `target` is, or that the sequent action `target` ends in."""
    if target in states:
        return states[target]
    action = sequent.get(target)
    if action is None or target in seen or not action.targets:
        return state
    return _end(action.targets[0], state, states, sequent, seen | {target})
