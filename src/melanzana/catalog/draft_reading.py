"""A draft as it lies in the database, and what is said to those who saw another state of it. `catalog/drafts.py` changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from melanzana.catalog import store_drafts as store
from melanzana.catalog.draft_records import Draft, DraftRow
from melanzana.catalog.records import ModelEntry, ModelVersion
from melanzana.errors import RequestError, StaleEditError
from melanzana.graph.formats.document import from_document, logic_hash
from melanzana.graph.model import Box, Model

ANY = "*"  #: whatever the state is


def is_unchanged(draft: Draft, version: ModelVersion) -> bool:
    """Would publishing the draft change nothing? Slow for large models."""
    return not draft.is_open or logic_hash(draft.model) == version.model_hash


def read_draft(tx: Connection, entry: ModelEntry, version: ModelVersion | None) -> Draft:
    """`version` is needed where no draft is open."""
    row, layout = store.find_draft(tx, entry.id), store.find_layout(tx, entry.id)
    gesture = store.find_gesture(tx, entry.id, row.position) if row is not None and row.position else None
    if row is None or gesture is None:
        assert version is not None
        model = from_document(version.document)
        boxes = boxes_of(layout.boxes) if layout is not None else model.layout
        return Draft(
            entry=entry,
            model=replace(model, layout={}),
            boxes=boxes,
            base_version=version.version,
            revision=row.revision if row is not None else 0,
            position=0,
            is_open=False,
            changed_at=entry.updated_at,
            changed_by=entry.updated_by,
        )
    before, behind = store.neighbours(tx, entry.id, row.position)
    return Draft(
        entry=entry,
        model=from_document(gesture.document),
        boxes=boxes_of(gesture.boxes),
        base_version=row.base_version,
        revision=row.revision,
        position=row.position,
        is_open=True,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        undoes=gesture.sentence if before is not None else "",
        redoes=behind[1] if behind is not None else "",
        element=gesture.element,
    )


def boxes_of(kept: Mapping[str, Sequence[float]]) -> dict[str, Box]:
    return {own: Box(x=place[0], y=place[1]) for own, place in kept.items()}


def row_of(draft: Draft) -> DraftRow:
    return DraftRow(
        model_id=draft.entry.id,
        base_version=draft.base_version,
        revision=draft.revision,
        position=draft.position,
        changed_at=draft.changed_at,
        changed_by=draft.changed_by,
    )


def expect(draft: Draft, seen: str) -> Draft:
    if seen not in (ANY, draft.tag):
        raise changed(draft)
    return draft


def changed(draft: Draft) -> StaleEditError:
    when = draft.changed_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    message = (
        f"{draft.changed_by or 'somebody'} changed the model at {when}, after you read it: read it again and repeat the change"
    )
    detail = {"changed_by": draft.changed_by, "changed_at": draft.changed_at.isoformat(), "etag": f'"{draft.tag}"'}
    return StaleEditError(message, field="If-Match", **detail)


def newer(draft: Draft) -> StaleEditError:
    entry = draft.entry
    message = (
        f"{entry.updated_by or 'somebody'} made version {entry.version} since this draft began from version {draft.base_version}: "
        "look at the difference, then publish over it or discard the draft"
    )
    detail = {"changed_by": entry.updated_by, "changed_at": entry.updated_at.isoformat(), "etag": f'"{draft.tag}"'}
    return StaleEditError(message, field="base_version", **detail)


def require_boxes(boxes: Mapping[str, Box], model: Model) -> Mapping[str, Box]:
    """Boxes of elements that there are. Errors: RequestError."""
    known = {state.id for state in model.states} | {action.id for _, action in model.actions()} | {"anywhere"}
    if unknown := [own for own in boxes if own not in known]:
        raise RequestError(f"the model has no element {unknown[0][:80]!r}", field="boxes")
    return boxes
