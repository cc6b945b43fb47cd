"""`melanzana keys`: list, rotate, disable and remove the signing keys of a realm, whether the server runs or not.

A running server looks at its realm on every request, so it signs with the new key, and refuses a disabled one, at the next.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.access_rooms import AccessRooms, call, show_table
from melanzana.cli.data_folder import Data, operator_actor

if TYPE_CHECKING:
    from melanzana.realms.records import SigningKey

app = typer.Typer(help="List, rotate, disable and remove signing keys.", no_args_is_help=True)

RealmName = Annotated[str | None, typer.Option(help="Realm of the keys. [default: eggplant]", show_default=False)]
Kid = Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.", show_default=False)]


@app.command("list")
def list_keys(realm: RealmName = None, data: Data = None) -> None:
    """List the keys of a realm, oldest first, with the day since which each is in its state."""

    async def ask(rooms: AccessRooms) -> "list[SigningKey]":
        return await rooms.realms.keys(await rooms.named(realm))

    rows = [_row(key) for key in call(data, ask)]
    show_table(("key", "state", "algorithm", "since"), rows)


@app.command()
def rotate(realm: RealmName = None, data: Data = None) -> None:
    """Sign with the next key from now on and publish another next one; tokens of the old key stay good."""

    async def turn(rooms: AccessRooms) -> str:
        return await rooms.realms.rotate_key(await rooms.named(realm), operator_actor())

    typer.echo(f"signing with {call(data, turn)}")


@app.command()
def disable(kid: Kid, realm: RealmName = None, data: Data = None) -> None:
    """Distrust a key for good, as after a leak: every token it signed is refused at once."""

    async def distrust(rooms: AccessRooms) -> "SigningKey":
        return await rooms.realms.disable_key(await rooms.named(realm), kid, operator_actor())

    typer.echo(f"disabled {call(data, distrust).kid}")


@app.command()
def remove(kid: Kid, realm: RealmName = None, data: Data = None) -> None:
    """Forget a passive or disabled key; tokens it signed are refused."""

    async def forget(rooms: AccessRooms) -> None:
        await rooms.realms.remove_key(await rooms.named(realm), kid, operator_actor())

    call(data, forget)
    typer.echo(f"removed {kid}")


def _row(key: "SigningKey") -> tuple[str, ...]:
    """Since when it is in its state, by the day: the key's id takes the room."""
    return (key.kid, key.state.value, key.algorithm, f"{key.changed_at or key.created_at:%Y-%m-%d}")
