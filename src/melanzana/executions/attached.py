"""The SQL of who refers to which attached content, so that one is removed only when nobody does (ADR 0038).

A reference is written before the content is kept, in a transaction that sees whether the content is just being removed. Contents
are removed by `retention.py`: marked, removed from where they lie, then forgotten. `service.py` and `store.py` open this file too.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, column, delete, exists, insert, select, table, update

from melanzana.errors import UnavailableError
from melanzana.executions.records import Attached
from melanzana.executions.tables import attachments, execution_attachments

#: Stored suites lie at the same place; their table is the catalog's.
_suite_versions = table("suite_versions", column("sha256"))


def refer(tx: Connection, run_id: int, file: Attached, at: datetime) -> None:
    """Note that a run keeps this content; again changes nothing. Raises UnavailableError while the content is being removed."""
    row = tx.execute(select(attachments.c.removing_at).where(attachments.c.sha256 == file.sha256)).first()
    if row is None:
        tx.execute(insert(attachments).values(sha256=file.sha256, size=file.size, kept_at=at))
    elif row.removing_at is not None:
        raise UnavailableError("the same content is just being removed; send it again", retry_after=1)
    known = execution_attachments.c.run_id == run_id, execution_attachments.c.sha256 == file.sha256
    if tx.execute(select(execution_attachments.c.run_id).where(*known)).first() is None:
        tx.execute(insert(execution_attachments).values(run_id=run_id, sha256=file.sha256))


def let_go(tx: Connection, run_ids: Collection[int]) -> None:
    """Forget what these runs keep. The contents stay until nobody keeps them and a sweep comes by."""
    tx.execute(delete(execution_attachments).where(execution_attachments.c.run_id.in_(run_ids)))


def mark_unused(tx: Connection, at: datetime, again_before: datetime, most: int) -> tuple[str, ...]:
    """Mark contents that no run keeps as being removed; give them, and those whose removal began before `again_before`."""
    kept = exists().where(execution_attachments.c.sha256 == attachments.c.sha256)
    stored = exists().where(_suite_versions.c.sha256 == attachments.c.sha256)
    unused = select(attachments.c.sha256).where(
        ~kept, ~stored, attachments.c.removing_at.is_(None) | (attachments.c.removing_at < again_before)
    )
    found = tuple(tx.execute(unused.order_by(attachments.c.sha256).limit(most)).scalars())
    tx.execute(update(attachments).where(attachments.c.sha256.in_(found)).values(removing_at=at))
    return found


def settle(tx: Connection, gone: Collection[str], left: Collection[str]) -> None:
    """Of contents that were marked: forget those that are gone, and take the mark from those that nobody has begun to remove."""
    tx.execute(delete(attachments).where(attachments.c.sha256.in_(gone), attachments.c.removing_at.is_not(None)))
    tx.execute(update(attachments).where(attachments.c.sha256.in_(left)).values(removing_at=None))
