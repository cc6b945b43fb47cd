"""Where a walk stands: its state, its data, what it has called; and the rules of what may come next and what it changes.

`Walk` moves one position; `routes.py` copies positions to look ahead. Both go through the same five verbs, so what was planned
is what happens: `restart`, `enter`, `begin` (an action is chosen), `take` and `assign` (it was performed), `move`. Generated
values come from a stream that is part of the position: the same moves draw the same values.
"""

from collections.abc import Iterable, Mapping, Sequence

from melanzana.errors import EvaluationError
from melanzana.generation.data import Domain
from melanzana.generation.network import CompiledAction, CompiledState, Formula, Network, chained
from melanzana.generation.prng import Prng
from melanzana.generation.scopes import Scope, Values
from melanzana.graph.model import Scalar, Value

_STAY: tuple[None] = (None,)


class Position:
    """A place in a network.

    `state` and `previous` are numbers of states, -1 for none; `pending` is a sequent action that is due.
    """

    __slots__ = ("calls", "network", "pending", "previous", "prng", "state", "values")

    def __init__(self, network: Network, prng: Prng, fixed: Mapping[tuple[int, str], Scalar] | None = None) -> None:
        self.network = network
        self.prng = prng
        self.values = Values(network.scopes, fixed or {})
        self.calls: dict[int, int] = {}  #: of actions with a limit, in this iteration
        self.state = -1
        self.previous = -1
        self.pending: CompiledAction | None = None

    def restart(self) -> None:
        """A new iteration: data as at first, global values drawn, nothing called, nowhere come from. Then enter the Start state."""
        self.values.reset()
        self.values.draw(0, self.prng)
        self.calls.clear()
        self.state = self.previous = -1
        self.pending = None

    def enter(self, state: int) -> None:
        """Go into a state; its generated values are drawn."""
        self._stand_in(state)
        self._draw_own(self.network.states[state].scope, self.network.scopes.model_scope)

    def here(self) -> CompiledState:
        """The state the walk is in."""
        return self.network.states[self.state]

    def candidates(self) -> Sequence[CompiledAction]:
        """What is offered here, before any condition is looked at: the sequent action that is due, or the actions of the state."""
        return self.network.states[self.state].offered if self.pending is None else (self.pending,)

    def may(self, action: CompiledAction) -> bool:
        """May a candidate be performed now? Errors: `EvaluationError` when its guard or an assignment cannot be evaluated."""
        if action.free:
            return True
        return self.obstacle(action) == ""

    def obstacle(self, action: CompiledAction) -> str:
        """Why a candidate may not be performed now, in a few words; empty when it may. Errors: as `may`."""
        own = self._own_obstacle(action)
        if not own and action.leads_to_action and not self.targets(action):
            return "none of the actions it leads to may follow"
        return own

    def is_barred(self, action: CompiledAction) -> bool:
        """Is the action impossible now whatever the data: its calls used up, or no state to go back to?"""
        return self._barred(action) != ""

    def targets(self, action: CompiledAction) -> Sequence[int | None]:
        """Where the action may lead from here. None: it stays."""
        if action.to_previous:
            return (self.previous,) if self.previous >= 0 else ()
        if not action.leads_to_action:
            return action.targets or _STAY
        return self._with_open_chains(action)

    def give(self, action: CompiledAction, settings: Iterable[tuple[int, str, Scalar]]) -> None:
        """Set values (store, name, value) for the action that begins next: its own generated ones are not drawn then."""
        own = action.scope.stores[-1] if action.scope is not self._outer(action) else -1
        for store, name, value in settings:
            (self.values.give if store == own else self.values.set)(store, name, value)

    def given(self, action: CompiledAction, settings: Sequence[tuple[int, str, Scalar]]) -> "Position":
        """A copy with these values set; the same position when there are none."""
        if not settings:
            return self
        twin = self.copy()
        twin.give(action, settings)
        return twin

    def begin(self, action: CompiledAction) -> None:
        """The action is going to be performed: it counts, and its generated values are drawn."""
        if action.limit > 0:
            self.calls[action.index] = self.calls.get(action.index, 0) + 1
        self._draw_own(action.scope, self._outer(action))

    def take(self, scope: Scope, outputs: Mapping[str, Value]) -> None:
        """Keep the outputs of snippets, all or none.

        Errors: `EvaluationError` when a variable is unknown or cannot hold its value.
        """
        kept = []
        for name, value in outputs.items():
            store, domain = scope.home(name)
            kept.append((store, name, domain.accept(value)))
        for store, name, held in kept:
            self.values.set(store, name, held)

    def assign(self, action: CompiledAction) -> str:
        """Make the assignments, all from the values before them. Returns why none was made when a result is out of bounds, else ''.

        Errors: `EvaluationError`, and none was made.
        """
        view = self.values.view(action.scope)
        results = [_held(domain, formula, view) for _, domain, formula in action.assignments]
        for (_, domain, formula), result in zip(action.assignments, results, strict=True):
            if not domain.admits(result):
                return f"{formula.label} gives {result!r}, outside its bounds: {domain.bounds()}"
        for (store, domain, _), result in zip(action.assignments, results, strict=True):
            self.values.set(store, domain.name, result)
        return ""

    def move(self, target: int | None) -> bool:
        """Go where the action leads. True: a state is to be entered now (`enter` it); False: the walk stays or a chain goes on."""
        self.pending = None
        if target is None:
            return False
        if target >= 0:
            return True
        self.pending = self.network.actions[chained(target)]
        if self.pending.owner is not None:
            self._stand_in(self.pending.owner.index)
        return False

    def copy(self) -> "Position":
        """The same position, moved independently from here on."""
        twin = Position.__new__(Position)
        twin.network, twin.prng, twin.values = self.network, self.prng.copy(), self.values.copy()
        twin.calls = dict(self.calls)
        twin.state, twin.previous, twin.pending = self.state, self.previous, self.pending
        return twin

    def _stand_in(self, state: int) -> None:
        if state != self.state:
            self.previous, self.state = self.state, state
            self.values.tell_state(self.network.states[state].name)

    def _draw_own(self, scope: Scope, outer: Scope) -> None:
        if scope is not outer:
            self.values.draw(scope.stores[-1], self.prng)

    def _barred(self, action: CompiledAction) -> str:
        if action.limit > 0 and self.calls.get(action.index, 0) >= action.limit:
            return f"its call limit of {action.limit} is used up"
        return "there is no previous state" if action.to_previous and self.previous < 0 else ""

    def _own_obstacle(self, action: CompiledAction) -> str:
        if barred := self._barred(action):
            return barred
        if action.guard is not None and not action.guard.value(self.values.view(action.scope)):
            return "its guard is false"
        return "its assignments would leave the bounds of a variable" if action.bound_checks and not self._within(action) else ""

    def _within(self, action: CompiledAction) -> bool:
        ahead = self
        if any(domain.generated for domain in self._own_domains(action)):
            ahead = self.copy()
            ahead.begin(action)
        view = ahead.values.view(action.scope)
        return all(domain.admits(_held(domain, formula, view)) for _, domain, formula in action.bound_checks)

    def _outer(self, action: CompiledAction) -> Scope:
        return self.network.scopes.model_scope if action.owner is None else action.owner.scope

    def _own_domains(self, action: CompiledAction) -> Sequence[Domain]:
        return () if action.scope is self._outer(action) else tuple(self.network.scopes.layout[action.scope.stores[-1]].values())

    def _with_open_chains(self, action: CompiledAction) -> tuple[int, ...]:
        """The targets of an action that leads to other actions: of these only the ones that may follow, as far as can be known."""
        if action.output_names:
            return action.targets
        ahead = self.copy()
        ahead.begin(action)
        if ahead.assign(action):
            return action.targets
        return tuple(target for target in action.targets if target >= 0 or ahead._may_follow(target))

    def _may_follow(self, target: int) -> bool:
        follower = self.copy()
        follower.move(target)
        return follower.pending is not None and not follower._own_obstacle(follower.pending)


def _held(domain: Domain, formula: Formula, view: Mapping[str, Value]) -> Scalar:
    value = formula.value(view)
    try:
        return domain.convert(value)
    except EvaluationError as error:
        raise formula.error(error.message) from None
