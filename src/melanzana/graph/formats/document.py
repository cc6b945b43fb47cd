"""The text format as a plain, JSON-able document, and what identifies a model's logic.

`text.py` reads and writes it as YAML; `executions/` freezes it in the snapshot; `catalog/` stores it. Maps keep the order of
the model, because the order of states and actions decides which path a seed gives: store the document as JSON text, in this
order.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from melanzana.errors import InvalidModelError
from melanzana.graph.formats.action_document import TargetNames, write_actions
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.formats.call_document import write_snippets
from melanzana.graph.formats.case_document import write_layout, write_test_cases
from melanzana.graph.formats.document_reader import read_document
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.formats.plain import write_extras
from melanzana.graph.formats.variable_document import write_variables
from melanzana.graph.model import Model, State, StateKind, derived_id


def from_document(document: Mapping[str, Any]) -> Model:
    """The model of a document. Errors: `FormatError` with `path` (a JSON pointer) and `suggestion`, `LimitError`."""
    return read_document(document).model


def to_document(model: Model) -> dict[str, Any]:
    """The document of a model; `from_document` gives back an equal model.

    Errors: `InvalidModelError` for what names cannot express: equal names, a target that does not exist, no start state.
    """
    _require_names(model)
    addresses = Addresses(model.states, model.global_actions)
    document: dict[str, Any] = {"model": model.name}
    if model.id != derived_id(model.name):
        document["id"] = model.id
    document |= {key: text for key, text in (("description", model.description), ("suite", model.suite)) if text}
    if model.tags:
        document["tags"] = list(model.tags)
    document["start"] = next(state.name for state in model.states if state.kind is StateKind.START)
    document |= _write_flags(model)
    if model.parameters:
        document["variables"] = write_variables(model.parameters)
    document |= _write_graph(model)
    if model.test_cases:
        document["test cases"] = write_test_cases(model.test_cases, model.name, addresses)
    document |= write_extras(model.extras)
    if model.layout:
        document["layout"] = write_layout(model.layout, addresses)
    return document


def logic_hash(model: Model) -> str:
    """SHA-256, in hex, of the document without its layout: models with equal hashes give equal paths."""
    document = to_document(model)
    document.pop("layout", None)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _require_names(model: Model) -> None:
    kinds = [state.kind for state in model.states]
    if kinds.count(StateKind.START) != 1:
        raise InvalidModelError("the model cannot be written: it must have exactly one start state")
    if any(kinds.count(kind) > 1 for kind in SPECIAL_STATES):
        raise InvalidModelError("the model cannot be written: it has two states of one special kind")
    if len({state.name for state in model.states}) < len(model.states):
        raise InvalidModelError("the model cannot be written: two states have the same name")
    if len({case.name for case in model.test_cases}) < len(model.test_cases):
        raise InvalidModelError("the model cannot be written: two test cases have the same name")


def _write_flags(model: Model) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if model.run_cleanup_after_abort:
        document["run cleanup after abort"] = True
    if not model.global_actions_in_start:
        document["global actions in start"] = False
    return document


def _write_graph(model: Model) -> dict[str, Any]:
    """`states`, `anywhere`, and the special states: in sections of their own when they stand last and in the usual order."""
    names = TargetNames(model.states)
    order = [kind for kind in SPECIAL_STATES if any(state.kind is kind for state in model.states)]
    tail = [state.kind for state in model.states[len(model.states) - len(order) :]]
    sections = tail == order
    states: dict[str, Any] = {}
    special: dict[str, Any] = {}
    for state in model.states:
        written = _write_state(state, model.name, names, section=sections)
        if sections and state.kind in SPECIAL_STATES:
            special[state.kind] = written
        else:
            states[state.name] = written
    document: dict[str, Any] = {"states": states}
    if model.global_actions:
        document["anywhere"] = write_actions(model.global_actions, "", model.name, names)
    return document | {str(kind): written for kind, written in special.items() if written or kind not in names.used}


def _write_state(state: State, model: str, names: TargetNames, *, section: bool) -> dict[str, Any]:
    special = state.kind in SPECIAL_STATES
    document: dict[str, Any] = {}
    if state.id != derived_id(model, state.name):
        document["id"] = state.id
    if special and section and state.name != SPECIAL_STATES[state.kind]:
        document = {"name": state.name} | document
    if special and not section:
        document["kind"] = str(state.kind)
    if state.shared:
        document["shared"] = state.shared
    if state.description:
        document["description"] = state.description
    document |= write_snippets(state.snippets, "do" if special else "check")
    if state.parameters:
        document["variables"] = write_variables(state.parameters)
    for key, texts in (("requirements", state.requirements), ("tags", state.tags)):
        if texts:
            document[key] = list(texts)
    if state.actions:
        document["actions"] = write_actions(state.actions, state.name, model, names)
    return document | write_extras(state.extras)
