"""What an edit is, and how one is read from JSON: the words of the REST API, of the editing pages and of a draft's history.

`applying.py` makes a model of a model and an edit. An element is named by its id or as findings name it (`Results`, `Results/add`,
`anywhere/go home`, `test case/Buy a book`); the model itself is the empty text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from melanzana.errors import RequestError
from melanzana.graph.formats.node import closest
from melanzana.graph.limits import MAX_NAME
from melanzana.graph.model import Model


class Op(StrEnum):
    """What an edit does."""

    ADD_STATE = "add_state"  #: `name`, and perhaps `fields`
    ADD_ACTION = "add_action"  #: `name` in the state `element`, or `anywhere`; perhaps `fields`
    ADD_CASE = "add_case"  #: a test case `name`; `fields` hold its steps
    CHANGE = "change"  #: `fields` of `element`
    RENAME = "rename"  #: `element` is called `name`
    DELETE = "delete"  #: `element`, and what leads to it
    DUPLICATE = "duplicate"  #: `element`, as `name` or under a name that is free
    CONNECT = "connect"  #: the action `element` leads to `target`, too
    DISCONNECT = "disconnect"  #: the action `element` leads to `target` no longer
    START = "start"  #: a run begins in the state `element`


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One gesture. What an operation does not need stays empty."""

    op: Op
    element: str = ""
    name: str = ""
    target: str = ""  #: a state or a sequent action by id or name, or one of `exit`, `error`, `cleanup`
    fields: Mapping[str, Any] = field(default_factory=dict)  #: in words and values of the text format; None takes a field away


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What an edit led to."""

    model: Model
    sentence: str  #: what was done, for the history: `added state 'Basket'`
    element: str = ""  #: id of what is worth looking at now; empty: the model


def edit_from_json(value: Any) -> Edit:
    """The edit in a JSON object. Errors: RequestError naming the field."""
    if not isinstance(value, Mapping):
        raise RequestError("an edit is an object such as {op: add_state, name: Basket}", field="edits")
    op = value.get("op")
    if op not in set(Op):
        raise RequestError(f"op is one of {', '.join(Op)}", field="op", suggestion=closest(str(op), Op))
    if unknown := [key for key in value if key not in Edit.__dataclass_fields__]:
        raise RequestError(f"an edit has no {str(unknown[0])[:80]!r}; it has {', '.join(Edit.__dataclass_fields__)}", field="edits")
    texts = {key: value[key] for key in ("element", "name", "target") if value.get(key) is not None}
    for key, text in texts.items():
        if not isinstance(text, str) or len(text) > 3 * MAX_NAME:
            raise RequestError(f"{key} must be text", field=key)
    fields = value.get("fields") or {}
    if not isinstance(fields, Mapping):
        raise RequestError("fields must be an object, such as {when: basket < 5}", field="fields")
    return Edit(op=Op(op), fields=dict(fields), **texts)


def require_name(name: str) -> str:
    """A name that an element may have. Errors: RequestError."""
    if not name.strip():
        raise RequestError("a name is missing: say what it is called", field="name")
    if len(name) > MAX_NAME or not name.isprintable():
        raise RequestError(f"a name is one line of at most {MAX_NAME} characters", field="name")
    return name.strip()
