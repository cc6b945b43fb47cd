"""The label grammar of graph drawings: yEd's GraphML and DOT files write a whole element into its label.

A vertex: `name`, then `SHARED:name`, `REQTAG=a,b`, `INIT:x=1;`, `BLOCKED`, `/* description */`. An edge: `name [guard] / action;
action;`, then `REQTAG=`, `WEIGHT=`, `BLOCKED`. What is read here becomes an element of a GraphWalker document, and its reader does
the rest.
"""

import re
from dataclasses import dataclass, field
from typing import Any

_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_FIELD = {
    "requirements": re.compile(r"\bREQTAG\s*[=:]\s*([^\n]*)"),
    "weight": re.compile(r"\bweight\s*[=:]\s*([\d.]+)", re.IGNORECASE),
    "dependency": re.compile(r"\bDEPENDENCY\s*[=:]\s*(\d+)"),
    "shared": re.compile(r"\bSHARED\s*:\s*([\w$.\-]+)"),
    "initial": re.compile(r"\bINIT\s*:\s*([^\n]*)"),
    "degree": re.compile(r"\b(?:IN|OUT)DEGREE\s*[=:]\s*([^\n]*)"),
}
_BLOCKED = re.compile(r"\bBLOCKED\b")


@dataclass(slots=True)
class Label:
    """What one label says."""

    name: str
    blocked: bool
    initial: list[str] = field(default_factory=list)  #: JavaScript that sets variables before the first step
    element: dict[str, Any] = field(default_factory=dict)  #: fields of a GraphWalker vertex or edge


def read_vertex(label: str) -> Label:
    """A vertex's label."""
    rest, found = _fields(label)
    element: dict[str, Any] = {"name": " ".join(rest.split()), **_shared_fields(found)}
    if shared := found.get("shared"):
        element["sharedState"] = shared
    return Label(element["name"], bool(_BLOCKED.search(label)), _statements(found.get("initial", "")), element)


def read_edge(label: str) -> Label:
    """An edge's label. A guard may hold brackets of its own."""
    text, found = _fields(label)
    name, guard, actions = _divided(text)
    element: dict[str, Any] = {"name": " ".join(name.split()), **_shared_fields(found)}
    if guard.strip():
        element["guard"] = guard.strip()
    if statements := _statements(actions):
        element["actions"] = statements
    if weight := found.get("weight"):
        element["weight"] = float(weight)
    return Label(element["name"], bool(_BLOCKED.search(label)), element=element)


def _fields(label: str) -> tuple[str, dict[str, str]]:
    """The label without its fields, and the fields by name."""
    found: dict[str, str] = {}
    if comment := _COMMENT.search(label):
        found["description"] = " ".join(comment.group(1).split())
    text = _COMMENT.sub(" ", label)
    for name, pattern in _FIELD.items():
        if match := pattern.search(text):
            found[name] = match.group(1).strip()
            text = pattern.sub(" ", text)
    return _BLOCKED.sub(" ", text), found


def _shared_fields(found: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if tags := [tag.strip() for tag in found.get("requirements", "").split(",") if tag.strip()]:
        fields["requirements"] = tags
    if description := found.get("description"):
        fields["properties"] = {"description": description}
    return fields


def _divided(text: str) -> tuple[str, str, str]:
    """Name, guard and actions of `name [guard] / actions`."""
    opening, slash = text.find("["), text.find("/")
    if opening < 0 or 0 <= slash < opening:
        name, _, actions = text.partition("/")
        return name, "", actions
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "[") - (text[place] == "]")
        if depth == 0:
            return text[:opening], text[opening + 1 : place], text[place + 1 :].partition("/")[2]
    return text[:opening], text[opening + 1 :], ""


def _statements(text: str) -> list[str]:
    return [f"{part.strip()};" for part in text.split(";") if part.strip()]
