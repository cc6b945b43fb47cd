"""The audit trail of one test, in memory."""

from collections.abc import AsyncIterator

import pytest

from melanzana.audit.service import AuditService
from melanzana.storage.database import InlineDatabase
from melanzana.storage.migrations import migrate
from support_audit import Trail
from support_auth import StillClock


@pytest.fixture
async def trail() -> AsyncIterator[Trail]:
    """A trail with nothing in it."""
    database, clock = InlineDatabase.open(), StillClock()
    await migrate(database)
    yield Trail(AuditService(database, clock), database, clock)
    await database.close()
