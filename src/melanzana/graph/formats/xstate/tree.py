"""The states of a machine as a tree: names, ids, which leaf a target means.

A leaf is a place the machine can be in; a state with states inside stands for the leaf that its `initial` leads to. Parallel
regions would be the product of their states: they are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from melanzana.graph.formats.node import Node, closest
from melanzana.graph.limits import MAX_DEPTH, MAX_STATES, require_at_most


@dataclass(slots=True, eq=False)
class Place:
    """A state of the machine; the root is the machine itself."""

    key: str
    node: Node
    parent: "Place | None" = None
    children: dict[str, "Place"] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """Keys from the top; of the root, none."""
        return () if self.parent is None else (*self.parent.path, self.key)

    @property
    def is_leaf(self) -> bool:
        return not self.children

    @property
    def is_history(self) -> bool:
        return self.node.get("type").text() == "history"

    def upwards(self) -> Iterator["Place"]:
        """This state, the one around it, and so on to the machine."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent


class Tree:
    """All states of a machine. Errors: `FormatError`, `LimitError`."""

    def __init__(self, machine: Node) -> None:
        self.root = Place("", machine)
        self._by_id: dict[str, Place] = {}
        self.leaves: list[Place] = []
        self._grow(self.root, 0)
        require_at_most(len(self.leaves), MAX_STATES, "states", "states")

    def _grow(self, place: Place, depth: int) -> None:
        node = place.node
        if depth > MAX_DEPTH:
            raise node.error(f"states are nested more than {MAX_DEPTH} deep")
        if node.get("type").text() == "parallel":
            raise node.error("parallel states are not read: make a model of each region, or of their product")
        own_id = node.get("id").text()
        if own_id:
            self._by_id[own_id] = place
        for key, child in node.get("states").items():
            place.children[key] = Place(key, child, place)
            self._grow(place.children[key], depth + 1)
        if place.is_leaf and place is not self.root and not place.is_history:
            self.leaves.append(place)

    def target(self, text: str, place: Place, node: Node) -> Place:
        """The leaf that a transition of `place` leads to (XState's rules: `#id`, `.child`, else a sibling)."""
        if text.startswith("#"):
            found = self._absolute(text[1:], node)
        elif text.startswith("."):
            found = self._below(place, text[1:].split("."), node)
        else:
            found = self._below(place.parent or place, text.split("."), node)
        return self.settled(found)

    def settled(self, place: Place) -> Place:
        """The leaf that entering `place` leads to."""
        while place.is_history and place.parent is not None:
            place = place.parent
        while not place.is_leaf:
            initial = place.node.get("initial")
            key = initial.text() or next(iter(place.children))
            place = self._child(place, key, initial)
        return place

    def _absolute(self, text: str, node: Node) -> Place:
        own_id = max((known for known in self._by_id if text == known or text.startswith(f"{known}.")), key=len, default=None)
        if own_id is None:
            raise node.error(f"no state has the id {text[:60]!r}", closest(text, self._by_id))
        rest = text[len(own_id) + 1 :]
        return self._below(self._by_id[own_id], rest.split(".") if rest else [], node)

    def _below(self, place: Place, keys: list[str], node: Node) -> Place:
        for key in keys:
            place = self._child(place, key, node)
        return place

    def _child(self, place: Place, key: str, node: Node) -> Place:
        if key not in place.children:
            raise node.error(f"there is no state {key[:60]!r} here", closest(key, place.children))
        return place.children[key]
