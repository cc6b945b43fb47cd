"""`melanzana retention`: what the rules of the settings would remove now. It removes nothing; the server does."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.data_folder import Data

if TYPE_CHECKING:
    from melanzana.executions.retention import KeepRule, Outlook
    from melanzana.server.settings import ServerSettings


def retention(
    data: Data = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings. [default: <data>/melanzana.toml]", show_default=False)
    ] = None,
) -> None:
    """Show what the rules keep, and what the server would remove now.

    Nothing is removed by this. The rules are the settings keep_… of the server, read as the server reads them.
    """
    from melanzana.cli.data_folder import must_exist
    from melanzana.server.settings import read_settings

    must_exist(data)
    outlooks = asyncio.run(_ask(read_settings({"data": data}, config)))
    for one in outlooks:
        typer.echo(f"{one.realm}\n  kept    {_kept(one.rule)}\n  to go   {_going(one)}")
    if all(one.rule.keeps_all for one in outlooks):
        typer.echo("everything is kept: no keep_… setting is given", err=True)


async def _ask(settings: "ServerSettings") -> "list[Outlook]":
    from melanzana.clock import SystemClock
    from melanzana.executions.retention import Watch
    from melanzana.server.services import keep_rules
    from melanzana.storage.migrations import migrate
    from melanzana.storage.opening import open_database

    database, clock = open_database(settings.data, settings.database, role="visitor"), SystemClock()
    try:
        await migrate(database)
        watch = Watch(database, clock, keep_rules(settings))
        return [await watch.outlook(realm) for realm in await watch.realms()]
    finally:
        await database.close()


def _kept(rule: "KeepRule") -> str:
    """`runs 90 days, newest 200 of each model; logs 30 days; attachments as long as the log`."""
    newest = "" if rule.runs_count is None else f"newest {rule.runs_count} of each model"
    runs = ", ".join(filter(None, (_days(rule.runs_days), newest))) or "for ever"
    logs, files = _days(rule.logs_days) or "as long as the run", _days(rule.attachments_days) or "as long as the log"
    return f"runs {runs}; logs {logs}; attachments {files}"


def _going(one: "Outlook") -> str:
    counts = ((one.runs, "runs"), (one.logs, "logs"), (one.attachments, "runs' attachments"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing"


def _days(days: float | None) -> str:
    return "" if days is None else f"{days:g} days"
