"""The verbs of the audit trail: every room that changes who may do what records it here.

What changes something is recorded in the change's own transaction (`record`). What changes nothing else, a grant or a refused
login, is noted (`note`): notes that come while the disk is busy share the next transaction, so that a note costs little.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

from sqlalchemy import Connection

from melanzana.audit import store
from melanzana.audit.chain import Follower, Link
from melanzana.audit.cleaning import cleaned
from melanzana.audit.records import AuditEntry, AuditFilter, AuditRecord, Head, Verification
from melanzana.clock import Clock
from melanzana.storage.database import Database

EVERYTHING = AuditFilter()
MOST_RECORDS = 1_000  #: in one answer
_GROUP = 256  #: notes in one transaction
_PAGE = 2_000  #: records a verification reads at once


class AuditService:
    """Appends; never changes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[AuditEntry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._verifying = asyncio.Lock()

    def record(self, tx: Connection, entry: AuditEntry) -> None:
        """Record within the caller's transaction: what is done and its record are there together or not at all."""
        store.append(tx, [cleaned(entry)], self._clock.now())

    async def note(self, entry: AuditEntry) -> None:
        """Record something that changes nothing else (a grant, a refused login); returns after the commit.

        Errors: UnavailableError when the database does not take it.
        """
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((cleaned(entry), noted))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_notes())
        await noted

    async def records(
        self, realm: str, where: AuditFilter = EVERYTHING, *, before: int | None = None, limit: int = 100
    ) -> list[AuditRecord]:
        """The newest first, those with a smaller number than `before`."""
        most = min(limit, MOST_RECORDS)
        return await self._database.read(lambda tx: store.records(tx, realm, where, before, most))

    async def export(self, realm: str, where: AuditFilter = EVERYTHING) -> AsyncIterator[list[AuditRecord]]:
        """Every record that fits, the newest first, some at a time."""
        before: int | None = None
        while found := await self.records(realm, where, before=before, limit=MOST_RECORDS):
            yield found
            before = found[-1].number

    async def head(self, realm: str) -> Head:
        """The end of the chain: note it outside, and `verify` can be held to it."""
        return await self._database.read(lambda tx: store.head(tx, realm))

    async def verify(self, realm: str, kept: Head | None = None) -> Verification:
        """Look at every record of the realm, one verification at a time. `kept`: an end that was noted outside."""
        async with self._verifying:
            head, more = await self._database.read(lambda tx: (end := store.head(tx, realm), store.beyond(tx, realm, end.number)))
            follower = Follower(kept)
            while links := await self._links(realm, follower.last.number, head.number):
                await asyncio.to_thread(follower.follow, links)
        follower.end(head)
        first_broken = follower.first_broken
        if first_broken is None and more:
            first_broken = head.number + 1
        return Verification(
            records=follower.records, ok=first_broken is None, first_broken=first_broken, head_hash=follower.last.hash
        )

    async def _links(self, realm: str, after: int, until: int) -> list[Link]:
        return await self._database.read(lambda tx: store.links(tx, realm, after, until, _PAGE))

    async def _write_notes(self) -> None:
        """Write what waits, group by group, until nothing does."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: "list[tuple[AuditEntry, asyncio.Future[None]]]") -> None:
        entries = [entry for entry, _ in group]
        failure: BaseException | None = None
        try:
            await self._database.write(lambda tx: store.append(tx, entries, self._clock.now()))
        except Exception as error:
            failure = error
        for waiter in _open(noted for _, noted in group):
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)


def _open(waiters: "Iterable[asyncio.Future[None]]") -> "list[asyncio.Future[None]]":
    """Those whose caller still waits."""
    return [waiter for waiter in waiters if not waiter.done()]
