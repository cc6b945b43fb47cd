"""`melanzana serve`: the whole server in one process, with its local agents beside it."""

from pathlib import Path
from typing import Annotated, Any

import typer


def serve(  # noqa: PLR0917 - one parameter a flag
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one. [default: 8000]", show_default=False)] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of database, attachments and keys. [default: melanzana-data]", show_default=False)
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="Address of a PostgreSQL database that several servers share. [default: a file]", show_default=False),
    ] = None,
    bus: Annotated[str | None, typer.Option(help="Address of NATS for news between servers.", show_default=False)] = None,
    attachments: Annotated[
        str | None, typer.Option(help="Bucket of attachments (s3://bucket/folder). [default: a folder]", show_default=False)
    ] = None,
    attachments_endpoint: Annotated[
        str | None, typer.Option(help="Address of an S3-compatible store that is not Amazon's.", show_default=False)
    ] = None,
    realm: Annotated[str | None, typer.Option(help="Realm made at first start. [default: eggplant]", show_default=False)] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Address under which clients reach the server.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Server processes on the one port (PostgreSQL). [default: 1]", show_default=False)
    ] = None,
    agent: Annotated[
        bool | None, typer.Option("--agent/--no-agent", help="Start an agent on this machine. [default: agent]", show_default=False)
    ] = None,
    hosted_agents_min: Annotated[
        int | None, typer.Option(help="Fewest agents of its own; 0: none until a run waits. [default: 1]", show_default=False)
    ] = None,
    hosted_agents_max: Annotated[
        int | None, typer.Option(help="Most agents of its own, started as runs wait. [default: 1]", show_default=False)
    ] = None,
    hosted_agents_idle_seconds: Annotated[float | None, typer.Option(hidden=True)] = None,
    agent_env: Annotated[
        str | None, typer.Option(help="Variables that this agent passes on, with commas. [default: none]", show_default=False)
    ] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict/--no-strict", help="Refuse unknown fields of a start call.", show_default=False)
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR. [default: INFO]", show_default=False)
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json. [default: text]", show_default=False)] = None,
    heartbeat_seconds: Annotated[float | None, typer.Option(hidden=True)] = None,
    lease_seconds: Annotated[float | None, typer.Option(hidden=True)] = None,
    grace_seconds: Annotated[float | None, typer.Option(hidden=True)] = None,
    kill_seconds: Annotated[float | None, typer.Option(hidden=True)] = None,
    session_idle_minutes: Annotated[float | None, typer.Option(hidden=True)] = None,
    session_hours: Annotated[float | None, typer.Option(hidden=True)] = None,
    starts_per_minute: Annotated[int | None, typer.Option(hidden=True)] = None,
    held_requests: Annotated[int | None, typer.Option(hidden=True)] = None,
    max_queued: Annotated[int | None, typer.Option(hidden=True)] = None,
    webhook_private: Annotated[bool | None, typer.Option("--webhook-private/--no-webhook-private", hidden=True)] = None,
    max_model_bytes: Annotated[int | None, typer.Option(hidden=True)] = None,
    max_attachment_bytes: Annotated[int | None, typer.Option(hidden=True)] = None,
    keep_runs_days: Annotated[float | None, typer.Option(hidden=True)] = None,
    keep_runs_count: Annotated[int | None, typer.Option(hidden=True)] = None,
    keep_logs_days: Annotated[float | None, typer.Option(hidden=True)] = None,
    keep_attachments_days: Annotated[float | None, typer.Option(hidden=True)] = None,
    keep_sweep_minutes: Annotated[float | None, typer.Option(hidden=True)] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings. [default: <data>/melanzana.toml]", show_default=False)
    ] = None,
) -> None:
    """Start the server: REST API, embedded database, dry runs, and an agent on this machine.

    Every setting can also stand in the environment (MELANZANA_PORT) or in a TOML file; the reference page "Settings" lists them
    with their units, lease figures included.
    """
    flags: dict[str, Any] = {name: value for name, value in locals().items() if name != "config"}
    from melanzana.server.process import run_server
    from melanzana.server.settings import read_settings
    from melanzana.server.workers import run_workers

    settings = read_settings(flags, config)
    if settings.workers == 1:
        run_server(settings)
    elif code := run_workers(settings):
        raise typer.Exit(code)
