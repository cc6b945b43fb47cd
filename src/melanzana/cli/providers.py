"""`melanzana providers`: which identity providers of other people's making a realm believes, whether the server runs or not.

The commands open the data folder as a visitor; a running server asks the table at every use, so a change acts at its next request.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from melanzana.cli.access_rooms import show_table
from melanzana.cli.data_folder import Data, must_exist, operator_actor
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.auth.external import ExternalIssuers, NewProvider
    from melanzana.auth.login_records import IdentityProvider

T = TypeVar("T")
app = typer.Typer(help="Name the identity providers whose people and tokens a realm believes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Short name, as it stands in addresses.", show_default=False)]
RealmName = Annotated[str | None, typer.Option(help="Realm that believes it. [default: eggplant]", show_default=False)]


@app.command()
def add(  # noqa: PLR0917 - one parameter an option
    name: Name,
    issuer: Annotated[str, typer.Option(help="The provider's issuer, exactly as its discovery document says it.")],
    audience: Annotated[str, typer.Option(help="What `aud` of an access token must name to be meant for this server.")],
    admin: Annotated[
        list[str] | None, typer.Option(help="Value of the role claim that makes an administrator; repeatable.")
    ] = None,
    user: Annotated[list[str] | None, typer.Option(help="Value of the role claim that makes a user; repeatable.")] = None,
    role_claim: Annotated[str, typer.Option(help="Claim with the roles or groups; dots lead into objects.")] = "realm_access.roles",
    everyone: Annotated[bool, typer.Option("--everyone", help="People without any of these values are users, too.")] = False,
    client_id: Annotated[
        str | None, typer.Option(help="This server's client id at the provider; gives the login page a button.", show_default=False)
    ] = None,
    client_secret_file: Annotated[
        Path | None, typer.Option(help="File with the client secret; - reads standard input.", show_default=False)
    ] = None,
    login_scope: Annotated[str, typer.Option(help="Scope that the login button asks for.")] = "openid profile email",
    display_name: Annotated[str, typer.Option(help="Name on the login button.", show_default=False)] = "",
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """Believe a provider, or change what is known of it: a name that is there is replaced."""
    from melanzana.access.permissions import Role
    from melanzana.auth.external import NewProvider

    new = NewProvider(
        name=name,
        issuer=issuer,
        audience=audience,
        roles={**dict.fromkeys(user or (), Role.USER), **dict.fromkeys(admin or (), Role.ADMIN)},
        role_claim=role_claim,
        default_role=Role.USER if everyone else None,
        display_name=display_name,
        client_id=client_id,
        client_secret=_secret(client_secret_file),
        login_scope=login_scope,
    )
    typer.echo(_call(data, lambda issuers, home: _put(issuers, realm or home, new)))


@app.command("list")
def list_providers(realm: RealmName = None, data: Data = None) -> None:
    """List the providers of a realm; never a secret."""
    must_exist(data)
    _show(_call(data, lambda issuers, home: issuers.providers(realm or home)))


@app.command()
def remove(name: Name, realm: RealmName = None, data: Data = None) -> None:
    """Believe a provider no longer, from the next request on."""
    must_exist(data)
    _call(data, lambda issuers, home: issuers.remove(realm or home, name, operator_actor()))
    typer.echo(f"removed {name}")


async def _put(issuers: "ExternalIssuers", realm: str, new: "NewProvider") -> str:
    provider = await issuers.put(realm, new, operator_actor())
    lines = [f"realm {realm} believes {provider.issuer} as {provider.name}"]
    if provider.login_button:
        lines.append(f"register this redirect address there: {await issuers.callback_address(provider)}")
    return "\n".join(lines)


def _call(data: Path | None, verb: "Callable[[ExternalIssuers, str], Awaitable[T]]") -> T:
    async def called() -> T:
        async with _open(data) as (issuers, home):
            return await verb(issuers, home)

    return asyncio.run(called())


@asynccontextmanager
async def _open(data: Path | None) -> "AsyncIterator[tuple[ExternalIssuers, str]]":
    import structlog

    from melanzana.audit.service import AuditService
    from melanzana.auth.external import ExternalIssuers, ExternalRooms
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
        audit, master = AuditService(database, clock), MasterKey.load(settings.data / "secrets")
        own = RealmSettings(base_url=settings.base_url, realm=settings.realm)
        realms = RealmService(database, clock, master, audit, own)
        await realms.ensure_realm(settings.realm)
        users = UserService(database, clock, audit, realms, UserSettings(base_url=settings.base_url))
        rooms = ExternalRooms(realms=realms, users=users, audit=audit, master=master)
        yield ExternalIssuers(database, clock, rooms), settings.realm
        await users.close()
    finally:
        await database.close()


def _secret(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--client-secret-file {file}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if not text.strip():
        raise SettingsError(f"--client-secret-file {file}: it is empty")
    return text.strip()


def _show(providers: "list[IdentityProvider]") -> None:
    if not providers:
        typer.echo("No identity provider is believed. Add one with `melanzana providers add`.")
        return
    rows = []
    for one in providers:
        roles = [f"{value} → {role.value}" for value, role in sorted(one.roles.items())]
        roles += [f"everyone → {one.default_role.value}"] if one.default_role else []
        button = f"as {one.client_id}" if one.login_button else "no"
        rows.append((one.name, one.issuer, one.audience, button, one.role_claim, ", ".join(roles)))
    show_table(("name", "issuer", "audience", "login", "role claim", "roles"), rows)
