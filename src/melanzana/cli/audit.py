"""`melanzana audit`: read, verify and save the audit trail of a realm, whether the server runs or not."""

import asyncio
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from melanzana.cli.access_rooms import AccessRooms, call, show_table
from melanzana.cli.data_folder import Data
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from melanzana.audit.records import AuditRecord, Head, Verification

app = typer.Typer(help="Read, verify and save the audit trail.", no_args_is_help=True)

RealmName = Annotated[str | None, typer.Option(help="Realm of the trail. [default: eggplant]", show_default=False)]
Query = Annotated[str, typer.Argument(help="Such as: action:login outcome:failure since:7d", show_default=False)]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="New file. [default: standard output]", show_default=False)]
_EXPECTED = re.compile(r"(\d{1,15}):([0-9a-f]{64})")


@app.command("list")
def list_records(
    query: Query = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Records at most.")] = 50,
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """List records, the newest first."""

    async def ask(rooms: AccessRooms) -> "list[AuditRecord]":
        from melanzana.audit.query import read_query

        return await rooms.audit.records(await rooms.named(realm), read_query(query, rooms.clock.now()), limit=limit)

    show_table(("no.", "when", "action", "outcome", "who", "address", "what", "detail"), [_row(each) for each in call(data, ask)])


@app.command()
def verify(
    expect: Annotated[str | None, typer.Option(help="NUMBER:HASH that an earlier verification showed.", show_default=False)] = None,
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """Look at every record: is each there, and as it was written? Ends with 1 when not.

    Keep the NUMBER:HASH that is shown on another machine; given as --expect later, it shows a change even by somebody who could
    rewrite the whole database.
    """
    kept = _kept(expect)

    async def look(rooms: AccessRooms) -> "Verification":
        return await rooms.audit.verify(await rooms.named(realm), kept)

    found = call(data, look)
    if not found.ok:
        typer.echo(f"record {found.first_broken} is missing or is not what was written ({found.records} records)", err=True)
        raise typer.Exit(1)
    typer.echo(f"{found.records} records, none changed or missing")
    typer.echo(f"{found.records}:{found.head_hash}")


@app.command()
def export(
    query: Query = "",
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="New file. [default: standard output]", show_default=False)
    ] = None,
    realm: RealmName = None,
    data: Data = None,
) -> None:
    """Save records, the newest first."""
    if form not in {"csv", "json"}:
        raise SettingsError(f"--format {form}: there are csv and json")

    async def save(rooms: AccessRooms) -> None:
        from melanzana.audit.export import lines
        from melanzana.audit.query import read_query

        where = read_query(query, rooms.clock.now())
        name = await rooms.named(realm)
        with _target(output) as file:
            async for text in lines(rooms.audit.export(name, where), form):
                await asyncio.to_thread(file.write, text)

    call(data, save)


def _target(output: Path | None) -> "AbstractContextManager[TextIO]":
    if output is None:
        return nullcontext(sys.stdout)
    try:
        return output.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise SettingsError(f"--output {output}: the file exists and is left as it is; name a new one") from None
    except OSError as error:
        raise SettingsError(f"--output {output}: {error.strerror}") from None


def _kept(expect: str | None) -> "Head | None":
    from melanzana.audit.records import Head

    if expect is None:
        return None
    match = _EXPECTED.fullmatch(expect)
    if match is None:
        raise SettingsError("--expect is NUMBER:HASH as `melanzana audit verify` shows it")
    return Head(number=int(match[1]), hash=match[2])


def _row(record: "AuditRecord") -> tuple[str, ...]:
    entry, actor = record.entry, record.entry.actor
    detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
    when = f"{record.at:%Y-%m-%d %H:%M:%S}"
    return (str(record.number), when, entry.action, entry.outcome, actor.name or actor.id, actor.address, entry.subject, detail)
