"""Workers that are child processes: starts `runner/worker.py`, reads its events, and sees to it that it ends.

The worker leads a session and process group of its own. Its guard kills the whole tree when the life pipe closes, so this process
may die in any way: nothing it started is left behind. POSIX only: process groups and `fork` are what the promise rests on.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from melanzana.errors import NotFoundError, RequestError, UnavailableError
from melanzana.protocol.events import Event, event_from_json
from melanzana.runner.disguises import secrets_of
from melanzana.runner.environment import NEVER
from melanzana.runner.failures import cut
from melanzana.runner.limits import NO_LIMITS, Limits
from melanzana.runner.masking import Masker
from melanzana.runner.orders import ABORT, PAUSE, RESUME
from melanzana.runner.workers import Job

_READ_BYTES = 65_536
#: A line longer than this is no event.
_LINE_BYTES = 8 * 2**20
#: How long the guard may take to end everything, in seconds; then its group is killed from here.
_GUARD_SECONDS = 2.0
#: Most characters of it in an epitaph.
_LAST_WORDS = 2_000


class ProcessWorkers:
    """Starts one child process a job.

    `suites` is the folder that a relative suite path starts from (None: the agent's working folder). `environment` replaces the
    environment of the agent, from which its own secrets are taken out in any case. `apart`: a worker gets an empty working folder
    and a place for temporary files of its own, which go away with it; else it works where its starter does.
    """

    def __init__(
        self,
        suites: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        limits: Limits = NO_LIMITS,
        apart: bool = False,
    ) -> None:
        self._suites, self._environment, self._limits, self._apart = suites, environment, limits, apart

    async def start(self, job: Job) -> "ProcessWorker":
        """Raises UnavailableError when no process can be started."""
        if sys.platform == "win32":
            raise UnavailableError("workers need POSIX process groups: run the agent on Linux or macOS, or in WSL")
        folder = Path(tempfile.mkdtemp(prefix="melanzana-run-"))
        try:
            self._write_job(folder, job)
            place = _Place(folder, folder / "work" if self._apart else None, self._variables(folder) | _trace(job), self._limits)
            return await _launch(place, job)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(f"no worker process can be started: {error}") from error

    def _write_job(self, folder: Path, job: Job) -> None:
        for name in ("attachments", *(("work", "tmp") if self._apart else ())):
            (folder / name).mkdir()
        snapshot = job.snapshot.to_json()
        if job.snapshot.suite:
            base = self._suites or Path.cwd()
            snapshot["suite"] = str(base / Path(job.snapshot.suite).expanduser())
        document = {"agent_name": job.agent_name, "snapshot": snapshot, "has_sut": job.sut is not None}
        (folder / "job.json").write_text(json.dumps(document), "utf-8")

    def _variables(self, folder: Path) -> dict[str, str]:
        source = os.environ if self._environment is None else self._environment
        variables = {name: value for name, value in source.items() if name not in NEVER}
        return variables | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp")) if self._apart else variables


def _trace(job: Job) -> dict[str, str]:
    return {"TRACEPARENT": job.traceparent} if job.traceparent else {}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a worker starts, and with what."""

    folder: Path
    working: Path | None
    environment: Mapping[str, str]
    limits: Limits


async def _launch(place: _Place, job: Job) -> "ProcessWorker":
    theirs: list[int] = []
    ours: list[int] = []
    try:
        for _ in ("life", "orders"):
            read_end, write_end = os.pipe()
            theirs.append(read_end)
            ours.append(write_end)
        events, write_end = os.pipe()
        theirs.append(write_end)
        ours.append(events)
        with (place.folder / "stderr.txt").open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "melanzana.runner.worker",
                str(place.folder),
                place.limits.to_text(),
                *(str(descriptor) for descriptor in theirs),
                stdin=asyncio.subprocess.DEVNULL if job.sut is None else asyncio.subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                pass_fds=theirs,
                start_new_session=True,
                env=place.environment,
                cwd=place.working,
            )
    except BaseException:
        for descriptor in ours:
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    worker = ProcessWorker(process, place.folder, ours, Masker(secrets_of(job.sut, place.environment)))
    if job.alive_seconds is not None:
        worker.extend(job.alive_seconds)
    await worker.open()
    if job.sut is not None:
        await _hand_over(process, json.dumps(dict(job.sut)).encode())
    return worker


async def _hand_over(process: asyncio.subprocess.Process, content: bytes) -> None:
    """Give the worker what must not be written to a file; a worker that has died already does not mind."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.write(content)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


class ProcessWorker:
    """One worker process, seen from the agent."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, pipes: list[int], masker: Masker) -> None:
        self._process, self._folder, self._masker = process, folder, masker
        self._life, self._orders, self._events_fd = pipes
        os.set_blocking(self._life, False)
        os.set_blocking(self._orders, False)
        self._events = asyncio.StreamReader(limit=_READ_BYTES)
        self._transport: asyncio.ReadTransport | None = None
        self._unread = b""
        self._exit: int | None = None
        self._limit = ""
        self._closed = False
        self._gone = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Of the guard, which leads the process group."""
        return self._process.pid

    async def open(self) -> None:
        """Begin to read."""
        pipe = os.fdopen(self._events_fd, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._events), pipe)

    async def receive(self) -> tuple[Event, ...]:
        while True:
            data = await self._events.read(_READ_BYTES)
            if not data:
                await self._process.wait()
                return ()
            *lines, self._unread = (self._unread + data).split(b"\n")
            if len(self._unread) > _LINE_BYTES:
                self._unread = b""
                await self.kill()
            if events := tuple(event for line in lines if (event := self._event(line)) is not None):
                return events

    async def content(self, sha256: str) -> bytes:
        try:
            return (self._folder / "attachments" / Path(sha256).name).read_bytes()
        except OSError as error:
            raise NotFoundError(f"the attachment's content is gone: {error.strerror}") from None

    def extend(self, seconds: float) -> None:
        self._send(self._life, f"{time.monotonic() + seconds:.6f}\n")

    def pause(self) -> None:
        self._send(self._orders, json.dumps(PAUSE) + "\n")

    def resume(self) -> None:
        self._send(self._orders, json.dumps(RESUME) + "\n")

    def abort(self) -> None:
        self._send(self._orders, json.dumps(ABORT) + "\n")

    def terminate(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)  # the guard passes it on to the one that performs

    async def kill(self) -> None:
        async with self._gone:
            if not self._closed:
                self._closed = True
                os.close(self._life)  # the guard ends everything
                os.close(self._orders)
            try:
                async with asyncio.timeout(_GUARD_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self._kill_group()
                await self._process.wait()

    async def close(self) -> None:
        await self.kill()
        if self._transport is not None:
            self._transport.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def epitaph(self) -> str:
        if self._limit:
            return self._limit
        status = self._exit if self._exit is not None else self._process.returncode
        how = f"the worker was killed by signal {-status} ({_signal_name(-status)})" if status is not None and status < 0 else ""
        text = how or f"the worker process ended with exit status {status}"
        return f"{text}: {words}" if (words := self._last_words()) else text

    def _event(self, line: bytes) -> Event | None:
        if not line.strip():
            return None
        try:
            document = json.loads(line)
            if "limit" in document:
                self._limit = cut(str(document["limit"]))
                return None
            if "exit" in document:
                self._exit = int(document["exit"])
                return None
            return event_from_json(document)
        except (ValueError, TypeError, RequestError):
            return None  # half a line of a worker that was killed while it wrote

    def _send(self, pipe: int, text: str) -> None:
        if not self._closed:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe, text.encode())

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _last_words(self) -> str:
        """The end of what the process wrote to the standard error it was started with."""
        try:
            text = (self._folder / "stderr.txt").read_text("utf-8", "replace").strip()
            return cut(self._masker.mask(text), _LAST_WORDS)
        except OSError:
            return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
