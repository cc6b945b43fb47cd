"""`melanzana login`, `logout`, `whoami`: a person at a terminal, with their browser."""

import asyncio
import webbrowser
from typing import Annotated

import typer

DEFAULT_SERVER = "http://localhost:8000"


def login(
    server: Annotated[str, typer.Option(envvar="MELANZANA_SERVER", help="Address of the server.")] = DEFAULT_SERVER,
    realm: Annotated[str, typer.Option(help="Realm to log in to.")] = "eggplant",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address to open instead of starting a browser.")
    ] = False,
) -> None:
    """Log in with your browser. The login is kept for you alone, until you log out or do not use it for 30 days."""
    from melanzana.client.login import LoginFile, log_in

    def show(address: str) -> None:
        if no_browser or not _open(address):
            typer.echo("Open this address in a browser on this machine:", err=True)
            typer.echo(address)
            return
        typer.echo("Your browser shows the login page; the command waits for it.", err=True)

    file = LoginFile.of_user()
    kept = asyncio.run(log_in(server, realm, show))
    file.write(kept)
    typer.echo(f"logged in at {kept.server} as {kept.name or kept.username or 'somebody'} (realm {kept.realm})")


def logout() -> None:
    """End your login, here and on the server."""
    from melanzana.client.login import LoginFile, log_out

    file = LoginFile.of_user()
    with file.locked():
        kept = file.read()
        if kept is None:
            typer.echo("nobody is logged in")
            return
        try:
            ended = asyncio.run(log_out(kept))
        finally:
            file.remove()
    typer.echo(f"logged out of {kept.server}" if ended else f"forgotten here; at {kept.server} the login was over already")


def whoami() -> None:
    """Who is logged in, as the server says it now."""
    from melanzana.client.login import LoginFile, who_am_i

    person = asyncio.run(who_am_i(LoginFile.of_user()))
    typer.echo(f"{person.get('preferred_username', person.get('sub'))} at {person['server']} (realm {person['realm']})")


def _open(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
