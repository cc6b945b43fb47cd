"""Where an action can lead, as far as the shape of the model tells: guards, limits and data are left aside.

The text reader names ambiguous test steps with it, the rules check test cases and reachability with it. Every answer errs on
the side of «possible»: what is impossible here is impossible in every run.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from melanzana.graph.model import Action, ActionKind, Model, State, StateKind


class Spot(NamedTuple):
    """In a state; with `pending`, the sequent action that must come next. Ids."""

    state: str
    pending: str | None = None


class Routes:
    """The shape of one model."""

    def __init__(self, model: Model) -> None:
        self.states: dict[str, State] = {state.id: state for state in model.states}
        self.actions: dict[str, tuple[State | None, Action]] = {action.id: (state, action) for state, action in model.actions()}
        self._model = model

    def start(self) -> frozenset[Spot]:
        """Where a walk begins."""
        return frozenset(Spot(state.id) for state in self._model.states if state.kind is StateKind.START)

    def offers_global_actions(self, state: State) -> bool:
        """Are the model's global actions offered in this state?"""
        return state.kind is StateKind.NORMAL or (state.kind is StateKind.START and self._model.global_actions_in_start)

    def can_follow(self, spots: Iterable[Spot], action_id: str) -> bool:
        """Can this action be the next one in at least one of these places?"""
        return any(self._offered(spot, action_id) for spot in spots)

    def after(self, spots: Iterable[Spot], action_id: str) -> frozenset[Spot]:
        """Where the walk can be after this action; empty when it cannot follow."""
        found: set[Spot] = set()
        _, action = self.actions[action_id]
        for spot in spots:
            if self._offered(spot, action_id):
                found.update(self._results(spot.state, action))
        return frozenset(found)

    def _offered(self, spot: Spot, action_id: str) -> bool:
        if spot.pending is not None:
            return spot.pending == action_id
        owner, action = self.actions[action_id]
        if action.kind is ActionKind.SEQUENT:
            return False
        return owner.id == spot.state if owner is not None else self.offers_global_actions(self.states[spot.state])

    def _results(self, state: str, action: Action) -> Iterable[Spot]:
        if not action.targets:
            return self._origins(state) if action.kind is ActionKind.PREVIOUS else (Spot(state),)
        return (spot for target in action.targets for spot in self._arrivals(state, target))

    def _arrivals(self, state: str, target: str) -> Iterable[Spot]:
        if target in self.actions:
            return (Spot(state, target),)
        reached = self.states.get(target)
        if reached is None:
            return ()
        return self.start() if reached.kind is StateKind.EXIT else (Spot(target),)

    def _origins(self, state: str) -> Iterable[Spot]:
        return (Spot(origin) for origin in self.predecessors.get(state, ()))

    @cached_property
    def predecessors(self) -> dict[str, list[str]]:
        """For each state, the states whose own actions may lead to it in one or more chained actions."""
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        anywhere = [target for action in self._model.global_actions for target in action.targets]
        hosts = [state.id for state in self._model.states if self.offers_global_actions(state)]
        for state in self._model.states:
            for action in state.actions:
                for target in action.targets:
                    found[target][state.id] = None
        for target in anywhere:
            found[target].update(dict.fromkeys(hosts))
        return {target: list(origins) for target, origins in found.items()}
