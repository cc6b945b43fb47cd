"""Every kind of worker keeps the promises of `runner/workers.py`: scripted ones, which prove the agent, and real processes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from melanzana.errors import NotFoundError
from melanzana.protocol.events import AttachmentStored, Event, RunFinished, RunPaused, RunResumed, StepFinished
from melanzana.runner.process import ProcessWorkers
from melanzana.runner.scripted import Dies, Hangs, Script, ScriptedWorkers
from melanzana.runner.workers import Job, Worker
from support_jobs import snapshot
from support_peer import SNAPSHOT

pytestmark = pytest.mark.anyio

STEP = StepFinished(number=1, iteration=1, kind="action", element_id="a", name="press", verdict="passed", at_seconds=0.0)
DONE = RunFinished(verdict="passed", reason="test_case_done")
HELLO = hashlib.sha256(b"hello").hexdigest()
KEPT = AttachmentStored(name="a.txt", media_type="text/plain", sha256=HELLO, size=5)


class ScriptedKit:
    """Starts scripted workers that behave as asked."""

    _scripts: ClassVar[dict[str, Script]] = {
        "quick": Script(cues=(KEPT, STEP, DONE), contents={HELLO: b"hello"}),
        "hanging": Script(cues=(STEP, Hangs())),
        "stubborn": Script(cues=(STEP, Hangs()), stubborn=True),
        "dying": Script(cues=(STEP, Dies("the worker was killed by signal 9 (SIGKILL)"))),
        "pausing": Script(cues=(STEP, RunPaused(step=1), DONE)),
    }

    def __init__(self, _folder: Path) -> None:
        self.started: list[Worker] = []

    async def start(self, what: str, alive_seconds: float | None = None) -> Worker:
        worker = await ScriptedWorkers(self._scripts[what]).start(
            Job(snapshot=SNAPSHOT, agent_name="x", alive_seconds=alive_seconds)
        )
        self.started.append(worker)
        return worker


class ProcessKit:
    """Starts real processes whose action code behaves as asked."""

    _code: ClassVar[dict[str, str]] = {
        "quick": "from melanzana import attach\ndef press(): attach('a.txt', 'hello')",
        "hanging": "import time\ndef press(): time.sleep(600)",
        "stubborn": "import signal, time\ndef press():\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(600)",
        "dying": "import os, signal\ndef press(): os.kill(os.getpid(), signal.SIGKILL)",
        "pausing": "def press(): assert False",
    }

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.started: list[Worker] = []

    async def start(self, what: str, alive_seconds: float | None = None) -> Worker:
        plan = snapshot(self._folder, self._code[what], on_error="debug")
        worker = await ProcessWorkers().start(Job(snapshot=plan, agent_name="x", alive_seconds=alive_seconds))
        self.started.append(worker)
        return worker


Kit = ScriptedKit | ProcessKit


@pytest.fixture(params=[ScriptedKit, pytest.param(ProcessKit, marks=pytest.mark.slow)])
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kit]:
    made: Kit = request.param(tmp_path)
    yield made
    for worker in made.started:
        await worker.close()


async def rest(worker: Worker, seconds: float = 20) -> list[Event]:
    """Everything that comes until the worker has ended."""
    events: list[Event] = []
    async with asyncio.timeout(seconds):
        while batch := await worker.receive():
            events += batch
    return events


async def until_step(worker: Worker) -> list[Event]:
    """Events up to the first StepFinished: from now on the worker does what its code says."""
    events: list[Event] = []
    async with asyncio.timeout(20):
        while not any(isinstance(event, StepFinished) for event in events):
            events += await worker.receive()
    return events


async def test_events_come_in_order_and_then_nothing(kit: Kit) -> None:
    """The last event is RunFinished; after it `()` comes, also when asked again."""
    worker = await kit.start("quick")
    events = await rest(worker)
    assert isinstance(events[-1], RunFinished) and events[-1].verdict == "passed"
    assert await worker.receive() == ()


async def test_attachments_can_be_read_while_the_worker_is_kept(kit: Kit) -> None:
    """The content of an AttachmentStored is there, after a kill, too; another hash is a NotFoundError."""
    worker = await kit.start("quick")
    [kept] = [event for event in await rest(worker) if isinstance(event, AttachmentStored)]
    await worker.kill()
    assert await worker.content(kept.sha256) == b"hello"
    with pytest.raises(NotFoundError):
        await worker.content("0" * 64)


async def test_an_abort_interrupts_the_step(kit: Kit) -> None:
    """`abort` and `terminate` together end a step that would last for ever, and the worker tells its own end."""
    worker = await kit.start("hanging", 60)
    await until_step(worker)
    worker.abort()
    worker.terminate()
    events = await rest(worker)
    assert isinstance(events[-1], RunFinished) and events[-1].reason == "aborted"


async def test_a_kill_ends_what_does_not_listen(kit: Kit) -> None:
    """A worker that ignores an abort is ended by `kill`, and says nothing more."""
    worker = await kit.start("stubborn", 60)
    await until_step(worker)
    worker.abort()
    await worker.kill()
    assert not any(isinstance(event, RunFinished) for event in await rest(worker))
    assert worker.epitaph()


async def test_a_worker_that_dies_leaves_an_epitaph(kit: Kit) -> None:
    """No RunFinished, the end of the stream, and a text with the signal."""
    worker = await kit.start("dying", 60)
    assert not any(isinstance(event, RunFinished) for event in await rest(worker))
    assert "signal 9 (SIGKILL)" in worker.epitaph()


async def test_the_deadline_ends_a_worker_without_anybodys_help(kit: Kit) -> None:
    """A worker is dead when its time is over."""
    worker = await kit.start("hanging", 0.6)
    await until_step(worker)
    assert await rest(worker, 5) is not None


async def test_an_extended_deadline_holds(kit: Kit) -> None:
    """`extend` moves the deadline, away and back again."""
    worker = await kit.start("hanging", 60)
    await until_step(worker)
    worker.extend(0.2)
    assert await rest(worker, 5) is not None


async def test_a_paused_worker_goes_on_when_told(kit: Kit) -> None:
    """`resume` continues after RunPaused; RunResumed tells of it."""
    worker = await kit.start("pausing", 60)
    events: list[Event] = []
    async with asyncio.timeout(20):
        while not any(isinstance(event, RunPaused) for event in events):
            events += await worker.receive()
    worker.resume()
    later = await rest(worker)
    assert any(isinstance(event, RunResumed) for event in later) and isinstance(later[-1], RunFinished)


async def test_every_order_to_a_worker_that_is_gone_is_harmless(kit: Kit) -> None:
    """Orders may cross with the end of the worker."""
    worker = await kit.start("quick")
    await rest(worker)
    for _ in range(2):
        worker.abort()
        worker.terminate()
        worker.resume()
        worker.extend(1)
        await worker.kill()
    await worker.close()
    worker.abort()
    worker.extend(1)


async def test_kills_may_come_from_several_sides(kit: Kit) -> None:
    """Two kills at the same time end in one end."""
    worker = await kit.start("hanging", 60)
    await until_step(worker)
    await asyncio.gather(worker.kill(), worker.kill(), rest(worker))
