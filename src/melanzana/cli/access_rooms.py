"""Opens realms and audit trail of a data folder as a visitor, for commands that work whether the server runs or not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from melanzana.cli.data_folder import must_exist

if TYPE_CHECKING:
    from melanzana.audit.service import AuditService
    from melanzana.clock import Clock
    from melanzana.realms.service import RealmService

T = TypeVar("T")
_WIDTH = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRooms:
    """What the commands work on."""

    audit: "AuditService"
    realms: "RealmService"
    clock: "Clock"

    async def named(self, realm: str | None) -> str:
        """The realm asked for, else the home realm. Errors: NotFoundError."""
        return (await self.realms.current(realm or self.realms.home)).name


def call(data: Path | None, verb: "Callable[[AccessRooms], Awaitable[T]]") -> T:
    """Run one verb on the data folder. Errors: SettingsError when there is no database."""
    must_exist(data)

    async def called() -> T:
        async with _open(data) as rooms:
            return await verb(rooms)

    return asyncio.run(called())


def show_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table whose cells stay whole, for copying."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=_WIDTH).print(table)


@asynccontextmanager
async def _open(data: Path | None) -> AsyncIterator[AccessRooms]:
    import structlog

    from melanzana.audit.service import AuditService
    from melanzana.clock import SystemClock
    from melanzana.realms.master_key import MasterKey
    from melanzana.realms.service import RealmService, RealmSettings
    from melanzana.server.settings import read_settings
    from melanzana.storage.migrations import migrate
    from melanzana.storage.opening import open_database

    # What the services log, the commands print or raise themselves.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings, clock = read_settings({"data": data}), SystemClock()
    database = open_database(settings.data, settings.database, role="visitor")
    try:
        await migrate(database)
        audit = AuditService(database, clock)
        own = RealmSettings(base_url=settings.base_url, realm=settings.realm)
        realms = RealmService(database, clock, MasterKey.load(settings.data / "secrets"), audit, own)
        await realms.ensure_realm(settings.realm)
        yield AccessRooms(audit=audit, realms=realms, clock=clock)
    finally:
        await database.close()
