"""How a document names an element by text, and which element a text names.

Test steps and the layout use it. `Results` is a state, `Results/add` an action of it, `anywhere/go home` a global action,
`#<id>` any element. Every element of a model has at least one text that names it and nothing else.
"""

from collections import defaultdict

from melanzana.graph.model import Action, State

ANYWHERE = "anywhere"


class Addresses:
    """The texts of one model's elements."""

    def __init__(self, states: tuple[State, ...], global_actions: tuple[Action, ...]) -> None:
        self._ids: dict[str, list[str]] = {}
        self._elements: defaultdict[str, list[str]] = defaultdict(list)
        self._actions: defaultdict[str, list[str]] = defaultdict(list)
        for state in states:
            self._ids[state.id] = [state.name]
            self._elements[state.name].append(state.id)
            self._enter(state.name, state.actions)
        self._enter(ANYWHERE, global_actions)

    def _enter(self, owner: str, actions: tuple[Action, ...]) -> None:
        for action in actions:
            qualified = f"{owner}/{action.name}"
            self._ids[action.id] = [action.name, qualified]
            self._elements[qualified].append(action.id)
            self._actions[qualified].append(action.id)
            self._actions[action.name].append(action.id)

    def elements(self, text: str) -> list[str]:
        """The ids of the elements that `text` may mean in a layout."""
        return self._by_id(text) or self._elements.get(text, [])

    def actions(self, text: str) -> list[str]:
        """The ids of the actions that `text` may mean in a test step."""
        return self._by_id(text) or self._actions.get(text, [])

    def _by_id(self, text: str) -> list[str]:
        return [text[1:]] if text.startswith("#") and text[1:] in self._ids else []

    def of_element(self, element_id: str) -> str:
        """The shortest text that names this element in a layout."""
        texts = self._ids.get(element_id, [])[-1:]
        return next((text for text in texts if self.elements(text) == [element_id]), f"#{element_id}")

    def of_action(self, action_id: str) -> str:
        """The shortest text that names this action in a test step."""
        texts = self._ids.get(action_id, [])
        return next((text for text in texts if self.actions(text) == [action_id]), f"#{action_id}")

    def qualified(self, action_id: str) -> str:
        """`State/action`, for messages."""
        return self._ids.get(action_id, [f"#{action_id}"])[-1]

    def known_elements(self) -> list[str]:
        """Every text of a layout, for suggestions."""
        return list(self._elements)

    def known_actions(self) -> list[str]:
        """Every text of a test step, for suggestions."""
        return list(self._actions)
