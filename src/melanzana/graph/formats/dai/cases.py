"""DAI test cases: the list of an export, and the text patterns of older models.

A pattern `State "A", State "B"` demands that a run passes A and then B. It becomes a test case when exactly one chain of
actions does that, each state one action after the other; else it is kept as it is and said so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from melanzana.graph.formats.dai import words
from melanzana.graph.formats.dai.parameters import unknown_fields
from melanzana.graph.formats.node import Node
from melanzana.graph.model import Model, Scalar, TestCase, TestCaseStep, derived_id
from melanzana.graph.routes import Routes, Spot

_TERM = re.compile(r'\s*(State|Action)\s+"([^"]*)"\s*(,|$)')
_USUAL = {"type": "DIRECTED", "ignore_in_test_config": False}
_STEP_FIELDS = ("id", "display_index")


def read_case(node: Node, model: Model) -> TestCase:
    """One test case of an export; its steps may name actions that are gone."""
    extras = unknown_fields(node, words.TEST_CASE)
    extras = {key: value for key, value in extras.items() if _USUAL.get(key) != value or key not in _USUAL}
    tags = node.get("tags")
    names = tuple(_tag_name(tag) for tag in tags.elements())
    if tags.value and tags.value != _write_tags(names):
        extras["tags"] = tags.value
    if node.get("model_id").value not in (None, model.id):
        extras["model_id"] = node.get("model_id").value
    name = node.get("name").text()
    return TestCase(
        id=node.get("id").text() or derived_id(model.name, "", "", name),
        name=name,
        steps=tuple(_read_step(step) for step in node.get("steps").elements()),
        description=node.get("description").text(),
        origin=node.get("origin").text(),
        external_id=node.get("external_id").text(),
        tags=names,
        extras=extras,
    )


def _tag_name(node: Node) -> str:
    return node.value if isinstance(node.value, str) else node.get("name").text()


def _kept_name(tag: Any) -> Any:
    return tag.get("name") if isinstance(tag, dict) else tag


def _read_step(node: Node) -> TestCaseStep:
    extras = unknown_fields(node, words.STEP)
    extras |= {key: node.get(key).value for key in _STEP_FIELDS if node.get(key).value is not None}
    values = _read_values(node.get("parameters"))
    if values is None:
        extras["parameters"] = node.get("parameters").value
    sub_case = node.get("submodel_test_case_id")
    action = node.get("action_id").value
    requirements = node.get("requirements")
    names = _requirement_names(requirements)
    if requirements.value and list(names) != requirements.value:
        extras["requirements"] = requirements.value
    return TestCaseStep(
        action=str(action) if isinstance(action, int) else node.get("action_id").required_text(),
        parameters=values or {},
        requirements=names,
        sub_model_test_case=None if sub_case.value is None else str(sub_case.value),
        extras=extras,
    )


def _requirement_names(node: Node) -> tuple[str, ...]:
    found = [
        item.value if isinstance(item.value, str) else str(item.value)
        for item in node.elements()
        if isinstance(item.value, str | int)
    ]
    return tuple(found)


def _read_values(node: Node) -> Mapping[str, Scalar] | None:
    """None when the list is not one of names and values."""
    found: dict[str, Scalar] = {}
    for item in node.elements():
        entry = item.value if isinstance(item.value, dict) else {}
        if (
            entry.keys() != {"name", "value"}
            or not isinstance(entry["name"], str)
            or not isinstance(entry["value"], bool | int | float | str)
        ):
            return None
        found[entry["name"]] = entry["value"]
    return found


def write_case(case: TestCase, model: Model) -> dict[str, Any]:
    """One test case as an export has it."""
    kept = {key: value for key, value in case.extras.items() if key not in words.TEST_CASE}
    tags = case.extras.get("tags")
    if not isinstance(tags, list) or [_kept_name(tag) for tag in tags] != list(case.tags):
        tags = _write_tags(case.tags)
    return {
        "id": case.id,
        "model_id": case.extras.get("model_id", model.id),
        "name": case.name,
        "description": case.description,
        "origin": case.origin,
        "external_id": case.external_id,
        "tags": tags,
        **_USUAL,
        "steps": [_write_step(step) for step in case.steps],
        **kept,
    }


def _write_tags(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name, "color": ""} for name in names]


def _write_step(step: TestCaseStep) -> dict[str, Any]:
    kept = {key: value for key, value in step.extras.items() if key not in words.STEP or key in _STEP_FIELDS}
    if not step.parameters and isinstance(step.extras.get("parameters"), list):
        kept["parameters"] = step.extras["parameters"]
    if (
        isinstance(step.extras.get("requirements"), list)
        and _requirement_names(Node(step.extras["requirements"])) == step.requirements
    ):
        kept["requirements"] = step.extras["requirements"]
    return {
        "id": None,
        "action_id": step.action,
        "submodel_test_case_id": step.sub_model_test_case,
        "parameters": [{"name": name, "value": step.parameters[name]} for name in sorted(step.parameters)],
        "requirements": list(step.requirements) or None,
        "display_index": None,
        **kept,
    }


@dataclass(frozen=True, slots=True)
class _Way:
    """One chain of actions that fits the pattern so far."""

    spot: Spot
    steps: tuple[str, ...] = ()


def read_pattern(node: Node, model: Model, routes: Routes) -> TestCase | None:
    """The test case that a text pattern means, if it means exactly one chain of actions."""
    steps = _chain(node.get("testcase").text(), model, routes)
    if not steps:
        return None
    name = node.get("testcaseName").text()
    return TestCase(
        id=derived_id(model.name, "", "", name),
        name=name,
        steps=tuple(TestCaseStep(action=action) for action in steps),
        description=node.get("testcaseDescription").text(),
        origin=node.get("testcaseOrigin").text(),
        external_id=node.get("testcaseExternalID").text(),
        tags=tuple(tag.strip() for tag in node.get("testcaseTags").text().split(",") if tag.strip()),
        extras={"pattern": node.value},
    )


def _chain(pattern: str, model: Model, routes: Routes) -> tuple[str, ...]:
    ways = [_Way(spot) for spot in routes.start()]
    position = 0
    while position < len(pattern):
        term = _TERM.match(pattern, position)
        if term is None:
            return ()
        position = term.end()
        kind, name = term.group(1), term.group(2)
        if (
            kind == "State"
            and position == term.end()
            and ways
            and not ways[0].steps
            and routes.states[ways[0].spot.state].name == name
        ):
            continue
        ways = [longer for way in ways for longer in _extended(way, kind, name, model, routes)]
        if len(ways) != 1:
            return ()
    return ways[0].steps if ways else ()


def _extended(way: _Way, kind: str, name: str, model: Model, routes: Routes) -> list[_Way]:
    found = []
    for _, action in model.actions():
        for spot in routes.after([way.spot], action.id):
            fits = action.name == name if kind == "Action" else routes.states[spot.state].name == name and spot.pending is None
            if fits:
                found.append(_Way(spot, (*way.steps, action.id)))
    return found
