"""Opens the rooms of access over a data folder as a visitor, for commands that work whether the server runs or not."""

import getpass
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.access.records import Actor
    from melanzana.users.service import UserService

Data = Annotated[
    Path | None, typer.Option(help="Folder of database, attachments and keys. [default: melanzana-data]", show_default=False)
]


@asynccontextmanager
async def open_people(data: Path | None) -> "AsyncIterator[tuple[UserService, str]]":
    """The people's service of the data folder, and the name of the home realm. The folder is made when it is missing.

    Errors: SettingsError when it cannot be used.
    """
    import structlog

    from melanzana.audit.service import AuditService
    from melanzana.clock import SystemClock
    from melanzana.realms.master_key import MasterKey
    from melanzana.realms.service import RealmService, RealmSettings
    from melanzana.server.settings import read_settings
    from melanzana.storage.migrations import migrate
    from melanzana.storage.opening import open_database
    from melanzana.users.records import UserSettings
    from melanzana.users.service import UserService

    # What the services log, the commands print or raise themselves.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings, clock = read_settings({"data": data}), SystemClock()
    database = open_database(settings.data, settings.database, role="visitor")
    try:
        await migrate(database)
        audit = AuditService(database, clock)
        own = RealmSettings(base_url=settings.base_url, realm=settings.realm)
        realms = RealmService(database, clock, MasterKey.load(settings.data / "secrets"), audit, own)
        home = await realms.ensure_realm(settings.realm)
        people = UserService(database, clock, audit, realms, UserSettings(base_url=home.base_url or settings.base_url))
        yield people, settings.realm
        await people.close()
    finally:
        await database.close()


def operator_actor() -> "Actor":
    """Whoever types the command, as the audit trail names them."""
    from melanzana.access.records import Actor

    user = _account()
    return Actor(kind="command_line", id=user, name=f"command line ({user})")


def must_exist(data: Path | None) -> None:
    """Errors: SettingsError when there is no database yet."""
    from melanzana.server.settings import read_settings
    from melanzana.storage.opening import exists

    settings = read_settings({"data": data})
    if not exists(settings.data, settings.database):
        raise SettingsError(f"there is no database in {settings.data}; name the server's data folder with --data")


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown user"
