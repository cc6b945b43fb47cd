"""What of a model no walk can ever come to, whatever guards and data say: found before a run, so that no run waits for it.

`reach.py` and `feasible.py` build on it. Guards, call limits and data are left aside here, so the answer «cannot be
reached» is certain and the answer «can be» is not; the walk itself notices when it makes no progress.
"""

from melanzana.graph.model import Action, ActionKind, Model, State, StateKind

_ENDS = (StateKind.EXIT, StateKind.CLEANUP)


class Reachability:
    """The elements that a random walk may come to. Actions of weight 0 are never chosen, so nothing is reached through them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._states = {state.id: state for state in model.states}
        self._actions = {action.id: (owner, action) for owner, action in model.actions()}
        self.states: set[str] = set()  #: ids
        self.actions: set[str] = set()  #: ids
        for state in model.states:
            if state.kind is StateKind.START:
                self._enter(state)

    def never_ends(self) -> bool:
        """Is it certain that no iteration ends: no Exit is reached, and in every state something can always be done?"""
        reached = [self._states[state] for state in self.states]
        return all(state.kind not in _ENDS and any(_always(a) for a in self._offered(state)) for state in reached)

    def _enter(self, first: State) -> None:
        waiting = [first]
        while waiting:
            state = waiting.pop()
            if state.id in self.states:
                continue
            self.states.add(state.id)
            if state.kind not in _ENDS:
                for action in self._offered(state):
                    self._perform(action, waiting)

    def _perform(self, first: Action, waiting: list[State]) -> None:
        chain = [first]
        while chain:
            action = chain.pop()
            if action.id in self.actions:
                continue
            self.actions.add(action.id)
            if action.kind is ActionKind.PREVIOUS:
                continue  # leads only to where the walk has been
            for target in action.targets:
                if target in self._actions:
                    chain.append(self._actions[target][1])
                elif target in self._states:
                    waiting.append(self._states[target])
            self._stay(action, waiting)

    def _stay(self, action: Action, waiting: list[State]) -> None:
        """A sequent action without a target leaves the walk in the state that owns it."""
        owner, _ = self._actions[action.id]
        if action.kind is ActionKind.SEQUENT and not action.targets and owner is not None:
            waiting.append(owner)

    def _offered(self, state: State) -> list[Action]:
        everywhere = state.kind is StateKind.NORMAL or (state.kind is StateKind.START and self._model.global_actions_in_start)
        actions = (*state.actions, *(self._model.global_actions if everywhere else ()))
        return [action for action in actions if action.kind is not ActionKind.SEQUENT and action.weight > 0]


def _always(action: Action) -> bool:
    """Can this action be performed whenever it is offered, for all that is known? Assignments may leave bounds, so they may not."""
    unconditional = not action.guard and action.call_limit == 0 and not action.assignments
    return unconditional and action.kind is ActionKind.NORMAL
