"""Which models a model needs for its actions' sub-models: found by name or uuid, and held to their bounds (ADR 0023).

Whoever starts a walk calls `needed` with a way to look models up: the catalog, the folder of a file. `nesting.py` walks them. The
cost is that of looking at every action of every model once.
"""

from collections.abc import Callable, Iterable, Mapping

from melanzana.errors import InvalidModelError, RequestError
from melanzana.graph.limits import MAX_ACTIONS, MAX_STATES
from melanzana.graph.model import Action, Model

#: Models inside each other, the outermost not counted.
MAX_NESTING = 8

#: A model by its name or uuid; None when there is none.
Lookup = Callable[[str], Model | None]


def needed(model: Model, find: Lookup) -> dict[str, Model]:
    """Every model that is walked inside `model`, at any depth, by uuid, in the order in which they are named.

    Errors: `RequestError` naming the action and the model that is missing; `InvalidModelError` when a model would be walked
    inside itself, when they are nested too deep, or are together larger than one model may be.
    """
    found: dict[str, Model] = {}
    _gather(model, find, found, (model,))
    for what, most, size in (
        ("states", MAX_STATES, sum(len(one.states) for one in (model, *found.values()))),
        ("actions", MAX_ACTIONS, sum(1 for one in (model, *found.values()) for _ in one.actions())),
    ):
        if size > most:
            raise InvalidModelError(f"with its sub-models the model has {size:,} {what}: at most {most:,} are allowed")
    return found


def find_in(models: Iterable[Model]) -> Lookup:
    """A look-up among these; a uuid counts before a name, the first of several models of one name before the others."""
    by_name: dict[str, Model] = {}
    by_id: dict[str, Model] = {}
    for model in models:
        by_name.setdefault(model.name, model)
        by_id.setdefault(model.id, model)
    return lambda name: by_id.get(name) or by_name.get(name)


def calling(model: Model) -> Mapping[str, Action]:
    """The actions of a model that have sub-models, by id."""
    return {action.id: action for _, action in model.actions() if action.sub_models}


def _gather(model: Model, find: Lookup, found: dict[str, Model], around: tuple[Model, ...]) -> None:
    for action in calling(model).values():
        for name in action.sub_models:
            inner = find(name)
            if inner is None:
                message = f"action '{action.name}' of model '{model.name}' has the sub-model '{name}', and there is no such model"
                raise RequestError(message, field="sub models", action=action.name, model=name)
            _require_end(inner, action, around)
            found.setdefault(inner.id, inner)
            _gather(inner, find, found, (*around, inner))


def _require_end(inner: Model, action: Action, around: tuple[Model, ...]) -> None:
    chain = " > ".join(f"'{one.name}'" for one in (*around, inner))
    if any(one.id == inner.id for one in around):
        message = f"model '{inner.name}' would be walked inside itself ({chain}): remove it from action '{action.name}'"
        raise InvalidModelError(message, finding="sub-model-recursion", action=action.name)
    if len(around) > MAX_NESTING:
        raise InvalidModelError(f"sub-models lie more than {MAX_NESTING} deep in each other ({chain})", action=action.name)
