"""The rooms of one test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from support_reports import House, open_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A fresh house without models."""
    opened = await open_house()
    yield opened
    await opened.auth.database.close()


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with the API client's token."""
    async with await house.http() as client:
        yield client
