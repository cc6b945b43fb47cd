"""Which element an edit is about: by id, or by the text that findings and test cases use."""

from dataclasses import dataclass
from typing import Literal

from melanzana.errors import NotFoundError, RequestError
from melanzana.graph.formats.addresses import ANYWHERE, Addresses
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind, TestCase

CASE = "test case/"


@dataclass(frozen=True, slots=True)
class Place:
    """A state, an action with the state that owns it, or a test case; nothing of these: the model."""

    state: State | None = None
    action: Action | None = None
    case: TestCase | None = None

    @property
    def kind(self) -> Literal["model", "state", "action", "test case"]:
        if self.action is not None:
            return "action"
        return "test case" if self.case is not None else "state" if self.state is not None else "model"

    @property
    def name(self) -> str:
        found = self.action or self.case or self.state
        return found.name if found is not None else ""

    @property
    def id(self) -> str:
        """Empty for the model."""
        found = self.action or self.case or self.state
        return found.id if found is not None else ""

    @property
    def owner(self) -> str:
        """Of an action: the name of its state, empty for a global one."""
        return self.state.name if self.state is not None else ""


def find(model: Model, text: str) -> Place:
    """The element. Errors: NotFoundError; RequestError when the text means several."""
    if not text:
        return Place()
    by_id = {state.id: Place(state) for state in model.states}
    by_id |= {action.id: Place(owner, action) for owner, action in model.actions()}
    by_id |= {case.id: Place(case=case) for case in model.test_cases}
    if text in by_id:
        return by_id[text]
    found = Addresses(model.states, model.global_actions).elements(text)
    found = found or [case.id for case in model.test_cases if text == CASE + case.name]
    if len(found) != 1:
        if found:
            raise RequestError(f"{text[:80]!r} may mean several elements: name the one by its id", field="element")
        raise NotFoundError(f"the model has no element {text[:80]!r}; it may have been renamed or deleted", field="element")
    return by_id[found[0]]


def find_action(model: Model, text: str) -> tuple[State | None, Action]:
    """The action and its state. Errors: as `find`, RequestError for anything that is no action."""
    place = find(model, text)
    if place.action is None:
        raise RequestError(f"{text[:80]!r} is no action", field="element")
    return place.state, place.action


def find_owner(model: Model, text: str) -> State | None:
    """The state that a new action belongs to; None for `anywhere`."""
    if text == ANYWHERE:
        return None
    place = find(model, text)
    if place.kind != "state":
        raise RequestError("an action belongs to a state, or to `anywhere`", field="element")
    return place.state


def find_target(model: Model, owner: State | None, text: str) -> str:
    """The id of what an action of `owner` may lead to; empty for a special state that the model has not got yet.

    Errors: RequestError when there is no such state and no sequent action beside it.
    """
    beside = owner.actions if owner is not None else model.global_actions
    offered = [(state.id, state.name) for state in model.states]
    offered += [(action.id, action.name) for action in beside if action.kind is ActionKind.SEQUENT]
    for own, name in offered:
        if text in (own, name):
            return own
    if text in SPECIAL_STATES:
        return next((state.id for state in model.states if state.kind is StateKind(text)), "")
    raise RequestError(f"{text[:80]!r} is no state, and no sequent action beside this one", field="target")
