"""The SQL of drafts, gestures and layouts: rows in, records out. Only `catalog/drafts.py` opens it."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Integer, Table, Text, delete, func, insert, select, update

from melanzana.catalog.draft_records import DraftRow, Gesture, LayoutRow
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

drafts = Table(
    "model_drafts",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id"), primary_key=True, autoincrement=False),
    Column("base_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
)

gestures = Table(
    "model_gestures",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", JsonText, nullable=False),
    Column("boxes", JsonText, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("element", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
)

layouts = Table(
    "model_layouts",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id"), primary_key=True, autoincrement=False),
    Column("boxes", JsonText, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
)


def find_draft(tx: Connection, model_id: int) -> DraftRow | None:
    row = tx.execute(select(drafts).where(drafts.c.model_id == model_id)).mappings().first()
    return None if row is None else DraftRow(**row)


def insert_draft(tx: Connection, draft: DraftRow) -> None:
    tx.execute(insert(drafts).values(asdict(draft)))


def update_draft(tx: Connection, draft: DraftRow, seen_revision: int) -> bool:
    """Write the draft, unless somebody changed it since `seen_revision`; False: somebody did."""
    own = (drafts.c.model_id == draft.model_id, drafts.c.revision == seen_revision)
    return tx.execute(update(drafts).where(*own).values(asdict(draft))).rowcount == 1


def find_gesture(tx: Connection, model_id: int, number: int) -> Gesture | None:
    row = tx.execute(select(gestures).where(gestures.c.model_id == model_id, gestures.c.number == number)).mappings().first()
    return None if row is None else Gesture(**row)


def neighbours(tx: Connection, model_id: int, number: int) -> tuple[int | None, tuple[int, str] | None]:
    """The number of the gesture before this one, and number and sentence of the one behind it."""
    own = gestures.c.model_id == model_id
    before = tx.execute(select(func.max(gestures.c.number)).where(own, gestures.c.number < number)).scalar_one()
    behind = tx.execute(
        select(gestures.c.number, gestures.c.sentence).where(own, gestures.c.number > number).order_by(gestures.c.number).limit(1)
    ).first()
    return before, None if behind is None else (behind.number, behind.sentence)


def insert_gesture(tx: Connection, gesture: Gesture, *, kept: int) -> None:
    """Add a gesture behind all others; only the newest `kept` stay."""
    tx.execute(insert(gestures).values(_columns(gesture)))
    own = gestures.c.model_id == gesture.model_id
    oldest = select(gestures.c.number).where(own).order_by(gestures.c.number.desc()).offset(kept).limit(1)
    if (last := tx.execute(oldest).scalar_one_or_none()) is not None:
        tx.execute(delete(gestures).where(own, gestures.c.number <= last))


def delete_gestures(tx: Connection, model_id: int, after: int) -> None:
    """Forget what was taken back: the gestures with larger numbers."""
    tx.execute(delete(gestures).where(gestures.c.model_id == model_id, gestures.c.number > after))


def find_layout(tx: Connection, model_id: int) -> LayoutRow | None:
    row = tx.execute(select(layouts).where(layouts.c.model_id == model_id)).mappings().first()
    return None if row is None else LayoutRow(**row)


def put_layout(tx: Connection, layout: LayoutRow) -> None:
    values = asdict(layout) | {"boxes": dict(layout.boxes)}
    if tx.execute(update(layouts).where(layouts.c.model_id == layout.model_id).values(values)).rowcount == 0:
        tx.execute(insert(layouts).values(values))


def _columns(gesture: Gesture) -> dict[str, Any]:
    values = {name: getattr(gesture, name) for name in Gesture.__dataclass_fields__}
    return values | {"document": dict(gesture.document), "boxes": dict(gesture.boxes)}
