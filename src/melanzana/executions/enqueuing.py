"""How runs enter the queue: all that wait for the same COMMIT are written together, a few statements for the lot.

`service.start` hands each over with `Database.write_each`. What one run needs is written in full or not at all; who sent the same
start before, under the same Idempotency-Key, gets the execution of then. A queue that is full refuses; how many wait is not counted
at every start, which would read the whole queue, but again when an eighth of the room that was seen is used up, or after a second.
With several servers the bound can be passed by what they let in between two counts.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, select

from melanzana.clock import Clock
from melanzana.errors import KeyReusedError, MelanzanaError, QueueFullError
from melanzana.executions import rows, store
from melanzana.executions.assigning import Assigning
from melanzana.executions.by_identity import ByIdentity
from melanzana.executions.records import Execution, LifecycleState
from melanzana.executions.tables import execution_needs, execution_tags, executions, idempotency_keys, snapshots
from melanzana.protocol.snapshot import Snapshot
from melanzana.storage.prepared import Prepared

_LISTS = ("labels", "tags", "ignored_fields")
#: Columns that a run that has just been queued leaves empty.
_LATER = ("run_id", "session", "lease_expires_at", "log_removed_at")
_ADD = Prepared(insert(executions).returning(executions.c.run_id), [c.name for c in executions.c if c.name not in _LATER])
_ADD_SNAPSHOT = Prepared(insert(snapshots).values(run_id=bindparam("run_id"), content=bindparam("content", type_=Text)))
_ADD_NEED = Prepared(insert(execution_needs), ["run_id", "need"])
_ADD_TAG = Prepared(insert(execution_tags), ["run_id", "tag"])
_ADD_KEY = Prepared(insert(idempotency_keys), [c.name for c in idempotency_keys.c])
_IS_QUEUED = (executions.c.realm == bindparam("of_realm"), executions.c.state == LifecycleState.QUEUED)
_QUEUED = Prepared(
    select(func.count().label("queued")).select_from(
        select(executions.c.run_id).where(*_IS_QUEUED).limit(bindparam("bound")).subquery()
    )
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_COUNT_SECONDS = 1.0
_KEPT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A run that is to be queued."""

    execution: Execution
    needs: frozenset[str]
    key: tuple[str, str, str] | None  #: realm, client and Idempotency-Key
    mark: str  #: fingerprint of the request, when there is a key


class Queue:
    """The way in."""

    def __init__(self, assigning: Assigning, clock: Clock, bound: int) -> None:
        self._assigning, self._clock, self._bound = assigning, clock, bound
        self._room: dict[
            str, tuple[int, float]
        ] = {}  #: of each realm: starts before the next count, and monotonic seconds of the last
        self._models = ByIdentity(_ENCODER.encode, _KEPT)

    def enter(self, tx: Connection, entries: Sequence[Entry], queued_at: datetime) -> list[Execution | MelanzanaError]:
        """What became of each. Raises RequestError for a system under test that does not exist."""
        answers: list[Execution | MelanzanaError | None] = [self._answered(tx, entry) for entry in entries]
        fresh = [entry for entry, answer in zip(entries, answers, strict=True) if answer is None]
        kept = iter(self._keep(tx, fresh, queued_at)) if fresh else iter(())
        return [next(kept) if answer is None else answer for answer in answers]

    def _answered(self, tx: Connection, entry: Entry) -> Execution | MelanzanaError | None:
        """The answer to a start that is not to be kept; None for one that is."""
        if entry.key is not None:
            try:
                earlier = store.earlier_of(tx, entry.key, entry.mark)
            except KeyReusedError as error:
                return error
            if earlier is not None:
                return earlier
        if self._has_room(tx, entry.execution.realm):
            return None
        return QueueFullError(f"{self._bound} executions are queued; wait until some have ended", retry_after=5)

    def _has_room(self, tx: Connection, realm: str) -> bool:
        room, counted_at = self._room.get(realm, (0, 0.0))
        now = self._clock.monotonic()
        if room <= 0 or now - counted_at > _COUNT_SECONDS:
            found = _QUEUED.first(tx, {"of_realm": realm, "bound": self._bound})
            free = self._bound - (found or {})["queued"]
            if free <= 0:
                return False
            room, counted_at = max(1, free // 8), now
        self._room[realm] = (room - 1, counted_at)
        return True

    def _keep(self, tx: Connection, entries: Sequence[Entry], queued_at: datetime) -> list[Execution]:
        found = _ADD.many_returning(tx, [_columns(entry.execution, queued_at) for entry in entries])
        kept = [replace(entry.execution, run_id=row["run_id"]) for entry, row in zip(entries, found, strict=True)]
        pairs = list(zip(kept, entries, strict=True))
        _ADD_SNAPSHOT.many(tx, [{"run_id": one.run_id, "content": _snapshot_text(one.snapshot, self._models)} for one in kept])
        _ADD_NEED.many(tx, [{"run_id": one.run_id, "need": need} for one, entry in pairs for need in sorted(entry.needs)])
        _ADD_TAG.many(tx, [{"run_id": one.run_id, "tag": tag} for one in kept for tag in sorted(set(one.tags))])
        rows.ADD_LINE.many(tx, [line for one in kept for line in _first_lines(one)])
        keys = [_key_row(one, entry) for one, entry in pairs if entry.key is not None]
        _ADD_KEY.many(tx, sorted(keys, key=lambda row: (row["realm"], row["client_id"], row["key"])))  # one order for all servers
        for one in kept:
            self._assigning.queue(tx, one.realm, one.run_id, one.wanted_sut)
        return kept


def _columns(execution: Execution, queued_at: datetime) -> dict[str, Any]:
    values = {name: getattr(execution, name) for name in store.COLUMNS if name != "run_id"}
    values["wanted_sut"] = None if execution.wanted_sut is None else asdict(execution.wanted_sut)
    values |= {name: list(values[name]) for name in _LISTS}
    state = {"resume_requested": False, "performed": False}
    return values | state | {"queued_at": queued_at, "next_seq": 1, "log_seq": len(_opening(execution))}


def _opening(execution: Execution) -> list[tuple[str, dict[str, Any]]]:
    """Kind and body of the first lines of a log; fields of the call that nobody knows are named in it."""
    ignored = execution.ignored_fields
    lines: list[tuple[str, dict[str, Any]]] = [
        ("ExecutionQueued", {"by": execution.created_by, "ignored_fields": list(ignored)}),
    ]
    if ignored:
        message = f"fields of the start call that were ignored: {', '.join(ignored)}"
        lines.append(("LogWritten", {"message": message, "severity": "WARNING", "stage": "start"}))
    if (stored := execution.snapshot.stored_suite) is not None:
        message = f"suite {stored['suite']}, version {stored['version']}, SHA-256 {stored['sha256']}"
        lines.append(("LogWritten", {"message": message, "severity": "INFO", "stage": "start"}))
    return lines


def _first_lines(execution: Execution) -> list[dict[str, Any]]:
    head = {"run_id": execution.run_id, "attempt": 0, "agent_seq": None, "at": execution.created_at}
    return [{**head, "seq": seq, "type": kind, "body": body} for seq, (kind, body) in enumerate(_opening(execution), 1)]


def _key_row(execution: Execution, entry: Entry) -> dict[str, Any]:
    assert entry.key is not None
    realm, client_id, key = entry.key
    return {"realm": realm, "client_id": client_id, "key": key, "fingerprint": entry.mark, "run_id": execution.run_id}


def _snapshot_text(snapshot: Snapshot, models: ByIdentity[str]) -> str:
    """The snapshot as JSON. The model is most of it and the same for many runs: its text is made once for each document."""
    rest = {name: getattr(snapshot, name) for name in Snapshot.__dataclass_fields__ if name != "model"}
    return f'{{"model":{models.of(snapshot.model)},{_ENCODER.encode(rest)[1:]}'
