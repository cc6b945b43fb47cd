"""`melanzana realms`: make, list, change and disable realms, whether the server runs or not.

A running server looks at a realm on every request, so a change acts at the next one.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.access_rooms import AccessRooms, call, show_table
from melanzana.cli.data_folder import Data, operator_actor
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.realms.records import Realm, RealmChange

app = typer.Typer(help="Make, list, change and disable realms.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The realm's name.", show_default=False)]


@app.command()
def create(name: Name, data: Data = None) -> None:
    """Make a realm with its first keys. Make its people with `melanzana users create --realm`."""

    async def make(rooms: AccessRooms) -> "Realm":
        return await rooms.realms.create_realm(name, operator_actor())

    typer.echo(f"made the realm {call(data, make).name}")


@app.command("list")
def list_realms(data: Data = None) -> None:
    """List every realm."""

    async def ask(rooms: AccessRooms) -> "list[Realm]":
        return await rooms.realms.realms()

    rows = [(each.name, _state(each), each.algorithm, f"{each.created_at:%Y-%m-%d %H:%M}") for each in call(data, ask)]
    show_table(("name", "state", "algorithm", "made"), rows)


@app.command()
def show(name: Name, data: Data = None) -> None:
    """Show a realm's settings."""

    async def ask(rooms: AccessRooms) -> "tuple[Realm, str]":
        realm = await rooms.realms.current(name)
        return realm, rooms.realms.token_url(realm)

    realm, token_url = call(data, ask)
    pushed = datetime.fromtimestamp(realm.not_before, UTC).isoformat() if realm.not_before else "never"
    for label, value in (
        ("name", realm.name),
        ("state", _state(realm)),
        ("token_url", token_url),
        ("token_type", realm.token_type),
        ("algorithm", realm.algorithm),
        ("token_seconds", realm.token_seconds),
        ("not_before", pushed),
    ):
        typer.echo(f"{label}: {value}")


@app.command()
def disable(name: Name, data: Data = None) -> None:
    """Believe no token of a realm and let nobody of it in; nothing is lost."""
    _change(name, data, enabled=False)
    typer.echo(f"disabled {name}")


@app.command()
def enable(name: Name, data: Data = None) -> None:
    """Let a realm in again."""
    _change(name, data, enabled=True)
    typer.echo(f"enabled {name}")


@app.command("set")
def set_settings(  # noqa: PLR0917 - one parameter a flag
    name: Name,
    token_type: Annotated[str | None, typer.Option(help="JWT or at+jwt: what a token's header says.", show_default=False)] = None,
    algorithm: Annotated[
        str | None, typer.Option(help="RS256, ES256 or EdDSA: of the next key; rotate to sign with it.", show_default=False)
    ] = None,
    token_seconds: Annotated[int | None, typer.Option(help="Lifetime of an access token.", show_default=False)] = None,
    not_before: Annotated[
        str | None, typer.Option(help="Refuse tokens issued before: now, an instant, or 0 for none.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Change a realm's token settings. `--not-before now` logs everybody out."""
    values = {"token_type": token_type, "algorithm": algorithm, "token_seconds": token_seconds, "not_before": _instant(not_before)}
    if all(value is None for value in values.values()):
        raise SettingsError("name what to set: --token-type, --algorithm, --token-seconds or --not-before")
    _change(name, data, **values)
    typer.echo(f"changed {name}")


def _change(name: str, data: Data, **values: object) -> None:
    async def change(rooms: AccessRooms) -> "Realm":
        return await rooms.realms.change_realm(name, _record(values), operator_actor())

    call(data, change)


def _record(values: dict[str, object]) -> "RealmChange":
    from melanzana.realms.records import RealmChange

    return RealmChange(**values)  # type: ignore[arg-type]


def _instant(text: str | None) -> int | None:
    """Seconds since 1970. Errors: SettingsError."""
    from melanzana.realms.shapes import everything_until

    if text is None:
        return None
    if text == "now":
        return everything_until(datetime.now(UTC))
    if text.isdecimal() and len(text) < 13:
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--not-before {text}: there are now, 0, and an instant like 2026-03-01T12:00:00+00:00") from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


def _state(realm: "Realm") -> str:
    return "enabled" if realm.enabled else "disabled"
