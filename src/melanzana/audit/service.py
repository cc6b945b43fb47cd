"""The verbs of the audit trail: every room that changes who may do what records it here."""

from sqlalchemy import Connection

from melanzana.audit import store
from melanzana.audit.records import AuditEntry, AuditRecord
from melanzana.clock import Clock
from melanzana.storage.database import Database


class AuditService:
    """Appends; never changes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(self, tx: Connection, entry: AuditEntry) -> None:
        """Record within the caller's transaction: what is done and its record are there together or not at all."""
        store.append(tx, entry, self._clock.now())

    async def note(self, entry: AuditEntry) -> None:
        """Record something that changes nothing else (a grant, a refused login); returns after the commit.

        Errors: UnavailableError when the database does not take it.
        """
        await self._database.write(lambda tx: self.record(tx, entry))

    async def records(self, realm: str, *, before: int | None = None, limit: int = 100) -> list[AuditRecord]:
        """The newest first, those with a smaller number than `before`."""
        return await self._database.read(lambda tx: store.records(tx, realm, before, limit))
