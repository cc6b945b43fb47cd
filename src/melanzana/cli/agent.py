"""`melanzana agent`: take work from a server and perform it on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from melanzana.runner.ini import Environment
    from melanzana.runner.process import ProcessWorkers
    from melanzana.runner.records import AgentSettings

_BOUNDS = "Limits of one run"


def agent(  # noqa: PLR0917 - one parameter a flag
    ini: Annotated[
        Path,
        typer.Option("--ini", "--config", help="Access keys of the environment, as the server wrote them.", show_default=False),
    ],
    environment: Annotated[
        str | None, typer.Option(help="Pick the section of this name, when the file has several.", show_default=False)
    ] = None,
    host_url: Annotated[
        str | None, typer.Option(help="Pick the section of this server, when the file has several.", show_default=False)
    ] = None,
    env_id: Annotated[int | None, typer.Option(help="Pick the section of this environment.", show_default=False)] = None,
    dry_only: Annotated[bool, typer.Option("--dry-only", help="Take only dry runs: no code is performed.")] = False,
    slots: Annotated[int, typer.Option(min=1, max=64, help="How many runs at a time.")] = 1,
    suites: Annotated[
        Path | None, typer.Option(help="Folder that relative suite paths start from. [default: here]", show_default=False)
    ] = None,
    drain_seconds: Annotated[float, typer.Option(min=0, max=86_400, help="How long a run may go on after SIGTERM, in s.")] = 3.0,
    label: Annotated[list[str] | None, typer.Option(help="A capability to offer, such as chrome.", show_default=False)] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(help="A variable to pass on to action code; * stands for anything.", show_default=False),
    ] = None,
    step_seconds: Annotated[float, typer.Option(min=0, help="Longest step. 0: no limit.", rich_help_panel=_BOUNDS)] = 3600.0,
    run_seconds: Annotated[float, typer.Option(min=0, help="Longest run. 0: no limit.", rich_help_panel=_BOUNDS)] = 86_400.0,
    max_memory: Annotated[int, typer.Option(min=0, help="Most memory, in MB. 0: no limit.", rich_help_panel=_BOUNDS)] = 4096,
    max_cpu: Annotated[float, typer.Option(min=0, help="Most processor time, in s. 0: no limit.", rich_help_panel=_BOUNDS)] = 0.0,
    max_processes: Annotated[int, typer.Option(min=0, help="Most processes. 0: no limit.", rich_help_panel=_BOUNDS)] = 512,
    max_files: Annotated[
        int, typer.Option(min=0, help="Most open files of a process. 0: no limit.", rich_help_panel=_BOUNDS)
    ] = 4096,
    drain: Annotated[
        bool, typer.Option("--drain", help="Let the process that has these keys end with its last run, and wait for it.")
    ] = False,
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(help="Least severity logged.")] = "INFO",
) -> None:
    """Take work from a server and perform it here, until SIGTERM or Ctrl-C.

    No more work is taken then. A run that is under way has --drain-seconds to end; after that it is aborted and reported as an
    error. A second signal aborts it at once. Action code runs in a process of its own and never sees the access keys; of the
    environment it gets what programs need, and what --env names.

    With --drain nothing is started: the process that works with these keys, here or elsewhere, is asked to end when its run has.
    """
    import asyncio
    import os
    from dataclasses import replace

    from melanzana.cli.draining import drain_agent, told
    from melanzana.errors import AuthError
    from melanzana.runner.environment import passed_on
    from melanzana.runner.ini import read_ini
    from melanzana.runner.limits import MEGABYTE, Limits
    from melanzana.runner.process import ProcessWorkers
    from melanzana.server.logs import configure

    configure(log_level, "text")
    section = read_ini(ini, host_url, env_id, environment)
    limits = Limits(
        memory_bytes=max_memory * MEGABYTE or None,
        processes=max_processes or None,
        cpu_seconds=max_cpu or None,
        open_files=max_files or None,
    )
    workers = ProcessWorkers(suites, passed_on(os.environ, env or []), limits=limits, apart=True)
    times: dict[str, Any] = {"step_seconds": step_seconds or None, "run_seconds": run_seconds or None}
    settings = replace(_settings(dry_only, slots, label or []), drain_seconds=drain_seconds, **times)
    try:
        asyncio.run(drain_agent(section) if drain else _work(section, settings, workers))
    except AuthError as error:
        raise told(error, section, ini) from None


def _settings(dry_only: bool, slots: int, labels: list[str]) -> "AgentSettings":
    import random
    import socket
    import uuid

    from melanzana.runner.records import AgentSettings

    abilities = {"dry"} if dry_only else {"dry", "python"}
    return AgentSettings(
        capabilities=frozenset({*abilities, *labels}),
        slots=slots,
        host=socket.gethostname(),
        instance=uuid.uuid4().hex,
        jitter=random.random,
    )


async def _work(environment: "Environment", settings: "AgentSettings", workers: "ProcessWorkers") -> None:
    import asyncio
    import signal

    from melanzana.client.tokens import ClientCredentials
    from melanzana.clock import SystemClock
    from melanzana.runner.agent import Agent
    from melanzana.runner.http_peer import HttpPeer
    from melanzana.runner.parent import stop_with_parent

    tokens = ClientCredentials(environment.token_url, environment.client_id, environment.client_secret)
    peer = HttpPeer(environment.host_url, tokens)
    worker = Agent(peer, SystemClock(), workers, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    watching = asyncio.create_task(stop_with_parent(worker.stop))
    try:
        await worker.run()
    finally:
        watching.cancel()
        await peer.close()
