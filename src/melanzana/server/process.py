"""The server as a process: socket, event loop, app, and the agents beside it, from start to a graceful stop.

`cli/serve.py` calls `run_server`. The socket is bound before anything is opened, so a port in use is one clear line. SIGTERM and
Ctrl-C stop it: no new requests, held polls answered, agents ended, the database drained and closed.
"""

import asyncio
import os
import re
import signal
import socket
import sys

import uvicorn
import uvloop

from melanzana.clock import SystemClock
from melanzana.configurations.orchestrating import EmbeddedOrchestrator
from melanzana.errors import SettingsError
from melanzana.server.app import create_app
from melanzana.server.children import Child, keep_running
from melanzana.server.connection import GuardedConnection
from melanzana.server.logs import configure
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings
from melanzana.version import __version__

#: How long requests in flight may take after SIGTERM, in seconds; the whole stop stays under ten.
GRACEFUL_SECONDS = 5
LOCAL_AGENT, DRY_RUN_AGENT = "local", "dry-run"


def run_server(settings: ServerSettings) -> None:
    """Serve until told to stop. Raises SettingsError when the address or the data folder cannot be used."""
    configure(settings.log_level, settings.log_format)
    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has stopped; by then only our own closing is left to do.
        signal.signal(number, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listening))


def _listen(settings: ServerSettings) -> socket.socket:
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


async def _serve(settings: ServerSettings, listening: socket.socket) -> None:
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
        server.beside.append(asyncio.create_task(EmbeddedOrchestrator(services.configurations).run()))
        always = [asyncio.create_task(task) for task in (services.sweep_forever(), services.digest_forever())]
        server.beside.append(asyncio.create_task(_start_agents(server, settings, services)))
        try:
            await server.serve(sockets=[listening])
        finally:
            for task in always:
                task.cancel()


async def _start_agents(server: _Server, settings: ServerSettings, services: Services) -> None:
    await server.ready.wait()
    _announce(settings, await services.users.links.setup_address())
    kinds = [DRY_RUN_AGENT, *([LOCAL_AGENT] if settings.agent else [])]
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            dry, name = kind == DRY_RUN_AGENT, kind + _suffix(settings)
            ini_file = await services.hosted_agent(name, dry=dry)
            slots = max(2, os.cpu_count() or 1) if dry else 1
            env = tuple(filter(None, (part.strip() for part in settings.agent_env.split(","))))
            child = Child(name=name, ini_file=ini_file, dry_only=dry, slots=slots, log_level=settings.log_level, env=env)
            group.create_task(keep_running(child))


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
