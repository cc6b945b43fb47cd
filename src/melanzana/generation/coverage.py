"""Which states, actions and transitions a run has gone through, counted at O(1) a step.

`Walk` feeds its steps to a tracker as it goes, so that stop conditions can ask; `reports/` feeds the same `visit` from the
events of a run and gets the same figures. What counts (ADR 0009):

- states: Start and every normal state; Error, Cleanup and Exit only when an action names them as a target;
- actions: every action of a state that counts, and every global action; not those of Exit and Cleanup, where nothing is walked;
- transitions: a pair (action, target) for each target of those actions; (action, None) for an action without a target and for one
  that leads to the previous state, wherever that is.

A kind with nothing to cover is covered: its ratio is 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from melanzana.generation.kinds import Glance, Kind, Watcher
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind

Transition = tuple[str, str | None]

_SPECIAL = (StateKind.ERROR, StateKind.CLEANUP, StateKind.EXIT)
_UNWALKED = (StateKind.CLEANUP, StateKind.EXIT)


class Covered(IntEnum):
    """The kinds of things that are covered; an index into `CoverageTracker.covered` and `.totals`."""

    STATES = 0
    ACTIONS = 1
    TRANSITIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How much of one kind is covered."""

    covered: int
    total: int

    @property
    def ratio(self) -> float:
        """From 0 to 1; 1 when there is nothing to cover."""
        return self.covered / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageReport:
    """The figures of one run, and how often each thing was gone through (0 = not covered)."""

    states: Measure
    actions: Measure
    transitions: Measure
    hits: Mapping[str, int]  #: by id of a state or action, all of the model
    transition_hits: Mapping[Transition, int]


def transitions_of(action: Action) -> tuple[Transition, ...]:
    """The transitions that one action stands for, in the order of its targets."""
    if action.kind is ActionKind.PREVIOUS or not action.targets:
        return ((action.id, None),)
    return tuple((action.id, target) for target in dict.fromkeys(action.targets))


def counted_states(model: Model) -> tuple[State, ...]:
    """The states that count, in document order."""
    targeted = {target for _, action in model.actions() for target in action.targets}
    return tuple(state for state in model.states if state.kind not in _SPECIAL or state.id in targeted)


def counted_actions(model: Model) -> tuple[Action, ...]:
    """The actions that count, in document order; global ones last."""
    walked = {state.id for state in counted_states(model) if state.kind not in _UNWALKED}
    return tuple(action for state, action in model.actions() if state is None or state.id in walked)


class CoverageTracker:
    """Counts visits. `covered` and `totals` are indexed by `Covered` and may be read at any time."""

    __slots__ = (
        "_action_hits", "_counted", "_state_hits", "_to_previous", "_transition_hits", "covered", "totals", "watchers",
    )  # fmt: skip

    def __init__(self, model: Model) -> None:
        self.watchers: dict[Kind, Watcher] = {}  #: of the further kinds that somebody asked for; see `watching.py`
        states, actions = counted_states(model), counted_actions(model)
        self._state_hits = {state.id: 0 for state in model.states}
        self._action_hits = {action.id: 0 for _, action in model.actions()}
        self._counted = frozenset(state.id for state in states) | frozenset(action.id for action in actions)
        self._transition_hits = dict.fromkeys((pair for action in actions for pair in transitions_of(action)), 0)
        self._to_previous = frozenset(action.id for _, action in model.actions() if action.kind is ActionKind.PREVIOUS)
        self.covered = [0, 0, 0]
        self.totals = (len({state.id for state in states}), len({action.id for action in actions}), len(self._transition_hits))

    def see(self, step: Glance) -> None:
        """Show a step to whoever counts further kinds. The step itself is counted by `visit`."""
        for each in self.watchers.values():
            each.see(step)

    def visit(self, step_kind: str, element_id: str, target: str | None = None, times: int = 1) -> None:
        """A step was performed, `times` ≥ 1 times; `step_kind` is a `StepKind`.

        What the model does not have is left out: events are untrusted.
        """
        is_state = step_kind == "state"
        table = self._state_hits if is_state else self._action_hits
        before = table.get(element_id)
        if before is None:
            return
        table[element_id] = before + times
        if not before and element_id in self._counted:
            self.covered[0 if is_state else 1] += 1
        if not is_state:
            self._go(element_id, None if element_id in self._to_previous else target, times)

    def _go(self, action_id: str, target: str | None, times: int) -> None:
        pair = (action_id, target)
        before = self._transition_hits.get(pair)
        if before is not None:
            self._transition_hits[pair] = before + times
            if not before:
                self.covered[2] += 1

    def hits(self, element_id: str) -> int:
        """How often a state was entered or an action performed; 0 for what the model does not have."""
        return self._state_hits.get(element_id) or self._action_hits.get(element_id) or 0

    def covered_of(self, kind: Covered) -> frozenset[str | Transition]:
        """What of a kind counts and was gone through: ids, or transitions. Linear in the model: ask rarely."""
        if kind is Covered.TRANSITIONS:
            return frozenset(pair for pair, hits in self._transition_hits.items() if hits)
        table = self._state_hits if kind is Covered.STATES else self._action_hits
        return frozenset(element for element, hits in table.items() if hits and element in self._counted)

    def missing(self, kind: Covered) -> tuple[str, ...]:
        """Ids of what counts and is not covered, in document order; of transitions the ids of their actions."""
        if kind is Covered.TRANSITIONS:
            return tuple(dict.fromkeys(action for (action, _), hits in self._transition_hits.items() if not hits))
        table = self._state_hits if kind is Covered.STATES else self._action_hits
        return tuple(element for element, hits in table.items() if not hits and element in self._counted)

    def report(self) -> CoverageReport:
        """The figures so far, as values that later visits do not change."""
        states, actions, transitions = (Measure(covered=c, total=t) for c, t in zip(self.covered, self.totals, strict=True))
        return CoverageReport(
            states=states,
            actions=actions,
            transitions=transitions,
            hits={**self._state_hits, **self._action_hits},
            transition_hits=dict(self._transition_hits),
        )
