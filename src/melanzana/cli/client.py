"""`melanzana client`: make, list, renew and revoke API clients, whether the server runs or not.

The commands open the data folder's database as a visitor: they take no server lock and make one short change. A running server
reads the client on every request, so a revoked client is refused at its next one.
"""

import asyncio
import csv
import getpass
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer

from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.access.records import Actor
    from melanzana.clients.records import Client, CreatedClient
    from melanzana.clients.service import ClientService

T = TypeVar("T")
CSV_HEADER = ("client_id", "client_secret", "token_url")
#: What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_WIDTH = 320

app = typer.Typer(help="Make, list, renew and revoke the credentials of scripts and CI jobs.", no_args_is_help=True)

Data = Annotated[
    Path | None, typer.Option(help="Folder of database, attachments and keys. [default: melanzana-data]", show_default=False)
]
RealmName = Annotated[str | None, typer.Option(help="Realm of the client. [default: eggplant]", show_default=False)]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="New file for the credentials, readable by you only.")]
ClientId = Annotated[str, typer.Argument(help="The client's id, as `client list` shows it.", show_default=False)]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the client is for.")],
    description: Annotated[str, typer.Option(help="More about it.", show_default=False)] = "",
    realm: RealmName = None,
    csv_file: CsvFile = None,
    data: Data = None,
) -> None:
    """Make an API client. Its secret is shown this once."""

    async def make(service: "ClientService", default_realm: str) -> "CreatedClient":
        return await service.create_client(realm or default_realm, name, description, actor=_actor())

    with _credentials_file(csv_file) as file:
        _hand_over(_call(data, make, may_make_folder=True), file, csv_file)


@app.command("list")
def list_clients(realm: RealmName = None, data: Data = None) -> None:
    """List the API clients, revoked ones too."""

    async def ask(service: "ClientService", default_realm: str) -> "list[Client]":
        from melanzana.access.records import PrincipalKind

        return await service.list_clients(realm or default_realm, PrincipalKind.API_CLIENT)

    _show(_call(data, ask))


@app.command()
def revoke(client_id: ClientId, realm: RealmName = None, data: Data = None) -> None:
    """End a client and its access tokens, at once and for good."""

    async def end(service: "ClientService", default_realm: str) -> "Client":
        return await service.revoke_client(realm or default_realm, client_id, actor=_actor())

    typer.echo(f"revoked {_call(data, end).client_id}")


@app.command()
def regenerate(client_id: ClientId, realm: RealmName = None, csv_file: CsvFile = None, data: Data = None) -> None:
    """Give a client a new secret; the old one and its access tokens end at once."""

    async def renew(service: "ClientService", default_realm: str) -> "CreatedClient":
        return await service.regenerate_secret(realm or default_realm, client_id, actor=_actor())

    with _credentials_file(csv_file) as file:
        _hand_over(_call(data, renew), file, csv_file)


def formula_safe(cell: str) -> str:
    """The cell, with a quote before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _call(data: Path | None, verb: "Callable[[ClientService, str], Awaitable[T]]", *, may_make_folder: bool = False) -> T:
    """Run one verb on the clients of the data folder; the verb also gets the default realm's name."""

    async def called() -> T:
        async with _service(data, may_make_folder=may_make_folder) as (service, default_realm):
            return await verb(service, default_realm)

    return asyncio.run(called())


@asynccontextmanager
async def _service(data: Path | None, *, may_make_folder: bool) -> "AsyncIterator[tuple[ClientService, str]]":
    import structlog

    from melanzana.audit.service import AuditService
    from melanzana.clients.service import ClientService
    from melanzana.clock import SystemClock
    from melanzana.realms.master_key import MasterKey
    from melanzana.realms.service import RealmService, RealmSettings
    from melanzana.server.settings import read_settings
    from melanzana.storage.database import SqliteDatabase
    from melanzana.storage.migrations import migrate

    # What the services log, the commands print or raise themselves.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = read_settings({"data": data})
    file = settings.data / "melanzana.db"
    if not may_make_folder and not file.exists():
        raise SettingsError(f"there is no database in {settings.data}; name the server's data folder with --data")
    database = SqliteDatabase.open(file, role="visitor")
    try:
        await migrate(database)
        master = MasterKey.load(settings.data / "secrets")
        own = RealmSettings(base_url=settings.base_url, realm=settings.realm)
        audit = AuditService(database, SystemClock())
        realms = RealmService(database, SystemClock(), master, audit, own)
        await realms.ensure_realm(settings.realm)
        yield ClientService(database, SystemClock(), master, realms, audit), settings.realm
    finally:
        await database.close()


@contextmanager
def _credentials_file(path: Path | None) -> Iterator[TextIO | None]:
    """A new file only its owner can read, gone again when nothing came of it. Opened first: no secret is made that has no place."""
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"--csv {path}: the file exists and is left as it is; name a new one") from None
    except OSError as error:
        raise SettingsError(f"--csv {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _hand_over(created: "CreatedClient", file: TextIO | None, path: Path | None) -> None:
    row = (created.client_id, created.client_secret, created.token_url)
    if file is None:
        for name, value in zip(CSV_HEADER, row, strict=True):
            typer.echo(f"{name}: {value}")
        typer.echo("The secret is not shown again.", err=True)
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([CSV_HEADER, [formula_safe(cell) for cell in row]])
    typer.echo(f"{created.client_id}: credentials written to {path}")


def _show(clients: "list[Client]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for heading in ("client_id", "name", "created", "last token", "state"):
        table.add_column(heading, no_wrap=True)
    for client in clients:
        used = f"{client.last_used_at:%Y-%m-%d %H:%M}" if client.last_used_at else "never"
        state = f"revoked {client.revoked_at:%Y-%m-%d %H:%M}" if client.revoked_at else "active"
        table.add_row(client.client_id, Text(client.name), f"{client.created_at:%Y-%m-%d %H:%M}", used, state)
    Console(width=_WIDTH).print(table)  # ids stay whole, for copying


def _actor() -> "Actor":
    from melanzana.access.records import Actor

    user = _user()
    return Actor(kind="command_line", id=user, name=f"command line ({user})")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown user"
