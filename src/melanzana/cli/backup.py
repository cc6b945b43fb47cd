"""`melanzana backup` and `melanzana restore`: a copy of the data folder while the server runs, and a data folder from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.data_folder import Data
from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from melanzana.server.settings import ServerSettings
    from melanzana.storage.backup_parts import Manifest

_POSTGRESQL = (
    "the database is in PostgreSQL, which has its own tools: {tool}. With it belong {attachments} and, kept apart, "
    "{data}/secrets/master.key"
)
Database = Annotated[str | None, typer.Option(help="As of `melanzana serve`. [default: a file]", show_default=False)]


def backup(
    target: Annotated[Path, typer.Argument(help="New file when the name ends with .tar, else a new folder.", show_default=False)],
    data: Data = None,
    with_secrets: Annotated[bool, typer.Option("--with-secrets", help="Also keep secrets/master.key in the backup.")] = False,
    database: Database = None,
) -> None:
    """Back up database and attachments, whether the server runs or not.

    Everything the server acknowledged before is in it. Without --with-secrets the master key is not: keep a copy of it elsewhere,
    since the signing keys and clients of the backup are worth nothing without it.
    """
    from melanzana.clock import SystemClock
    from melanzana.storage.backup import back_up

    settings = _settings(data, database, "back it up with `pg_dump --format=custom`")
    folder, bucket = settings.data, settings.attachments
    made = back_up(folder, target, with_secrets=with_secrets, made_at=SystemClock().now(), bucket=bucket)
    typer.echo(f"backed up {_described(made.manifest)} into {target}")
    if with_secrets:
        typer.echo("the master key is in it: whoever reads the backup can sign tokens; keep it as you keep passwords", err=True)
    else:
        typer.echo(f"the master key is not in it: keep a copy of {folder / 'secrets' / 'master.key'} elsewhere", err=True)
    if bucket is not None:
        typer.echo(f"attachments are in {bucket} and not in it: version that bucket, or copy it with its own tools", err=True)
    for digest in made.damaged:
        typer.echo(f"the attachment {digest} is damaged on the disk and is not in the backup", err=True)
    if made.damaged:
        raise typer.Exit(1)


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="File or folder of `melanzana backup`.", show_default=False)],
    data: Data = None,
    database: Database = None,
) -> None:
    """Make a data folder of a backup, after every part of it was verified.

    A folder that has a database, or a server, is refused.
    """
    from melanzana.storage.restore import restore as put_back

    folder = _settings(data, database, "restore it with `pg_restore`").data
    manifest = put_back(source, folder)
    typer.echo(f"restored {_described(manifest)} of {manifest.made_at[:19]}Z into {folder}")
    if manifest.attachments is not None:
        typer.echo(
            f"attachments are in {manifest.attachments}: start the server with --attachments {manifest.attachments}", err=True
        )
    if not (folder / "secrets" / "master.key").exists():
        typer.echo(f"now put the master key of this database to {folder / 'secrets' / 'master.key'} (mode 600)", err=True)


def _settings(data: Path | None, database: str | None, tool: str) -> "ServerSettings":
    """Errors: SettingsError when the settings name a PostgreSQL database."""
    from melanzana.server.settings import read_settings

    settings = read_settings({"data": data, "database": database})
    if settings.database is not None:
        attachments = settings.attachments or f"the folder {settings.data}/blobs (copied after the database)"
        raise SettingsError(_POSTGRESQL.format(tool=tool, attachments=attachments, data=settings.data), field="database")
    return settings


def _described(manifest: "Manifest") -> str:
    attachments = sum(part.path.startswith("blobs/") for part in manifest.parts)
    megabytes = sum(part.bytes for part in manifest.parts) / 1e6
    return f"the database and {attachments} attachment{'' if attachments == 1 else 's'} ({megabytes:.1f} MB)"
