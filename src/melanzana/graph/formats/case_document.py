"""Test cases and layout of the text format: the sections that name elements of the finished graph.

A step is the name of an action. When several actions have that name, the walk from the start decides; where it cannot, the
reader asks for `State/action`.
"""

from collections.abc import Mapping
from typing import Any

from melanzana.graph.formats import keys
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.plain import read_extras, write_extras
from melanzana.graph.model import Box, Model, Scalar, TestCase, TestCaseStep, derived_id
from melanzana.graph.routes import Routes, Spot


def read_test_cases(node: Node, model: Model, addresses: Addresses, places: dict[str, str]) -> tuple[TestCase, ...]:
    """The entries of `test cases:`; each one's place is noted by its id."""
    entries = list(node.items())
    routes = Routes(model) if entries else None
    return tuple(_CaseReader(addresses, routes).read(name, entry, model.name, places) for name, entry in entries if routes)


class _CaseReader:
    def __init__(self, addresses: Addresses, routes: Routes) -> None:
        self._addresses = addresses
        self._routes = routes
        self._spots = routes.start()

    def read(self, name: str, node: Node, model: str, places: dict[str, str]) -> TestCase:
        if isinstance(node.value, list):
            node = Node(node.value, node.pointer, "steps")
        node.only(keys.TEST_CASE)
        case_id = node.get("id").text() or derived_id(model, "", "", name)
        places[case_id] = node.pointer
        return TestCase(
            id=case_id,
            name=name,
            steps=tuple(self._step(step) for step in node.get("steps").elements()),
            description=node.get("description").text(),
            origin=node.get("origin").text(),
            external_id=node.get("external id").text(),
            tags=node.get("tags").texts(),
            parameters=_read_values(node.get("with")),
            extras=read_extras(node),
        )

    def _step(self, node: Node) -> TestCaseStep:
        if isinstance(node.value, str):
            return TestCaseStep(action=self._action(node))
        node.only(keys.STEP)
        sub_case = node.get("test case")
        return TestCaseStep(
            action=self._action(node.get("action")),
            parameters=_read_values(node.get("with")),
            requirements=node.get("requirements").texts(),
            sub_model_test_case=None if sub_case.value is None else sub_case.required_text(),
            extras=read_extras(node),
        )

    def _action(self, node: Node) -> str:
        text = node.required_text()
        found = self._addresses.actions(text)
        if not found:
            raise node.error(f"no action is called `{text[:80]}`", closest(text, self._addresses.known_actions()))
        action_id = found[0] if len(found) == 1 else self._only_possible(node, found)
        self._spots = self._routes.after(self._spots, action_id) or self._arrived(action_id)
        return action_id

    def _only_possible(self, node: Node, found: list[str]) -> str:
        possible = [action_id for action_id in found if self._routes.can_follow(self._spots, action_id)]
        if len(possible) == 1:
            return possible[0]
        names = [self._addresses.qualified(action_id) for action_id in possible or found]
        why = "can all come next here" if possible else "exist, and none of them can come next here"
        raise node.error(f"`{node.value[:80]}` is not clear: {', '.join(names[:5])} {why}; write which one", names[0])

    def _arrived(self, action_id: str) -> frozenset[Spot]:
        """After a step that cannot follow, which `graph/rules` reports: go on as if the walk had been in its state."""
        owner, action = self._routes.actions[action_id]
        if owner is None:
            return self._spots
        pending = action_id if action.kind == "sequent" else None
        return self._routes.after([Spot(owner.id, pending)], action_id)


def _read_values(node: Node) -> Mapping[str, Scalar]:
    return {name: entry.scalar() for name, entry in node.items()}


def read_layout(node: Node, addresses: Addresses) -> dict[str, Box]:
    """The entries of `layout:`, boxes by element id."""
    return {_element(entry, name, addresses): _read_box(entry) for name, entry in node.items()}


def _element(node: Node, name: str, addresses: Addresses) -> str:
    found = addresses.elements(name)
    if not found:
        raise node.error(f"the layout names no element: `{name[:80]}`", closest(name, addresses.known_elements()))
    if len(found) > 1:
        raise node.error(f"`{name[:80]}` may mean several elements: write #{found[0]}")
    return found[0]


def _read_box(node: Node) -> Box:
    figures = node.elements()
    if len(figures) not in (2, 4):
        raise node.error("a box is [x, y] or [x, y, width, height]")
    x, y, *size = (None if figure.value is None else float(figure.number()) for figure in figures)
    if x is None or y is None:
        raise node.error("x and y of a box are numbers")
    width, height = size or (None, None)
    return Box(x=x, y=y, width=width, height=height)


def write_test_cases(cases: tuple[TestCase, ...], model: str, addresses: Addresses) -> dict[str, Any]:
    """The entries of `test cases:`."""
    return {case.name: _write_case(case, derived_id(model, "", "", case.name), addresses) for case in cases}


def _write_case(case: TestCase, derived: str, addresses: Addresses) -> dict[str, Any]:
    document: dict[str, Any] = {"id": case.id} if case.id != derived else {}
    if case.description:
        document["description"] = case.description
    document["steps"] = [_write_step(step, addresses) for step in case.steps]
    if case.parameters:
        document["with"] = _write_values(case.parameters)
    for key, text in (("origin", case.origin), ("external id", case.external_id)):
        if text:
            document[key] = text
    if case.tags:
        document["tags"] = list(case.tags)
    return document | write_extras(case.extras)


def _write_step(step: TestCaseStep, addresses: Addresses) -> Any:
    document: dict[str, Any] = {"action": addresses.of_action(step.action)}
    if step.parameters:
        document["with"] = _write_values(step.parameters)
    if step.requirements:
        document["requirements"] = list(step.requirements)
    if step.sub_model_test_case is not None:
        document["test case"] = step.sub_model_test_case
    document |= write_extras(step.extras)
    return document["action"] if len(document) == 1 else document


def _write_values(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: values[name] for name in sorted(values)}


def write_layout(layout: Mapping[str, Box], addresses: Addresses) -> dict[str, Any]:
    """The entries of `layout:`, by name, so that moving one box changes one line."""
    entries = {addresses.of_element(element_id): _write_box(box) for element_id, box in layout.items()}
    return {name: entries[name] for name in sorted(entries)}


def _write_box(box: Box) -> list[int | float | None]:
    figures = [box.x, box.y] if box.width is None and box.height is None else [box.x, box.y, box.width, box.height]
    return [int(figure) if figure is not None and figure == int(figure) else figure for figure in figures]
