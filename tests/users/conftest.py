"""The people of one test."""

from collections.abc import AsyncIterator

import pytest

from support_people import People, make_people


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """Nobody yet."""
    opened = await make_people()
    yield opened
    await opened.service.close()
    await opened.auth.database.close()
