"""Walks given steps again, exactly: what `predefined(…)` names, or what was recorded of a run.

Nothing is chosen and no gap is closed (that is what test cases do): a step that cannot follow ends the walk with
`IMPOSSIBLE_STEP`, and its message says which step, in which state, and why. What was recorded as drawn is set instead of drawn;
the stream of drawn values goes on as if it had been used, so a whole recorded walk draws what its run drew.
A step costs what its element's name costs to look up; nothing grows with the model.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from melanzana.errors import EvaluationError, GenerationError, ImpossibleStepError
from melanzana.generation.generators import Move, Turn
from melanzana.generation.network import CompiledAction, Formula, Network, chained
from melanzana.generation.position import Position
from melanzana.generation.recorded import Recorded, RecordedStep
from melanzana.generation.scopes import Scope
from melanzana.generation.search import may
from melanzana.generation.step import EndReason, StepKind
from melanzana.graph.model import Scalar

#: Names offered in a message.
_SHOWN = 8

Setting = tuple[int, str, Scalar]  # store, name and value


class _Wanted(NamedTuple):
    """One step: the elements that it may mean, by number."""

    number: int
    step: RecordedStep
    states: frozenset[int]
    actions: frozenset[int]


class Follower:
    """Chooses the moves of given steps; `entered` is to be told each state as the walk enters it."""

    def __init__(self, network: Network, recorded: Recorded, title: str) -> None:
        """`title` is what messages call the whole. Errors: `ImpossibleStepError` for a step that the model has no element for."""
        self._network = network
        self._title = title
        self._steps = tuple(_meanings(network, recorded, title))
        self._done = 0
        self._restarted_at = -1

    @property
    def finished(self) -> bool:
        """Was every step chosen?"""
        return self._done == len(self._steps)

    @property
    def progress(self) -> float:
        """The part of the steps that were chosen, from 0 to 1."""
        return self._done / len(self._steps) if self._steps else 1.0

    def entered(self, position: Position) -> None:
        """The walk has entered a state and drawn its values: the recorded ones take their place. Errors: `ImpossibleStepError`."""
        wanted = self._next()
        if wanted is not None and position.state in wanted.states:
            self._done += 1
            for store, name, value in self._settings(wanted, position.here().scope):
                position.values.set(store, name, value)

    def choose(self, position: Position) -> Move | Turn:
        """The move that is next. Errors: `ImpossibleStepError`."""
        wanted = self._next()
        if wanted is None:
            return Turn.DONE
        if self._begins_again(wanted):
            self._restarted_at = self._done
            return Turn.RESTART
        move = next(self._moves(wanted, position), None)
        if move is None:
            raise self._impossible(wanted, position)
        self._done += 1
        return move

    def _next(self) -> _Wanted | None:
        return None if self.finished else self._steps[self._done]

    def _begins_again(self, wanted: _Wanted) -> bool:
        """Does the next step belong to a later iteration than the last one? Each step asks for that at most once."""
        if self._done in {0, self._restarted_at} or wanted.step.iteration is None:
            return False
        last = self._steps[self._done - 1].step.iteration
        return last is not None and wanted.step.iteration > last

    def _moves(self, wanted: _Wanted, position: Position) -> Iterator[Move]:
        for action in position.candidates():
            if action.index in wanted.actions:
                settings = self._settings(wanted, action.scope)
                at = position.given(action, settings)
                if may(at, action):
                    yield from (Move(action, target, settings) for target in self._targets(wanted, action, at))

    def _targets(self, wanted: _Wanted, action: CompiledAction, at: Position) -> Iterator[int | None]:
        """Where it is to lead: as the step says, or else where the next step may be."""
        targets = at.targets(action)
        if not wanted.step.any_target:
            numbers = self._network.numbers
            aim = None if wanted.step.target is None else numbers.get(wanted.step.target)
            return (target for target in targets if target == aim)
        return (target for target in targets if len(targets) == 1 or self._may_come(target, at))

    def _may_come(self, target: int | None, at: Position) -> bool:
        if self._done + 1 == len(self._steps):
            return True
        after = self._steps[self._done + 1]
        if target is not None and target < 0:
            return chained(target) in after.actions
        state = at.here() if target is None else self._network.states[target]
        return state.index in after.states or any(action.index in after.actions for action in state.offered) or state.terminal

    def _settings(self, wanted: _Wanted, scope: Scope) -> tuple[Setting, ...]:
        found = []
        try:
            for name, value in wanted.step.values.items():
                store, domain = scope.home(name)
                found.append((store, name, domain.accept(value)))
        except EvaluationError as error:
            raise self._error(wanted, f"cannot be given its values: {error.message}") from None
        return tuple(found)

    # ---- messages

    def _impossible(self, wanted: _Wanted, position: Position) -> ImpossibleStepError:
        state = position.here().name
        offered = dict.fromkeys(action.name for action in position.candidates() if may(position, action))
        names = ", ".join(f"'{name}'" for name in list(offered)[:_SHOWN]) + (", …" if len(offered) > _SHOWN else "")
        why = f"cannot follow in state '{state}': {self._why(wanted, position)}; possible: {names or 'nothing'}"
        return self._error(wanted, why, state=state, possible=list(offered))

    def _why(self, wanted: _Wanted, position: Position) -> str:
        for action in position.candidates():
            if action.index in wanted.actions:
                settings = self._settings(wanted, action.scope)
                return why_not(position.given(action, settings), action) or self._elsewhere(wanted, action)
        if not wanted.actions:
            return "the walk is in another state"
        pending = position.pending
        if pending is not None:
            return f"'{pending.name}' must come next"
        owners = (self._network.actions[index].owner for index in sorted(wanted.actions))
        places = dict.fromkeys("everywhere but here" if owner is None else f"in '{owner.name}'" for owner in owners)
        return f"it is offered {' or '.join(places)}"

    def _elsewhere(self, wanted: _Wanted, action: CompiledAction) -> str:
        aim = self._network.numbers.get(wanted.step.target or "")
        name = self._network.labels(aim)[1] if aim is not None else None
        return f"'{action.name}' does not lead to '{name}' now" if name else f"'{action.name}' does not lead on to the next step"

    def _error(self, wanted: _Wanted, why: str, **detail: object) -> ImpossibleStepError:
        name = wanted.step.name or wanted.step.element
        return ImpossibleStepError(f"step {wanted.number} ('{name}') of {self._title} {why}", step=wanted.number, **detail)


class FollowGoal:
    """Walk given steps to their end."""

    exact = None

    def __init__(self, follower: Follower) -> None:
        self.choose = follower.choose
        self.entered = follower.entered
        self._follower = follower

    def reached(self) -> EndReason | None:
        return EndReason.TEST_CASE_DONE if self._follower.finished else None

    def hopeless(self, iteration_ended: bool) -> str:  # noqa: ARG002
        return ""  # a step that cannot follow ends it

    def progress(self) -> float:
        return self._follower.progress

    def remark(self) -> str:
        return ""


def goal_of(network: Network, recorded: Recorded | None, names: tuple[str, ...], *, with_values: bool) -> FollowGoal:
    """The goal of `predefined(…)` and `replay()`.

    Errors: `GenerationError` when there are no steps to follow, `ImpossibleStepError` for one that the model does not have.
    """
    if names:
        return FollowGoal(Follower(network, Recorded.of_names(names), "the predefined path"))
    if recorded is None:
        word, hint = ("replay()", "melanzana replay") if with_values else ("predefined()", "--steps FILE")
        raise GenerationError(f"{word} follows steps that come with the plan, and none came: use {hint}", field="path")
    if with_values:
        return FollowGoal(Follower(network, recorded, "the recorded walk"))
    return FollowGoal(Follower(network, recorded.without_values(), "the predefined path"))


def why_not(position: Position, action: CompiledAction) -> str:
    """Why a candidate may not be performed, with the values its guard was asked about; empty when it may."""
    try:
        obstacle = position.obstacle(action)
    except EvaluationError as error:
        return error.message
    if action.guard is None or obstacle != "its guard is false":
        return obstacle
    return f"its guard `{action.guard.text}` is false{_values(position, action, action.guard)}"


def _values(position: Position, action: CompiledAction, formula: Formula) -> str:
    view = position.values.view(action.scope)
    shown = [f"{name} = {view[name]!r}" for name in sorted(formula.names) if name in view][:_SHOWN]
    return f" ({', '.join(shown)})" if shown else ""


def _meanings(network: Network, recorded: Recorded, title: str) -> Iterator[_Wanted]:
    states, actions = _by_word(network)
    for number, step in enumerate(recorded.steps, 1):
        exact = network.numbers.get(step.element)
        if exact is not None:
            is_state = exact >= 0
            found = _Wanted(number, step, frozenset({exact} if is_state else ()), frozenset(() if is_state else {chained(exact)}))
        else:
            found = _Wanted(number, step, frozenset(states[step.element]), frozenset(actions[step.element]))
        if step.kind is StepKind.STATE:
            found = found._replace(actions=frozenset())
        elif step.kind is StepKind.ACTION:
            found = found._replace(states=frozenset())
        if not found.states and not found.actions:
            message = f"step {number} of {title} names '{step.element}', which is no state and no action of the model"
            raise ImpossibleStepError(message, step=number)
        yield found


def _by_word(network: Network) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Numbers of states by name, and of actions by name and by `State/action`."""
    states: dict[str, list[int]] = defaultdict(list)
    actions: dict[str, list[int]] = defaultdict(list)
    for state in network.states:
        states[state.name].append(state.index)
    for action in network.actions:
        owner = "anywhere" if action.owner is None else action.owner.name
        actions[action.name].append(action.index)
        actions[f"{owner}/{action.name}"].append(action.index)
    return states, actions
