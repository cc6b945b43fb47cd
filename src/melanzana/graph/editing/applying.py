"""From a model and an edit to the next model: the one door of this package.

Pure, and in time proportional to the model. What comes out can be written as text and read again as the same model; it may break
rules (`graph/validation.py` says which), since a drawing is not finished while it is drawn.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from melanzana.errors import RequestError
from melanzana.graph.editing.edits import Edit, Edited, Op, require_name
from melanzana.graph.editing.fields import with_fields
from melanzana.graph.editing.finding import find
from melanzana.graph.editing.identity import free_id
from melanzana.graph.editing.removing import delete, duplicate
from melanzana.graph.editing.structure import add_action, add_state, connect, disconnect, rename, start
from melanzana.graph.model import Model, TestCase


def apply(model: Model, edit: Edit) -> Edited:
    """The model after the edit.

    Errors: RequestError and NotFoundError about the edit, FormatError about a field (`detail["field"]`), LimitError.
    """
    return _APPLIED[edit.op](model, edit)


def apply_all(model: Model, edits: Iterable[Edit]) -> Edited:
    """Several edits as one gesture: all of them or none. Its sentence joins theirs.

    Its element is the last one's, but what is connected only stands behind what was made.
    """
    told, element = [], ""
    for edit in edits:
        edited = apply(model, edit)
        model = edited.model
        element = element if element and edit.op is Op.CONNECT else edited.element
        told += [edited.sentence] if edited.sentence else []
    return Edited(model=model, sentence="; ".join(told), element=element)


def _change(model: Model, edit: Edit) -> Edited:
    place = find(model, edit.element)
    changed = with_fields(model, place, edit.fields)
    if changed == model:
        return Edited(model=model, sentence="", element=place.id)
    name = place.name or model.name
    told = ", ".join(edit.fields) if len(edit.fields) <= 3 else "several fields"
    return Edited(model=changed, sentence=f"changed {told} of {place.kind} '{name}'", element=place.id)


def _add_case(model: Model, edit: Edit) -> Edited:
    name = require_name(edit.name)
    if any(case.name == name for case in model.test_cases):
        raise RequestError(f"there is a test case '{name}' already", field="name")
    own = free_id(model, model.name, "", "", name)
    grown = replace(model, test_cases=(*model.test_cases, TestCase(id=own, name=name, steps=())))
    return Edited(model=with_fields(grown, find(grown, own), edit.fields), sentence=f"added test case '{name}'", element=own)


_APPLIED: dict[Op, Callable[[Model, Edit], Edited]] = {
    Op.ADD_STATE: add_state,
    Op.ADD_ACTION: add_action,
    Op.ADD_CASE: _add_case,
    Op.CHANGE: _change,
    Op.RENAME: rename,
    Op.DELETE: delete,
    Op.DUPLICATE: duplicate,
    Op.CONNECT: connect,
    Op.DISCONNECT: disconnect,
    Op.START: start,
}
