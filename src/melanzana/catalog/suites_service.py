"""Suites that the server stores: upload, look, delete. Their code is checked as an archive and never imported here.

The row comes before the content, as with attachments (ADR 0038), so that no sweep takes the content away in between. `service.py`
resolves what a start names; agents fetch the content by way of `agents/service.py`.
"""

import asyncio
import uuid

from sqlalchemy import Connection

from melanzana.catalog import suites_store as store
from melanzana.catalog.suites_store import SuiteVersion
from melanzana.clock import Clock
from melanzana.errors import MelanzanaError, NotFoundError
from melanzana.protocol.suite_archive import check
from melanzana.storage.blobs import BlobStore
from melanzana.storage.database import Database
from melanzana.storage.drafts import Draft


class SuiteService:
    """The verbs."""

    def __init__(self, database: Database, clock: Clock, blobs: BlobStore) -> None:
        self._database, self._clock, self._blobs = database, clock, blobs

    def draft(self) -> Draft:
        """Where an upload is collected while it arrives."""
        return self._blobs.draft()

    async def upload(self, realm: str, name: str, draft: Draft, by: str) -> SuiteVersion:
        """A new version; the newest again when its content is the same. Raises RequestError, UnavailableError."""
        extent = await asyncio.to_thread(check, draft.opened())

        def change(tx: Connection) -> tuple[SuiteVersion, bool]:
            known = store.versions(tx, realm, name=name)
            if known and known[0].sha256 == draft.digest:
                return known[0], False
            fresh = SuiteVersion(
                id=str(uuid.uuid4()),
                realm=realm,
                suite_id=known[0].suite_id if known else str(uuid.uuid4()),
                name=name,
                version=known[0].version + 1 if known else 1,
                sha256=draft.digest,
                size=draft.size,
                files=extent.files,
                created_at=self._clock.now(),
                created_by=by,
            )
            store.add(tx, fresh)
            return fresh, True

        kept, fresh = await self._database.write(change)
        try:
            await asyncio.to_thread(self._blobs.keep, draft)
        except MelanzanaError:
            if fresh:
                await self._database.write(lambda tx: store.remove(tx, (kept,), self._clock.now()))
            raise
        return kept

    async def list(self, realm: str) -> tuple[SuiteVersion, ...]:
        """Every version of every suite, newest first within each name."""
        return await self._database.read(lambda tx: store.versions(tx, realm))

    async def versions(self, realm: str, suite_id: str) -> tuple[SuiteVersion, ...]:
        """Newest first. Raises NotFoundError."""
        return await self._database.read(lambda tx: _required(tx, realm, suite_id))

    async def delete(self, realm: str, suite_id: str) -> None:
        """Every version of it. Runs that used one stay readable; none can be repeated. Raises NotFoundError."""
        now = self._clock.now()
        await self._database.write(lambda tx: store.remove(tx, _required(tx, realm, suite_id), now))


def _required(tx: Connection, realm: str, suite_id: str) -> tuple[SuiteVersion, ...]:
    found = store.versions(tx, realm, suite_id=suite_id)
    if not found:
        raise NotFoundError(f"there is no suite {suite_id}", field="suite_id")
    return found
