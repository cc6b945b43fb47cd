"""The chain of hashes that shows a changed or missing record.

Each record's hash covers its own fields and the hash of the record before, so whoever keeps one hash outside can tell later whether
anything up to it was touched. `store.py` extends the chain, `service.py` verifies it.
"""

import json
from datetime import datetime
from hashlib import sha256

from melanzana.audit.records import AuditEntry, AuditRecord


def first_hash() -> str:
    """What the first record of a realm follows."""
    return "0" * 64


def chained(entry: AuditEntry, *, number: int, at: datetime, previous_hash: str) -> AuditRecord:
    """The record of this entry at this place of the chain."""
    return AuditRecord(number=number, at=at, entry=entry, previous_hash=previous_hash, hash=_hash(entry, number, at, previous_hash))


def _hash(entry: AuditEntry, number: int, at: datetime, previous_hash: str) -> str:
    actor = entry.actor
    fields = [
        previous_hash,
        entry.realm,
        number,
        at.isoformat(timespec="microseconds"),
        entry.action.value,
        entry.outcome.value,
        [actor.kind, actor.id, actor.name, actor.address],
        entry.subject,
        dict(sorted(entry.detail.items())),
    ]
    return sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
