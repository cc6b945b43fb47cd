"""A `Model` to a DAI export envelope.

Written twice in thought: first the fields that DAI knows, then, by reading those back, our extension with whatever they did
not give back.
"""

from collections.abc import Mapping
from typing import Any

from melanzana.graph.formats.dai import words
from melanzana.graph.formats.dai.cases import write_case
from melanzana.graph.formats.dai.extension import difference
from melanzana.graph.formats.dai.guards import read_guard, write_guard
from melanzana.graph.formats.dai.parameters import write_parameters
from melanzana.graph.formats.dai.reader import read_noted, read_sub_model
from melanzana.graph.formats.dai.snippets import write_snippet
from melanzana.graph.formats.node import Node
from melanzana.graph.model import Action, ActionKind, Box, Model, Parameter, State, StateKind

_HIGHEST = 2**53  #: numbers of elements stay below what JavaScript holds exactly
_PARTS = ("states", "global_actions", "test_cases")


def write_dai(model: Model) -> dict[str, Any]:
    """The export envelope; `read_dai` gives back an equal model. Errors: `FormatError` for a model whose references are broken."""
    document = _Writer(model).write()
    _extend(document, model)
    return document


def _extend(document: dict[str, Any], model: Model) -> None:
    read = read_noted(document, extended=False).model
    _note(document["definition"], difference(model, read, _PARTS))
    by_id = {
        entry.get("elementUuid") or str(entry["id"]): entry
        for entry in document["definition"]["elements"]
        if entry["type"] != "Root"
    }
    for state, read_state in zip(model.states, read.states, strict=True):
        _note(by_id[state.id], difference(state, read_state, ("actions",)))
    for (_, action), (_, read_action) in zip(model.actions(), read.actions(), strict=True):
        _note(by_id[action.id], difference(action, read_action))
    for entry, case, read_case in zip(document["test_cases"], model.test_cases, read.test_cases, strict=False):
        _note(entry, difference(case, read_case))


def _note(entry: dict[str, Any], extension: dict[str, Any]) -> None:
    if extension:
        entry[words.EXTENSION] = extension


class _Writer:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._numbers = _numbers(model)

    def write(self) -> dict[str, Any]:
        model = self._model
        extras = model.extras
        envelope = extras.get("envelope") if isinstance(extras.get("envelope"), dict) else {}
        cases = [write_case(case, model) for case in model.test_cases]
        definition = {
            "elements": [self._root(), *self._states(), *self._actions()],
            "modeluuid": model.id,
            "suitePath": model.suite,
            "tags": self._tags(),
            **words.counters(model),
            "runCleanupAfterAbort": model.run_cleanup_after_abort,
            "allowGlobalActionsInInitialStates": model.global_actions_in_start,
            **{key: value for key, value in extras.items() if key not in (*words.DEFINITION, "envelope", "root", "test_cases")},
        }
        if isinstance(extras.get("testcases"), list):
            definition["testcases"] = [entry for entry in extras["testcases"] if isinstance(entry, dict)]
        kept = extras.get("test_cases")
        return {
            "name": model.name,
            **(envelope or {}),
            "definition": definition,
            "test_cases": [*cases, *(kept if isinstance(kept, list) else [])],
        }

    def _tags(self) -> list[Any]:
        kept = self._model.extras.get("tags")
        if isinstance(kept, list) and [tag.get("name") if isinstance(tag, dict) else tag for tag in kept] == list(self._model.tags):
            return kept
        return list(self._model.tags)

    def _root(self) -> dict[str, Any]:
        kept = self._model.extras.get("root")
        return {
            "id": 0,
            "name": self._model.name,
            "type": "Root",
            "parentId": None,
            "elementUuid": self._model.id,
            "parameters": write_parameters(self._model.parameters),
            **(
                {key: value for key, value in kept.items() if key not in words.ROOT or key == "elementUuid"}
                if isinstance(kept, dict)
                else {}
            ),
        }

    def _states(self) -> list[dict[str, Any]]:
        return [self._state(state) for state in self._model.states]

    def _state(self, state: State) -> dict[str, Any]:
        usual = words.state_fields(state.kind)
        kept = {key: value for key, value in state.extras.items() if key not in words.STATE or key in {"invisible", "sortingType"}}
        if state.kind is not StateKind.EXIT and kept.get("sortingType") == words.SORTING[StateKind.EXIT]:
            del kept["sortingType"]
        return {
            **self._identity(state.id, state.name, "State", 0),
            **usual,
            **self._parts(state, self._scope(state)),
            **_box(self._model.layout.get(state.id)),
            **kept,
        }

    def _actions(self) -> list[dict[str, Any]]:
        return [self._action(owner, action) for owner, action in self._model.actions()]

    def _action(self, owner: State | None, action: Action) -> dict[str, Any]:
        scope = {**self._scope(owner), **{parameter.name: parameter for parameter in action.parameters}}
        kept = {key: value for key, value in action.extras.items() if key not in words.ACTION or key == "sortingType"}
        return {
            **self._identity(action.id, action.name, "Action", self._numbers[owner.id] if owner else 0),
            "actionType": _action_type(action),
            "connectedStates": self._connected(action),
            "weight": action.weight,
            "callLimit": action.call_limit,
            "preconditions": _preconditions(action, scope),
            "subModels": _sub_models(action),
            "sortingType": words.ACTION_SORTING,
            **self._parts(action, scope),
            **_box(self._model.layout.get(action.id)),
            **kept,
        }

    def _identity(self, element_id: str, name: str, word: str, parent: int) -> dict[str, Any]:
        number = self._numbers[element_id]
        identity = {"id": number} if str(number) == element_id else {"id": number, "elementUuid": element_id}
        return {**identity, "name": name, "type": word, "parentId": parent}

    def _parts(self, element: State | Action, scope: Mapping[str, Parameter]) -> dict[str, Any]:
        parts: dict[str, Any] = {"parameters": write_parameters(element.parameters)}
        snippets = [write_snippet(snippet, scope) for snippet in element.snippets]
        kept = element.extras.get("snippets")
        if isinstance(kept, list):
            snippets += [entry for entry in kept if isinstance(entry, dict) and not entry.keys() & {"scriptPath", "fullName"}]
        return parts | ({"snippets": snippets} if snippets else {})

    def _scope(self, state: State | None) -> dict[str, Parameter]:
        local = state.parameters if state else ()
        return {parameter.name: parameter for parameter in (*self._model.parameters, *local)}

    def _connected(self, action: Action) -> list[dict[str, Any]]:
        numbers = [self._numbers[target] for target in action.targets]
        kept = action.extras.get("connectedStates")
        if isinstance(kept, list) and [entry.get("stateRef") if isinstance(entry, dict) else None for entry in kept] == numbers:
            return kept
        return [{"stateRef": number} for number in numbers]


def _preconditions(action: Action, scope: Mapping[str, Parameter]) -> Any:
    """Those of the file that the action came from, as long as they say what the guard says."""
    kept = action.extras.get("preconditions")
    types = {name: parameter.type for name, parameter in scope.items()}
    if isinstance(kept, list) and all(_is_term(entry) for entry in kept) and read_guard(Node(kept), types) == action.guard:
        return kept
    return write_guard(action.guard)


def _action_type(action: Action) -> str:
    """The file's own word where it is one that we take for Normal."""
    kept = action.extras.get("actionType")
    unknown = isinstance(kept, str) and kept not in words.ACTION_KINDS and action.kind is ActionKind.NORMAL
    return kept if unknown and isinstance(kept, str) else words.ACTION_TYPES[action.kind]


def _sub_models(action: Action) -> list[Any]:
    kept = action.extras.get("subModels")
    if isinstance(kept, list) and all(isinstance(entry, str | dict) for entry in kept):
        names = [read_sub_model(Node(entry)) for entry in kept]
        return kept if names == list(action.sub_models) else list(action.sub_models)
    return list(action.sub_models)


def _is_term(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("parameterName"), str)
        and entry.get("condition") in ("==", "!=", "<", "<=", ">", ">=")
    )


def _box(box: Box | None) -> dict[str, Any]:
    if box is None:
        return {}
    sides = {"dx": box.x, "dy": box.y, "shapeWidth": box.width, "shapeHeight": box.height}
    return {key: int(side) if side == int(side) else side for key, side in sides.items() if side is not None}


def _numbers(model: Model) -> dict[str, int]:
    """A number for each element: the one that its id is, the one that its file had, else its place in the list."""
    elements = [
        *((state.id, state.extras) for state in model.states),
        *((action.id, action.extras) for _, action in model.actions()),
    ]
    numbers = {element_id: int(element_id) for element_id, _ in elements if _is_number(element_id)}
    taken = set(numbers.values())
    for element_id, extras in elements:
        number = extras.get("id")
        if (
            element_id not in numbers
            and isinstance(number, int)
            and not isinstance(number, bool)
            and 0 < number < _HIGHEST
            and number not in taken
        ):
            numbers[element_id] = number
            taken.add(number)
    free = len(elements)
    for place, (element_id, _) in enumerate(elements, 1):
        if element_id in numbers:
            continue
        if place in taken:
            free = next(number for number in range(free + 1, _HIGHEST) if number not in taken)
        numbers[element_id] = place if place not in taken else free
        taken.add(numbers[element_id])
    return numbers


def _is_number(element_id: str) -> bool:
    return element_id.isascii() and element_id.isdecimal() and element_id[0] != "0" and len(element_id) < 16
