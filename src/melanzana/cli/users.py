"""`melanzana users`: make and list people, let them in or keep them out, whether the server runs or not.

The way back in when nobody remembers the administrator's password: whoever may write the data folder may make another one.
A password comes from the terminal or from standard input and never from the command line, which other processes can read.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from melanzana.cli.data_folder import Data, must_exist, open_people, operator_actor
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.users.records import Author, Session, User
    from melanzana.users.service import UserService

T = TypeVar("T")
app = typer.Typer(help="Make and list people, let them in or keep them out.", no_args_is_help=True)

RealmName = Annotated[str | None, typer.Option(help="Realm of the person. [default: eggplant]", show_default=False)]
Username = Annotated[str, typer.Argument(help="The person's username.", show_default=False)]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def create(  # noqa: PLR0917 - one parameter a flag
    username: Username,
    role: Annotated[str, typer.Option(help="user or admin.")] = "user",
    name: Annotated[str, typer.Option(help="As shown; the username when left out.", show_default=False)] = "",
    email: Annotated[str, typer.Option(help="E-mail address.", show_default=False)] = "",
    password_stdin: PasswordStdin = False,
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """Make a person's account. The password is asked for, or read from standard input."""
    from melanzana.access.permissions import Role
    from melanzana.users.records import NewUser

    words = {"user": Role.USER, "admin": Role.ADMIN, Role.USER.value: Role.USER, Role.ADMIN.value: Role.ADMIN}
    if role not in words:
        raise SettingsError(f"--role {role}: there are the roles user and admin")
    new = NewUser(username=username, name=name, email=email, role=words[role], password=_password(password_stdin))

    async def make(people: "UserService", home: str) -> "User":
        return await people.accounts.create(realm or home, new, _author())

    made = _call(data, make, may_make_folder=True)
    typer.echo(f"made {made.username} ({made.role.value})")


@app.command("list")
def list_users(realm: RealmName = None, data: Data = None) -> None:
    """List everybody of the realm."""

    async def ask(people: "UserService", home: str) -> "list[User]":
        return [person for person, _ in await people.accounts.everybody(realm or home)]

    _table(
        ("username", "name", "role", "last login", "state"),
        [
            (
                person.username,
                person.name,
                person.role.value,
                f"{person.last_login_at:%Y-%m-%d %H:%M}" if person.last_login_at else "never",
                "enabled" if person.enabled else "disabled",
            )
            for person in _call(data, ask)
        ],
    )


@app.command()
def disable(username: Username, realm: RealmName = None, data: Data = None) -> None:
    """Keep a person out; their sessions and tokens end at once."""
    _set_enabled(username, realm, data, enabled=False)
    typer.echo(f"disabled {username}")


@app.command()
def enable(username: Username, realm: RealmName = None, data: Data = None) -> None:
    """Let a person in again."""
    _set_enabled(username, realm, data, enabled=True)
    typer.echo(f"enabled {username}")


@app.command("set-password")
def set_password(username: Username, password_stdin: PasswordStdin = False, realm: RealmName = None, data: Data = None) -> None:
    """Give a person another password; their sessions and tokens end at once."""
    from melanzana.users.records import UserChange

    must_exist(data)
    change = UserChange(password=_password(password_stdin))

    async def renew(people: "UserService", home: str) -> None:
        person = await people.accounts.by_name(realm or home, username)
        await people.accounts.change(person.realm, person.id, change, _author())

    _call(data, renew)
    typer.echo(f"changed the password of {username}")


@app.command()
def sessions(username: Username, realm: RealmName = None, data: Data = None) -> None:
    """List where a person is logged in."""

    async def ask(people: "UserService", home: str) -> "list[Session]":
        return await people.sessions.list((await people.accounts.by_name(realm or home, username)).id)

    _table(
        ("session", "since", "last seen", "address", "browser"),
        [
            (
                session.id,
                f"{session.created_at:%Y-%m-%d %H:%M}",
                f"{session.last_seen_at:%Y-%m-%d %H:%M}",
                session.address,
                session.user_agent,
            )
            for session in _call(data, ask)
        ],
    )


@app.command("end-sessions")
def end_sessions(username: Username, realm: RealmName = None, data: Data = None) -> None:
    """Log a person out everywhere; their tokens end at once."""

    async def end(people: "UserService", home: str) -> int:
        person = await people.accounts.by_name(realm or home, username)
        return await people.sessions.revoke_all(person, _author().actor)

    typer.echo(f"ended {_call(data, end)} sessions of {username}")


def _set_enabled(username: str, realm: str | None, data: Path | None, *, enabled: bool) -> None:
    from melanzana.users.records import UserChange

    async def change(people: "UserService", home: str) -> None:
        person = await people.accounts.by_name(realm or home, username)
        await people.accounts.change(person.realm, person.id, UserChange(enabled=enabled), _author())

    _call(data, change)


def _call(data: Path | None, verb: "Callable[[UserService, str], Awaitable[T]]", *, may_make_folder: bool = False) -> T:
    """Run one verb on the people of the data folder; it also gets the home realm's name."""
    if not may_make_folder:
        must_exist(data)

    async def called() -> T:
        async with open_people(data) as (people, home):
            return await verb(people, home)

    return asyncio.run(called())


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise SettingsError("there is no terminal to ask for the password; send it on standard input with --password-stdin")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _author() -> "Author":
    from melanzana.users.rules import operator

    return operator(operator_actor())


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=320).print(table)  # ids stay whole, for copying
