"""A model as the JSON of an XState machine, which `createMachine` takes as it is.

States keep their names, actions are events. Guards and assignments are written as named guards and actions with the expression as
their parameter (`words.py`), so that our reader gets them back and a JavaScript program can implement them once.
"""

import json
from typing import Any

from melanzana.graph.expressions.to_javascript import first_value
from melanzana.graph.formats.written import Losses, Written
from melanzana.graph.formats.xstate.words import ASSIGN, GUARD, META
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind

_HELD = frozenset({"guard", "assignments", "requirements", "description", "weight", "call limit", "exit state"})
_LEFT_OUT = frozenset({StateKind.ERROR, StateKind.CLEANUP})


def write_xstate(model: Model) -> Written:
    """The machine and the notes on what it leaves out."""
    return _Writer(model).write()


class _Writer:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._losses = Losses()
        states = [state for state in model.states if state.kind not in _LEFT_OUT]
        self._keys = _keys(states)
        self._states = states

    def write(self) -> Written:
        model = self._model
        self._losses.add_fields(model, held=_HELD)
        start = next(state for state in self._states if state.kind is StateKind.START)
        machine: dict[str, Any] = {"id": "machine", "description": model.name, "initial": self._keys[start.id]}
        if model.parameters:
            machine["context"] = {parameter.name: first_value(parameter) for parameter in model.parameters}
        if model.global_actions:
            machine["on"] = self._events(model.global_actions, prefix=".")
        machine["states"] = {self._keys[state.id]: self._state(state) for state in self._states}
        return Written(json.dumps(machine, indent=2, ensure_ascii=False, allow_nan=False) + "\n", self._losses.notes())

    def _state(self, state: State) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if state.kind is StateKind.EXIT:
            found["type"] = "final"
        if state.description:
            found["description"] = state.description
        meta: dict[str, Any] = {}
        if state.requirements:
            meta["requirements"] = list(state.requirements)
        if self._keys[state.id] != state.name:
            meta[META] = {"name": state.name}
        if meta:
            found["meta"] = meta
        if state.actions:
            found["on"] = self._events(state.actions, prefix="")
        return found

    def _events(self, actions: tuple[Action, ...], prefix: str) -> dict[str, Any]:
        events: dict[str, Any] = {}
        for action in actions:
            if action.kind is not ActionKind.NORMAL:
                continue
            targets = [self._keys[target] for target in action.targets if target in self._keys]
            if len(targets) <= 1:
                events[action.name] = self._transition(action, prefix + targets[0] if targets else None, split=False)
            for target in targets if len(targets) > 1 else ():
                events[f"{action.name} → {target}"] = self._transition(action, prefix + target, split=True)
        return events

    def _transition(self, action: Action, target: str | None, *, split: bool) -> dict[str, Any]:
        found: dict[str, Any] = {} if target is None else {"target": target}
        if action.guard:
            found["guard"] = {"type": GUARD, "params": {"expression": action.guard}}
        if action.assignments:
            params = {entry.variable: entry.expression for entry in action.assignments}
            found["actions"] = [{"type": ASSIGN, "params": params}]
        if action.description:
            found["description"] = action.description
        own: dict[str, Any] = {"action": action.name} if split else {}
        own |= {"weight": action.weight} if action.weight != 100 else {}
        own |= {"limit": action.call_limit} if action.call_limit else {}
        own |= {"requirements": list(action.requirements)} if action.requirements else {}
        return found | ({"meta": {META: own}} if own else {})


def _keys(states: list[State]) -> dict[str, str]:
    """A key a state: its name, without the dots and hash signs that mean something in targets there."""
    keys: dict[str, str] = {}
    for state in states:
        wanted = state.name.replace(".", "_").replace("#", "_")
        key, number = wanted, 1
        while key in keys.values():
            number += 1
            key = f"{wanted} {number}"
        keys[state.id] = key
    return keys
