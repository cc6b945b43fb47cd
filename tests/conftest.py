"""Shared by all tests: async tests run on asyncio; figures that a test records are shown at the end of the run."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

settings.register_profile("fast", max_examples=60, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("fast")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
async def one_chromium(anyio_backend: str) -> AsyncIterator[None]:
    """The browser tests of a module share one Chromium; each has a window of its own."""
    import support_browser  # only here: most tests need no browser, and its driver takes a while to import

    async with support_browser.shared_chromium():
        yield


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Any]:
    """The PostgreSQL server of this test process."""
    import support_postgresql  # only here: most tests need none

    with support_postgresql.cluster() as running:
        yield running


@pytest.fixture
def postgresql(postgresql_cluster: Any) -> str:
    """The address of an empty PostgreSQL database."""
    address: str = postgresql_cluster.fresh_database()
    return address


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest) -> str | None:
    """What `database` of a server is to be: None, its own file, and the address of an empty PostgreSQL database."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgresql"))


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a server or a command sets up for the log of its process ends with its test."""
    kept = structlog.get_config() if structlog.is_configured() else None
    yield
    structlog.reset_defaults()
    if kept is not None:
        structlog.configure(**kept)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what tests recorded as `figure`, in any process of the run."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(str(value))
