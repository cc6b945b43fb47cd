"""The realms of one test, and the authorization server of one that needs tokens."""

from collections.abc import AsyncIterator

import pytest

from support_auth import Auth, make_auth


@pytest.fixture
async def auth() -> AsyncIterator[Auth]:
    """A fresh authorization server in memory with one API client."""
    opened = await make_auth()
    yield opened
    await opened.database.close()
