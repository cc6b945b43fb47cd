"""Fields of an element, changed in words of the text format: its piece of the document is written, changed and read again.

So whatever the text format can say can be edited, it is refused with the same sentences, and what is kept is what a text would have
said. Errors: `FormatError` with the place in `path`, `RequestError` for a field that the element has not got.
"""

from collections.abc import Mapping
from typing import Any

from melanzana.errors import FormatError, RequestError
from melanzana.graph.editing.finding import Place
from melanzana.graph.formats import keys
from melanzana.graph.formats.addresses import ANYWHERE
from melanzana.graph.formats.document import from_document, to_document
from melanzana.graph.formats.node import closest
from melanzana.graph.model import Model, State

_FIELDS = {
    "model": ("description", "suite", "tags", "variables", "run cleanup after abort", "global actions in start"),
    "state": ("description", "shared", "check", "do", "with", "save", "variables", "requirements", "tags"),
    "action": tuple(key for key in keys.ACTION if key not in ("id", "extras")),
    "test case": tuple(key for key in keys.TEST_CASE if key not in ("id", "extras")),
}
_CALLS = ("check", "do")


def with_fields(model: Model, place: Place, fields: Mapping[str, Any]) -> Model:
    """The model in which the element says `fields`; None takes one away."""
    known = _FIELDS[place.kind]
    for key in fields:
        if key not in known:
            what = f"a {place.kind} has no field {key[:80]!r}: it has {', '.join(known)}"
            raise RequestError(what, field=key[:80], suggestion=closest(key, known))
    document = to_document(model)
    _merge(_piece(document, place), fields)
    try:
        return from_document(document)
    except FormatError as error:
        error.detail["field"] = _field(str(error.detail.get("path", "")), fields)
        raise


def fields_of(model: Model, place: Place) -> dict[str, Any]:
    """What the element says now, by field, in words and values of the text format."""
    piece = _piece(to_document(model), place)
    return {key: piece[key] for key in _FIELDS[place.kind] if key in piece}


def _merge(piece: dict[str, Any], fields: Mapping[str, Any]) -> None:
    if any(word in fields for word in _CALLS):
        for word in _CALLS:
            piece.pop(word, None)
    for key, value in fields.items():
        if value is None or value in ("", [], {}):
            piece.pop(key, None)
        else:
            piece[key] = value
    if not any(word in piece for word in _CALLS):
        for word in ("with", "save"):
            if word not in fields:
                piece.pop(word, None)


def _piece(document: dict[str, Any], place: Place) -> dict[str, Any]:
    """The map that says the element, in the document itself."""
    if place.action is not None:
        owner = document if place.state is None else _state_piece(document, place.state)
        return _long(owner[ANYWHERE if place.state is None else "actions"], place.name, "to")
    if place.case is not None:
        return _long(document["test cases"], place.name, "steps")
    return document if place.state is None else _state_piece(document, place.state)


def _state_piece(document: dict[str, Any], state: State) -> dict[str, Any]:
    """A special state may stand in a section of its own, or nowhere when only a target asks for it."""
    if state.name in document["states"]:
        return _long(document["states"], state.name, "")
    piece: dict[str, Any] = document.setdefault(str(state.kind), {})
    return piece


def _long(entries: dict[str, Any], name: str, key: str) -> dict[str, Any]:
    value = entries[name]
    if not isinstance(value, dict):
        value = entries[name] = {} if value is None else {key: value}
    found: dict[str, Any] = value
    return found


def _field(path: str, fields: Mapping[str, Any]) -> str:
    """The field that an error is about: the last of `fields` on the way to it."""
    names = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
    return next((name for name in reversed(names) if name in fields), next(iter(fields), ""))
