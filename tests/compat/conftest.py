"""A whole server with one person and one API client."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support_older import Older, older_site


@pytest.fixture
async def older(tmp_path: Path) -> AsyncIterator[Older]:
    async with older_site(tmp_path / "data") as site:
        yield site
