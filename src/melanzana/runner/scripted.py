"""Workers that play a script instead of walking: for tests of the agent and for the simulator.

A script is a row of cues: an event is handed over, `Lasts` lets time pass, `Dies` ends the worker without a word, `Hangs` waits
until somebody ends it. What the agent does to the worker can be read from the worker afterwards. Time is the event loop's, so a
loop with virtual time plays hours in no time. Scripted workers pass the same conformance tests as real ones.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from melanzana.errors import NotFoundError
from melanzana.generation.step import EndReason, Verdict
from melanzana.protocol.events import Event, RunFinished, RunPaused, RunResumed
from melanzana.runner.workers import Job

_QUEUE_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Lasts:
    """Nothing happens for so long; an abort cuts it short."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dies:
    """The worker ends without `RunFinished`."""

    epitaph: str = "the worker was killed by signal 9 (SIGKILL)"


@dataclass(frozen=True, slots=True)
class Hangs:
    """The worker does nothing more by itself."""


Cue = Event | Lasts | Dies | Hangs


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one worker does."""

    cues: tuple[Cue, ...]
    stubborn: bool = False  #: neither `abort` nor `terminate` impresses it
    contents: Mapping[str, bytes] = field(default_factory=dict)  #: of attachments, by SHA-256


class ScriptedWorker:
    """Plays one script."""

    def __init__(self, job: Job, script: Script) -> None:
        self.job = job
        self.aborts = self.terminations = self.kills = self.resumes = self.pauses = 0
        self._script = script
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUE_EVENTS)
        self._aborted, self._resumed = asyncio.Event(), asyncio.Event()
        self._epitaph = ""
        self._drained = False
        self._extended = asyncio.Event()
        self._dies_at = None if job.alive_seconds is None else _time() + job.alive_seconds
        self._task = asyncio.create_task(self._play())
        self._guard = asyncio.create_task(self._keep_deadline())

    @property
    def alive(self) -> bool:
        return not self._task.done()

    async def receive(self) -> tuple[Event, ...]:
        if self._drained:
            return ()
        event = await self._next()
        return () if event is None else (event,)

    async def content(self, sha256: str) -> bytes:
        try:
            return self._script.contents[sha256]
        except KeyError:
            raise NotFoundError(f"there is no attachment {sha256}") from None

    def extend(self, seconds: float) -> None:
        self._dies_at = _time() + seconds
        self._extended.set()

    def pause(self) -> None:
        self.pauses += 1

    def resume(self) -> None:
        self.resumes += 1
        self._resumed.set()

    def abort(self) -> None:
        self.aborts += 1
        if not self._script.stubborn:
            self._aborted.set()

    def terminate(self) -> None:
        self.terminations += 1

    async def kill(self) -> None:
        self.kills += 1
        self._guard.cancel()
        await self._end("the worker was killed by signal 9 (SIGKILL)")

    async def close(self) -> None:
        await self.kill()

    def epitaph(self) -> str:
        return self._epitaph

    async def _next(self) -> Event | None:
        """The next event, also one that the script made before it ended."""
        if not self._events.empty() or not self._task.done():
            taking = asyncio.create_task(self._events.get())
            try:
                await asyncio.wait({taking, self._task}, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)
                if taking.done():
                    return taking.result()
            finally:
                taking.cancel()
        self._drained = True
        return None

    async def _play(self) -> None:
        for cue in self._script.cues:
            if self._aborted.is_set():
                await self._events.put(_ABORTED)
                return
            if isinstance(cue, Dies):
                self._epitaph = cue.epitaph
                return
            await self._perform(cue)
        if self._aborted.is_set() and not isinstance(self._script.cues[-1], RunFinished):
            await self._events.put(_ABORTED)

    async def _perform(self, cue: Event | Lasts | Hangs) -> None:
        if isinstance(cue, Lasts | Hangs):
            await self._pass(cue.seconds if isinstance(cue, Lasts) else None)
            return
        await self._events.put(cue)
        if isinstance(cue, RunPaused):
            await self._pause(cue)

    async def _pass(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._aborted.wait()
        except TimeoutError:
            return

    async def _pause(self, cue: RunPaused) -> None:
        self._resumed.clear()
        waits = {asyncio.create_task(flag.wait()) for flag in (self._aborted, self._resumed)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not self._aborted.is_set():
            await self._events.put(RunResumed(step=cue.step))

    async def _keep_deadline(self) -> None:
        while self.alive:
            self._extended.clear()
            try:
                async with asyncio.timeout_at(self._dies_at):
                    await self._extended.wait()
            except TimeoutError:
                await self._end("the worker was killed by signal 9 (SIGKILL)")

    async def _end(self, epitaph: str) -> None:
        if self.alive:
            self._epitaph = epitaph
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class ScriptedWorkers:
    """A factory that gives each job the script that `choose` picks for it, and keeps every worker it made."""

    def __init__(self, choose: Callable[[Job], Script] | Script) -> None:
        self._choose = choose
        self.workers: list[ScriptedWorker] = []

    async def start(self, job: Job) -> ScriptedWorker:
        script = self._choose if isinstance(self._choose, Script) else self._choose(job)
        worker = ScriptedWorker(job, script)
        self.workers.append(worker)
        return worker


_ABORTED = RunFinished(verdict=Verdict.ERROR, reason=EndReason.ABORTED, message="aborted")


def _time() -> float:
    return asyncio.get_running_loop().time()
