"""The server as a process: socket, event loop, app, and the agents beside it, from start to a graceful stop.

`cli/serve.py` calls `run_server`; with `--workers`, `workers.py` binds the socket and each of its processes calls `serve_on`. The
socket is bound before anything is opened, so a port in use is one clear line. SIGTERM and Ctrl-C stop it: no new requests, held
polls answered, agents ended, the database drained and closed.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import uvicorn
import uvloop

from melanzana.clock import SystemClock
from melanzana.configurations.orchestrating import EmbeddedOrchestrator
from melanzana.errors import SettingsError
from melanzana.server.app import create_app
from melanzana.server.children import Child, keep_running
from melanzana.server.connection import GuardedConnection
from melanzana.server.logs import configure
from melanzana.server.pool import Bounds, Pool, Rooms, agent_names
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings
from melanzana.version import __version__

#: How long requests in flight may take after SIGTERM, in seconds; the whole stop stays under ten.
GRACEFUL_SECONDS = 5
LOCAL_AGENT, DRY_RUN_AGENT = "local", "dry-run"


def run_server(settings: ServerSettings) -> None:
    """Serve until told to stop. Raises SettingsError when the address or the data folder cannot be used."""
    listening = listen(settings)
    serve_on(listening, settings.model_copy(update={"port": listening.getsockname()[1]}), Post())


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What one process of a server is there for besides answering requests."""

    announces: bool = True  #: says on the console that the server is ready
    does_duties: bool = True  #: keeps the agents of this machine, and starts what is due: once a server, not once a process
    told_ready: Callable[[], None] = lambda: None  #: called when requests are answered


def serve_on(listening: socket.socket, settings: ServerSettings, post: Post) -> None:
    """Serve on a socket that is bound, until told to stop. Raises SettingsError when the data folder cannot be used."""
    configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(asyncio.CancelledError):
        runner.run(_serve(settings, listening, post))


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: act())


def listen(settings: ServerSettings) -> socket.socket:
    """The bound socket. Raises SettingsError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}") from None
    return listening


class _Server(uvicorn.Server):
    """uvicorn, which on its way out first lets go of what would hold it: the agents beside it, then every held poll."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self.beside: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self.beside:
            task.cancel()
        await asyncio.gather(*self.beside, return_exceptions=True)
        self._services.release_polls()
        await super().shutdown(sockets)


async def _serve(settings: ServerSettings, listening: socket.socket, post: Post) -> None:
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    assert own is not None
    _on_signals(lambda: loop.call_soon_threadsafe(own.cancel))  # a start that waits for a database ends, too
    async with open_services(settings, SystemClock()) as services:
        config = uvicorn.Config(
            create_app(settings, services),
            http=GuardedConnection,
            log_config=None,
            server_header=False,
            access_log=False,
            proxy_headers=False,  # an address that any client can claim would get around the throttle
            lifespan="off",
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
        server = _Server(config, services)
        duties = (services.sweep_forever(), services.digest_forever(), services.export_forever(), services.retain_forever())
        always = [asyncio.create_task(duty) for duty in duties]
        if post.does_duties:
            server.beside.append(asyncio.create_task(EmbeddedOrchestrator(services.configurations).run()))
            server.beside.append(asyncio.create_task(services.schedules.run()))
            server.beside.append(asyncio.create_task(services.notifications.run()))
        server.beside.append(asyncio.create_task(_when_ready(server, settings, services, post)))
        # uvicorn has its own handlers and raises the signal again once it has stopped; by then only our closing is left to do.
        _on_signals(lambda: None)
        try:
            await server.serve(sockets=[listening])
        finally:
            for task in always:
                task.cancel()


async def _when_ready(server: _Server, settings: ServerSettings, services: Services, post: Post) -> None:
    await server.ready.wait()
    post.told_ready()
    if post.announces:
        _announce(settings, await services.users.links.setup_address())
    if post.does_duties:
        await _keep_agents(settings, services)


async def _keep_agents(settings: ServerSettings, services: Services) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_running(await _child(settings, services, DRY_RUN_AGENT + _suffix(settings), dry=True)))
        if settings.agent:
            rooms = Rooms(settings.realm, services.agents, services.executions, partial(_child, settings, services))
            group.create_task(Pool(_bounds(settings), rooms, agent_names(LOCAL_AGENT, _suffix(settings))).run())


async def _child(settings: ServerSettings, services: Services, name: str, *, dry: bool = False) -> Child:
    """An agent of the server with fresh keys."""
    ini_file = await services.hosted_agent(name, dry=dry)
    slots = max(2, os.cpu_count() or 1) if dry else 1
    env = tuple(filter(None, (part.strip() for part in settings.agent_env.split(","))))
    return Child(name=name, ini_file=ini_file, dry_only=dry, slots=slots, log_level=settings.log_level, env=env)


def _bounds(settings: ServerSettings) -> Bounds:
    most = max(settings.hosted_agents_min, settings.hosted_agents_max)
    return Bounds(least=settings.hosted_agents_min, most=most, idle_seconds=settings.hosted_agents_idle_seconds)


def _suffix(settings: ServerSettings) -> str:
    """What tells this server's agents from those of others on the same database: an agent's name is one process's."""
    if settings.database is None:
        return ""
    host = re.sub(r"[^\w.-]", "-", socket.gethostname())[:60]
    return f"-{host}-{settings.port}"


def _announce(settings: ServerSettings, setup_address: str | None) -> None:
    """On the console, never in the log: the setup address is a secret until it is used."""
    sys.stdout.write(f"Melanzana {__version__} is ready at {settings.base_url} (API documentation: {settings.base_url}/docs)\n")
    if setup_address is not None:
        sys.stdout.write(f"Nobody can log in yet. Make the first administrator, once, at {setup_address}\n")
    sys.stdout.flush()
