"""The agents that the server starts itself: one for dry runs always, and those of `pool.py` that perform code.

They are ordinary agents, processes of `melanzana agent` with credentials of their own, speaking HTTP to the server like any other;
nothing in the dispatch path knows them. One that dies is started again, more slowly each time.
"""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog

_log = structlog.get_logger("melanzana.server")
#: Shortest and longest wait before a child that keeps dying is started again, in seconds.
FIRST_RESTART_SECONDS, SLOWEST_RESTART_SECONDS = 0.5, 30.0
#: How long a child may take to end after SIGTERM, in seconds.
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep running."""

    name: str
    ini_file: Path
    dry_only: bool
    slots: int
    log_level: str
    env: tuple[str, ...] = ()  #: names of variables to pass on to action code

    def command(self) -> list[str]:
        extra = ["--dry-only"] if self.dry_only else []
        base = [sys.executable, "-m", "melanzana.cli.main", "agent", "--ini", str(self.ini_file), "--slots", str(self.slots)]
        passed = [word for name in self.env for word in ("--env", name)]
        return [*base, "--log-level", self.log_level, *passed, *extra]


async def keep_running(child: Child, retiring: asyncio.Event | None = None) -> None:
    """Run `child` until cancelled; then stop it. Once it is `retiring`, its end is the end."""
    pause = FIRST_RESTART_SECONDS
    while True:
        loop = asyncio.get_running_loop()
        started = loop.time()
        code = await _run_once(child)
        if retiring is not None and retiring.is_set():
            return
        pause = next_pause(pause, loop.time() - started)
        _log.warning("an agent of the server ended and is started again", agent=child.name, exit_code=code, in_seconds=pause)
        await asyncio.sleep(pause)


def next_pause(before: float, lived: float) -> float:
    """Seconds until a process that ended is started again: soon when it lived long, else twice as long as last time."""
    return FIRST_RESTART_SECONDS if lived > SLOWEST_RESTART_SECONDS else min(before * 2, SLOWEST_RESTART_SECONDS)


async def _run_once(child: Child) -> int:
    process = await asyncio.create_subprocess_exec(
        *child.command(),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "MELANZANA_PARENT": str(os.getpid())},
    )
    try:
        return await process.wait()
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
