"""Models while they are edited: one draft a model, made by gestures that can be taken back, until it is published as a version.

A draft begins with the first gesture, from the newest version; it may break rules that a version must keep. Who changes it says
which state they saw (`Draft.tag`); a gesture on another state is refused with who changed it and when (ADR 0041). Where elements
are drawn is kept beside the model, no part of any version. Applying gestures is work for a thread, writing one guarded update.

Callers: `catalog/draft_api.py`, `catalog/case_api.py`, the editing pages of `reports/`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from melanzana.catalog import store_drafts as store
from melanzana.catalog.checking import checked
from melanzana.catalog.draft_reading import boxes_of, changed, expect, newer, read_draft, row_of
from melanzana.catalog.draft_records import Draft, DraftRow, Gesture, LayoutRow, Published
from melanzana.catalog.records import ModelEntry, Saved, Upload
from melanzana.catalog.service import CatalogService, ModelRef
from melanzana.clock import Clock
from melanzana.errors import ConflictError, MelanzanaError
from melanzana.graph.editing.applying import apply_all
from melanzana.graph.editing.edits import Edit, Edited
from melanzana.graph.formats.document import from_document, to_document
from melanzana.graph.model import Box, Model
from melanzana.storage.database import Database

#: Gestures that can be taken back.
KEPT_GESTURES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a gesture makes of a draft."""

    edited: Edited
    boxes: Mapping[str, Box]
    by: str
    base: int | None = None  #: the version that the draft is based on from now on; None: as before


class DraftService:
    """The drafts of one server's models."""

    def __init__(self, database: Database, clock: Clock, catalog: CatalogService) -> None:
        self._database = database
        self._clock = clock
        self._catalog = catalog

    async def read(self, realm: str, ref: ModelRef) -> Draft:
        """The draft, or the newest version as one. Raises NotFoundError."""
        entry, version = await self._catalog.current(realm, ref)
        return await self._database.read(lambda tx: read_draft(tx, entry, version))

    async def boxes(self, entry: ModelEntry) -> Mapping[str, Box]:
        """Where somebody put the elements of a model, by id, whatever version is shown; nothing where nobody did."""
        row = await self._database.read(lambda tx: store.find_layout(tx, entry.id))
        return boxes_of(row.boxes) if row is not None else {}

    async def edit(
        self,
        realm: str,
        ref: ModelRef,
        edits: Sequence[Edit],
        by: str,
        seen: str,
        *,
        boxes: Mapping[str, Box] | None = None,
        at: Box | None = None,
    ) -> Draft:
        """All edits as one gesture. `boxes`: where the editor saw the elements; `at`: where the edited one is drawn from now on.

        Raises what `apply_all` raises, NotFoundError, StaleEditError.
        """
        draft = expect(await self.read(realm, ref), seen)
        drawn = {**draft.boxes, **(boxes or {})}
        edited = await asyncio.to_thread(lambda: apply_all(_laid_out(draft.model, drawn), edits))
        if not edited.sentence:
            return replace(draft, element=edited.element)
        drawn |= edited.model.layout
        if at is not None and edited.element:
            drawn[edited.element] = at
        change = _Change(edited=edited, boxes=drawn, by=by)
        return await self._database.write(lambda tx: self._add(tx, draft, change))

    async def replace_model(self, realm: str, ref: ModelRef, model: Model, by: str, seen: str) -> Draft:
        """The whole model at once, as one gesture; it stays the same model, with its own id."""
        draft = expect(await self.read(realm, ref), seen)
        edited = Edited(model=replace(model, id=draft.model.id), sentence="replaced the whole model")
        change = _Change(edited=edited, boxes={**draft.boxes, **model.layout}, by=by)
        return await self._database.write(lambda tx: self._add(tx, draft, change))

    async def move(self, realm: str, ref: ModelRef, boxes: Mapping[str, Box], by: str, seen: str) -> Draft:
        """Draw these elements elsewhere; all others stay. No part of the model, and yet a gesture that can be taken back."""
        draft = expect(await self.read(realm, ref), seen)
        names = {state.id: state.name for state in draft.model.states}
        told = f"moved '{names.get(next(iter(boxes)), 'a card')}'" if len(boxes) == 1 else f"moved {len(boxes)} cards"
        element = next(iter(boxes), "") if len(boxes) == 1 else ""
        edited = Edited(model=draft.model, sentence=told, element=element if element in names else "")
        change = _Change(edited=edited, boxes={**draft.boxes, **boxes}, by=by)
        return await self._database.write(lambda tx: self._add(tx, draft, change))

    async def tidy(self, realm: str, ref: ModelRef, by: str, seen: str) -> Draft:
        """Forget where elements were drawn: they lie as the picture arranges them."""
        draft = expect(await self.read(realm, ref), seen)
        edited = Edited(model=draft.model, sentence="arranged all cards anew")
        change = _Change(edited=edited, boxes={}, by=by)
        return await self._database.write(lambda tx: self._add(tx, draft, change))

    async def undo(self, realm: str, ref: ModelRef, by: str, seen: str) -> Draft:
        """Exactly what was before the last gesture. Raises ConflictError when there is none."""
        draft = expect(await self.read(realm, ref), seen)
        return await self._database.write(lambda tx: self._step(tx, draft, by, back=True))

    async def redo(self, realm: str, ref: ModelRef, by: str, seen: str) -> Draft:
        """What the last undo took back. Raises ConflictError when there is none."""
        draft = expect(await self.read(realm, ref), seen)
        return await self._database.write(lambda tx: self._step(tx, draft, by, back=False))

    async def discard(self, realm: str, ref: ModelRef, by: str, seen: str) -> Draft:
        """Back to the newest version; the layout stays."""
        draft = expect(await self.read(realm, ref), seen)
        if not draft.is_open:
            return draft
        await self._database.write(lambda tx: self._close(tx, draft, by))
        return await self.read(realm, ref)

    async def publish(self, realm: str, ref: ModelRef, by: str, seen: str, *, over: bool = False) -> Published:
        """Make the draft the newest version; `over`: also when another one was made since it began.

        Raises InvalidModelError with every rule that it breaks, StaleEditError.
        """
        draft = expect(await self.read(realm, ref), seen)
        if draft.is_behind and not over:
            raise newer(draft)
        upload = await asyncio.to_thread(checked, draft.model)
        saved = await self._database.write(lambda tx: self._publish(tx, draft, upload, by))
        return Published(saved=saved, draft=await self.read(realm, ref))

    async def edit_newest(
        self, realm: str, ref: ModelRef, edits: Sequence[Edit], by: str, expected_revision: int | None = None
    ) -> tuple[Saved, str]:
        """Edit the newest version into the next one, without a draft; returns the id of the element, too.

        An open draft gets the same edit, if it can be made there. Raises what `apply_all` raises, InvalidModelError, ConflictError.
        """
        entry, version = await self._catalog.current(realm, ref)
        if expected_revision is not None and entry.revision != expected_revision:
            raise ConflictError("the model was changed meanwhile; read it again and repeat the change", state=entry.revision)
        edited = await asyncio.to_thread(lambda: apply_all(from_document(version.document), edits))
        upload = await asyncio.to_thread(checked, edited.model)
        draft = await self._database.read(lambda tx: read_draft(tx, entry, version))
        beside = await asyncio.to_thread(_also, draft, edits)

        def change(tx: Connection) -> Saved:
            saved = self._catalog.save_within(tx, realm, upload, by, entry.revision)
            if beside is not None and saved.created:
                self._add(tx, draft, _Change(edited=beside, boxes=draft.boxes, by=by, base=saved.version.version))
            return saved

        saved = await self._database.write(change)
        return saved, edited.element

    async def at(self, realm: str, ref: ModelRef, position: int) -> Model | None:
        """The draft as it was after the gesture of that number; None when it is not kept any longer."""
        entry = await self._catalog.get(realm, ref)
        gesture = await self._database.read(lambda tx: store.find_gesture(tx, entry.id, position))
        return None if gesture is None else await asyncio.to_thread(from_document, gesture.document)

    # ---- inside one transaction

    def _add(self, tx: Connection, draft: Draft, change: _Change) -> Draft:
        if not draft.is_open:
            draft = self._open(tx, draft, change.by)
        number = draft.revision + 1
        base = change.base or draft.base_version
        self._write(tx, draft, replace(row_of(draft), base_version=base, revision=number, position=number), change.by)
        store.delete_gestures(tx, draft.entry.id, draft.position)
        self._keep(tx, draft, number, change)
        self._place(tx, draft, change.boxes, change.by)
        entry = draft.entry if change.base is None else replace(draft.entry, version=change.base)
        return read_draft(tx, entry, None)

    def _open(self, tx: Connection, draft: Draft, by: str) -> Draft:
        """A draft with where it begins as its first gesture."""
        number = draft.revision + 1
        row = replace(row_of(draft), revision=number, position=number)
        if store.find_draft(tx, draft.entry.id) is not None:
            self._write(tx, draft, row, by)
        else:
            store.insert_draft(tx, replace(row, changed_at=self._clock.now(), changed_by=by))
        began = Edited(model=draft.model, sentence=f"began from version {draft.base_version}")
        self._keep(tx, draft, number, _Change(edited=began, boxes=draft.boxes, by=by))
        return replace(draft, revision=number, position=number, is_open=True)

    def _step(self, tx: Connection, draft: Draft, by: str, *, back: bool) -> Draft:
        before, behind = store.neighbours(tx, draft.entry.id, draft.position)
        number = before if back else behind and behind[0]
        if number is None or not draft.is_open:
            raise ConflictError("there is nothing to take back" if back else "nothing was taken back", field="draft")
        self._write(tx, draft, replace(row_of(draft), revision=draft.revision + 1, position=number), by)
        gesture = store.find_gesture(tx, draft.entry.id, number)
        assert gesture is not None
        self._place(tx, draft, boxes_of(gesture.boxes), by)
        return read_draft(tx, draft.entry, None)

    def _publish(self, tx: Connection, draft: Draft, upload: Upload, by: str) -> Saved | None:
        """The text of a version that says the same stays as its author wrote it."""
        self._close(tx, draft, by)
        current = self._catalog.version_within(tx, draft.entry)
        if current.model_hash == upload.model_hash:
            return None
        return self._catalog.save_within(tx, draft.entry.realm, upload, by, draft.entry.revision)

    def _close(self, tx: Connection, draft: Draft, by: str) -> None:
        if draft.is_open:
            self._write(tx, draft, replace(row_of(draft), revision=draft.revision + 1, position=0), by)
            store.delete_gestures(tx, draft.entry.id, 0)

    def _write(self, tx: Connection, seen: Draft, row: DraftRow, by: str) -> None:
        if not store.update_draft(tx, replace(row, changed_at=self._clock.now(), changed_by=by), seen.revision):
            raise changed(read_draft(tx, seen.entry, None))

    def _keep(self, tx: Connection, draft: Draft, number: int, change: _Change) -> None:
        gesture = Gesture(
            model_id=draft.entry.id,
            number=number,
            document=to_document(replace(change.edited.model, layout={})),
            boxes={own: [box.x, box.y] for own, box in change.boxes.items()},
            sentence=change.edited.sentence,
            element=change.edited.element,
            made_at=self._clock.now(),
            made_by=change.by,
        )
        store.insert_gesture(tx, gesture, kept=KEPT_GESTURES + 1)

    def _place(self, tx: Connection, draft: Draft, boxes: Mapping[str, Box], by: str) -> None:
        before = store.find_layout(tx, draft.entry.id)
        kept = {own: [box.x, box.y] for own, box in boxes.items()}
        if before is None or dict(before.boxes) != kept:
            revision = (before.revision if before is not None else 0) + 1
            layout = LayoutRow(model_id=draft.entry.id, boxes=kept, revision=revision, changed_at=self._clock.now(), changed_by=by)
            store.put_layout(tx, layout)


def _also(draft: Draft, edits: Sequence[Edit]) -> Edited | None:
    """The edits made in an open draft of the newest version as well; None where they cannot be."""
    if not draft.is_open or draft.is_behind:
        return None
    try:
        return apply_all(draft.model, edits)
    except MelanzanaError:
        return None


def _laid_out(model: Model, boxes: Mapping[str, Box]) -> Model:
    """The model with the boxes of its own elements, so that they follow a new id."""
    known = {state.id for state in model.states} | {action.id for _, action in model.actions()}
    return replace(model, layout={own: box for own, box in boxes.items() if own in known})
