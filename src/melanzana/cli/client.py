"""`melanzana client`: make, list, change, renew and revoke API clients, whether the server runs or not.

The commands open the data folder's database as a visitor: they take no server lock and make one short change. A running server
reads the client on every request, so a revoked client is refused at its next one. A secret is printed or written to a file that
only its owner can read; it never stands in an argument, where other processes could read it.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer

from melanzana.cli.client_words import list_lines, read_expiry, read_key_file, show_lines
from melanzana.cli.data_folder import Data, operator_actor
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.clients.records import Client, ClientFields, CreatedClient
    from melanzana.clients.service import ClientService

T = TypeVar("T")
app = typer.Typer(help="Make, list, change, renew and revoke the credentials of scripts and CI jobs.", no_args_is_help=True)

RealmName = Annotated[str | None, typer.Option(help="Realm of the client. [default: eggplant]", show_default=False)]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="New file for the credentials, readable by you only.")]
ClientId = Annotated[str, typer.Argument(help="The client's id, as `client list` shows it.", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", help="A permission such as executions:start; once for each. [default: full rights]", show_default=False
    ),
]
Allowed = Annotated[
    list[str] | None,
    typer.Option("--allow", help="Address or network it may come from; once for each. [default: anywhere]", show_default=False),
]
KeyFile = Annotated[
    Path | None, typer.Option("--public-key", help="JWK, JWK set or PEM public key for signed assertions.", show_default=False)
]
_EXPIRES = "never, 90d, 12w, 1y, a date or an instant."


@app.command()
def create(  # noqa: PLR0917 - one parameter a flag
    name: Annotated[str, typer.Option(help="What the client is for.")],
    description: Annotated[str, typer.Option(help="More about it.", show_default=False)] = "",
    scope: Scopes = None,
    expires: Annotated[str, typer.Option(help=f"When it ends: {_EXPIRES}")] = "never",
    allow: Allowed = None,
    public_key: KeyFile = None,
    secret: Annotated[bool, typer.Option("--secret/--no-secret", help="With --public-key: make a secret as well.")] = True,
    realm: RealmName = None,
    csv_file: CsvFile = None,
    data: Data = None,
) -> None:
    """Make an API client. Its secret is shown this once."""
    until = read_expiry(expires, datetime.now(UTC))
    keys = read_key_file(public_key) if public_key else None

    async def make(service: "ClientService", default_realm: str) -> "CreatedClient":
        return await service.create_client(
            realm or default_realm,
            name,
            description,
            actor=operator_actor(),
            scopes=frozenset(scope) if scope else None,
            expires_at=until,
            allowed_addresses=tuple(allow or ()),
            public_keys=keys,
            with_secret=secret,
        )

    with _credentials_file(csv_file) as file:
        _hand_over(_call(data, make, may_make_folder=True), file, csv_file)


@app.command("list")
def list_clients(realm: RealmName = None, data: Data = None) -> None:
    """List the API clients, revoked ones too."""

    async def ask(service: "ClientService", default_realm: str) -> "list[Client]":
        from melanzana.access.records import PrincipalKind

        return await service.list_clients(realm or default_realm, PrincipalKind.API_CLIENT)

    _print(list_lines(_call(data, ask), datetime.now(UTC)))


@app.command()
def show(client_id: ClientId, realm: RealmName = None, data: Data = None) -> None:
    """Show one client; never its secret."""

    async def ask(service: "ClientService", default_realm: str) -> "Client":
        return await service.client(realm or default_realm, client_id)

    _print(show_lines(_call(data, ask), datetime.now(UTC)))


@app.command()
def change(  # noqa: PLR0917 - one parameter a flag
    client_id: ClientId,
    name: Annotated[str | None, typer.Option(help="What the client is for.", show_default=False)] = None,
    description: Annotated[str | None, typer.Option(help="More about it.", show_default=False)] = None,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Its permissions from now on; once for each.")] = None,
    full_rights: Annotated[bool, typer.Option("--full-rights", help="Give it all that a client may have.")] = False,
    expires: Annotated[str | None, typer.Option(help=f"When it ends: {_EXPIRES}", show_default=False)] = None,
    allow: Annotated[list[str] | None, typer.Option("--allow", help="Where it may come from; once for each.")] = None,
    allow_anywhere: Annotated[bool, typer.Option("--allow-anywhere", help="Let it come from anywhere.")] = False,
    public_key: KeyFile = None,
    no_public_key: Annotated[bool, typer.Option("--no-public-key", help="Take its public keys away.")] = False,
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """Change a client; its next request is judged by the new settings. Other keys end its access tokens."""
    _check_one("--scope and --full-rights", bool(scope), full_rights)
    _check_one("--allow and --allow-anywhere", bool(allow), allow_anywhere)
    _check_one("--public-key and --no-public-key", public_key is not None, no_public_key)
    fields: ClientFields = {}
    if name is not None:
        fields["name"] = name
    if description is not None:
        fields["description"] = description
    if scope or full_rights:
        fields["scopes"] = frozenset(scope) if scope else None
    if expires is not None:
        fields["expires_at"] = read_expiry(expires, datetime.now(UTC))
    if allow or allow_anywhere:
        fields["allowed_addresses"] = tuple(allow or ())
    if public_key or no_public_key:
        fields["public_keys"] = read_key_file(public_key) if public_key else None
    if not fields:
        raise SettingsError("nothing to change: name at least one option, see melanzana client change --help")

    async def write(service: "ClientService", default_realm: str) -> "Client":
        return await service.change_client(realm or default_realm, client_id, actor=operator_actor(), **fields)

    _print(show_lines(_call(data, write), datetime.now(UTC)))


@app.command()
def revoke(client_id: ClientId, realm: RealmName = None, data: Data = None) -> None:
    """End a client and its access tokens, at once and for good."""

    async def end(service: "ClientService", default_realm: str) -> "Client":
        return await service.revoke_client(realm or default_realm, client_id, actor=operator_actor())

    typer.echo(f"revoked {_call(data, end).client_id}")


@app.command()
def regenerate(  # noqa: PLR0917 - one parameter a flag
    client_id: ClientId,
    grace_seconds: Annotated[int, typer.Option(help="How long the old secret works beside the new one, at most 86400.")] = 0,
    end_tokens: Annotated[bool, typer.Option("--end-tokens", help="End its access tokens now, even with a grace period.")] = False,
    realm: RealmName = None,
    csv_file: CsvFile = None,
    data: Data = None,
) -> None:
    """Give a client a new secret; without a grace period the old one and its access tokens end at once."""

    async def renew(service: "ClientService", default_realm: str) -> "CreatedClient":
        return await service.regenerate_secret(
            realm or default_realm, client_id, actor=operator_actor(), grace_seconds=grace_seconds, end_tokens=end_tokens or None
        )

    with _credentials_file(csv_file) as file:
        _hand_over(_call(data, renew), file, csv_file)


def _check_one(names: str, first: bool, second: bool) -> None:
    if first and second:
        raise SettingsError(f"{names} contradict each other: give one of them")


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
    from melanzana.storage.migrations import migrate
    from melanzana.storage.opening import exists, open_database

    # What the services log, the commands print or raise themselves.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = read_settings({"data": data})
    if not may_make_folder and not exists(settings.data, settings.database):
        raise SettingsError(f"there is no database in {settings.data}; name the server's data folder with --data")
    database = open_database(settings.data, settings.database, role="visitor")
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
    from melanzana.clients.downloads import CSV_HEADER, credentials_csv

    if file is not None:
        file.write(credentials_csv(created))
        typer.echo(f"{created.client_id}: credentials written to {path}")
        return
    for name, value in zip(CSV_HEADER, (created.client_id, created.client_secret, created.token_url), strict=True):
        if value:
            typer.echo(f"{name}: {value}")
    if created.client_secret:
        typer.echo("The secret is not shown again.", err=True)


def _print(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
