"""The transitions that a leaf has: its own and those of the states around it, each as one record.

An event is handled by the innermost state that has it. Of several candidates for one event the first whose guard holds is taken,
so a later one has the guards before it denied in its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from melanzana.graph.formats.node import Node
from melanzana.graph.formats.xstate.tree import Place
from melanzana.graph.formats.xstate.words import GUARD


@dataclass(frozen=True, slots=True)
class Transition:
    """One candidate for one event."""

    event: str
    node: Node  #: the candidate: a target's name, or a map
    owner: Place  #: the state that has it; targets are relative to it
    denied: tuple[str, ...] = ()  #: guards of ours that failed before
    number: int = 0  #: among the candidates of the event, from 0

    def part(self, name: str) -> Node:
        """A member of the candidate; a bare name is its target."""
        if isinstance(self.node.value, dict):
            return self.node.get(name)
        return self.node if name == "target" else Node(None, self.node.pointer)

    @property
    def target(self) -> str | None:
        """The target as written; None when the machine stays."""
        node = self.part("target")
        if isinstance(node.value, list):
            if len(node.value) > 1:
                raise node.error("a transition to several states at once is not read")
            return str(node.value[0]) if node.value else None
        return node.text() or None

    @property
    def guard(self) -> Node:
        """`guard`, or `cond` as it was called up to version 4."""
        guard = self.part("guard")
        return guard if guard.value is not None else self.part("cond")


def of_leaf(leaf: Place, hidden: frozenset[str] = frozenset()) -> Iterator[Transition]:
    """Every transition of the leaf; events among `hidden` of the machine itself are left to the global actions."""
    handled: set[str] = set()
    for place in leaf.upwards():
        events = dict(_events(place))
        for event, candidates in events.items():
            if event not in handled and not (place.parent is None and event in hidden):
                yield from _candidates(event, candidates, place)
        handled |= events.keys()


def of_machine(root: Place) -> Iterator[Transition]:
    """The transitions of the machine itself."""
    for event, candidates in _events(root):
        yield from _candidates(event, candidates, root)


def events_of(place: Place) -> set[str]:
    """The names of what the state itself handles."""
    return {event for event, _ in _events(place)}


def _events(place: Place) -> Iterator[tuple[str, Node]]:
    node = place.node
    for event, candidates in node.get("on").items():
        yield event or "always", candidates
    if node.get("always").value is not None:
        yield "always", node.get("always")
    for delay, candidates in node.get("after").items():
        yield f"after {delay}", candidates
    if node.get("onDone").value is not None:
        yield f"done {place.key}", node.get("onDone")
    invoked = node.get("invoke")
    for service in invoked.elements() if isinstance(invoked.value, list) else [invoked]:
        name = service.get("id").text() or service.get("src").value if isinstance(service.value, dict) else None
        for key, word in (("onDone", "done"), ("onError", "error")):
            if isinstance(service.value, dict) and service.get(key).value is not None:
                yield f"{word} {name}" if isinstance(name, str) else word, service.get(key)


def _candidates(event: str, node: Node, owner: Place) -> Iterator[Transition]:
    if node.value is None:  # an event that is named to be ignored
        return
    denied: tuple[str, ...] = ()
    for number, candidate in enumerate(node.elements() if isinstance(node.value, list) else [node]):
        transition = Transition(event, candidate, owner, denied, number)
        yield transition
        if (own := own_guard(transition.guard)) is not None:
            denied = (*denied, own)


def own_guard(node: Node) -> str | None:
    """The expression of a guard of ours; None for a name of code, and for nothing."""
    if isinstance(node.value, dict) and node.get("type").text() == GUARD:
        return node.get("params").get("expression").text() or None
    return None
