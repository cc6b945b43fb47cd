"""What a worker process promises about the processes it starts, and about those that started it."""

import asyncio
import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from melanzana.clock import SystemClock
from melanzana.protocol.events import Event, LogWritten, RunFinished, StepFinished, StepStarted
from melanzana.runner.agent import Agent
from melanzana.runner.process import ProcessWorker, ProcessWorkers
from melanzana.runner.workers import Job
from support_jobs import snapshot, trace
from support_peer import SESSION, FakePeer, lease

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

#: A child that ignores SIGTERM, and a grandchild that left group and session; each writes its pid.
FAMILY = """
    import os, signal, subprocess, sys, time
    IMPORTS = "import os, signal, time\\n"
    SLEEP = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(600)"
    LEAVE = "if os.fork(): os._exit(0)\\nos.setsid()\\n"
    def python(code):
        return subprocess.Popen([sys.executable, "-c", IMPORTS + code], stdout=subprocess.PIPE, text=True)
    def press(lamp):
        child, grandchild = python(SLEEP), python(LEAVE + SLEEP)
        pids = [child.stdout.readline().strip(), grandchild.stdout.readline().strip()]
        note("pids " + " ".join([*pids, str(os.getpid())]))
        while True:
            time.sleep(0.05)
"""


def alive(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def start(folder: Path, code: str, alive_seconds: float | None = 60, **changes: object) -> ProcessWorker:
    return await ProcessWorkers().start(
        Job(snapshot=snapshot(folder, code, **changes), agent_name="lab", alive_seconds=alive_seconds)
    )


async def rest(worker: ProcessWorker) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(20):
        while batch := await worker.receive():
            events += batch
    return events


def pids(folder: Path) -> list[int]:
    return [int(word) for line in trace(folder) if line.startswith("pids") for word in line.split()[1:]]


async def test_an_abort_leaves_no_process_behind(tmp_path: Path) -> None:
    """A child that ignores SIGTERM and a grandchild in a session of its own are gone when the run is; teardown ran."""
    worker = await start(tmp_path, FAMILY)
    await until(lambda: pids(tmp_path))
    began = time.monotonic()
    worker.abort()
    worker.terminate()
    events = await rest(worker)
    assert time.monotonic() - began < 2.0
    assert isinstance(events[-1], RunFinished) and events[-1].reason == "aborted"
    assert trace(tmp_path)[-2:] == ["tidy", "lamp down"]
    assert not [pid for pid in [*pids(tmp_path), worker.pid] if alive(pid)]
    await worker.close()


async def test_a_kill_takes_the_whole_tree(tmp_path: Path) -> None:
    """SIGKILL reaches every descendant, wherever it moved."""
    worker = await start(tmp_path, FAMILY)
    await until(lambda: pids(tmp_path))
    await worker.kill()
    assert not [pid for pid in [*pids(tmp_path), worker.pid] if alive(pid)]
    await worker.close()


async def test_the_agent_kills_a_run_that_ignores_the_abort(tmp_path: Path) -> None:
    """Action code that is deaf to SIGTERM is gone, with its family, kill_seconds after the abort; the agent tells the end."""
    deaf = dedent(FAMILY).replace("note(", "signal.signal(signal.SIGTERM, signal.SIG_IGN); note(")
    peer = FakePeer(
        lease(snapshot=snapshot(tmp_path, deaf)), session=dataclasses.replace(SESSION, kill_seconds=0.5, heartbeat_seconds=1)
    )
    agent = Agent(peer, SystemClock(), ProcessWorkers())
    running = asyncio.create_task(agent.run())
    await until(lambda: pids(tmp_path))
    began = time.monotonic()
    peer.abort()
    await until(lambda: not agent.busy)
    assert 0.5 <= time.monotonic() - began < 3
    assert peer.finished().reason == "aborted"
    assert not [pid for pid in pids(tmp_path) if alive(pid)]
    agent.stop()
    await running


async def _aborted(folder: Path) -> float:
    """Seconds from the order to abort a long step until the last process of its family is gone."""
    peer = FakePeer(lease(snapshot=snapshot(folder, FAMILY)))
    agent = Agent(peer, SystemClock(), ProcessWorkers())
    running = asyncio.create_task(agent.run())
    await until(lambda: pids(folder))
    began = time.monotonic()
    peer.abort()
    await until(lambda: not [pid for pid in pids(folder) if alive(pid)])
    took = time.monotonic() - began
    await until(lambda: not agent.busy)
    assert peer.finished().reason == "aborted" and trace(folder)[-2:] == ["tidy", "lamp down"]
    agent.stop()
    await running
    return took


async def test_an_abort_through_the_agent_takes_the_whole_tree_out_of_a_long_step(tmp_path: Path) -> None:
    """A deaf child and a grandchild in a session of its own are gone, teardowns done, within two seconds of the order."""
    assert max([await _aborted(tmp_path / str(number)) for number in range(3)]) < 2.0


AGENT = """
    import asyncio, json, sys
    from pathlib import Path
    from melanzana.protocol.snapshot import Snapshot
    from melanzana.runner.process import ProcessWorkers
    from melanzana.runner.workers import Job

    async def main():
        snapshot = Snapshot.from_json(json.loads(Path(sys.argv[1]).read_text()))
        worker = await ProcessWorkers().start(Job(snapshot=snapshot, agent_name="x", alive_seconds=float(sys.argv[2])))
        await asyncio.sleep(600)

    asyncio.run(main())
"""


def _agent(folder: Path, alive_seconds: float) -> subprocess.Popen[bytes]:
    plan, program = folder / "plan.json", folder / "outside" / "program.py"
    program.parent.mkdir()
    program.write_text(dedent(AGENT))
    plan.write_text(json.dumps(snapshot(folder, FAMILY).to_json()))
    return subprocess.Popen([sys.executable, str(program), str(plan), str(alive_seconds)])


async def test_the_death_of_the_agent_ends_its_workers(tmp_path: Path) -> None:
    """kill -9 of the process that started the worker takes the worker and its whole family along."""
    agent = _agent(tmp_path, 600)
    try:
        await until(lambda: pids(tmp_path))
        agent.kill()
        await until(lambda: not [pid for pid in pids(tmp_path) if alive(pid)], 5)
    finally:
        agent.kill()
        agent.wait()


async def test_a_stopped_agent_cannot_keep_a_worker_past_its_deadline(tmp_path: Path) -> None:
    """SIGSTOP of the agent: the worker's guard ends everything when the time is over."""
    agent = _agent(tmp_path, 3)
    try:
        await until(lambda: pids(tmp_path))
        agent.send_signal(signal.SIGSTOP)
        await until(lambda: not [pid for pid in pids(tmp_path) if alive(pid)], 6)
    finally:
        agent.kill()
        agent.wait()


async def test_code_that_holds_the_interpreter_is_ended_at_the_deadline(tmp_path: Path) -> None:
    """The guard does not need the worker's cooperation: a loop in C that never lets go is killed, too."""
    code = """
        import ctypes
        def press(lamp):
            note("pids " + str(__import__("os").getpid()))
            ctypes.PyDLL(None).sleep(600)
    """
    worker = await start(tmp_path, code, alive_seconds=2)
    await until(lambda: pids(tmp_path))
    await rest(worker)
    assert not alive(pids(tmp_path)[0])
    await worker.close()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os\ndef press(): os._exit(7)", "exit status 7"),
        ("import os, signal\ndef press(): os.kill(os.getpid(), signal.SIGSEGV)", "signal 11 (SIGSEGV)"),
        ("import os, signal\ndef press(): os.killpg(0, signal.SIGKILL)", "signal 9 (SIGKILL)"),
        ("import ctypes\ndef press(): ctypes.string_at(0)", "Fatal Python error: Segmentation fault"),
    ],
)
async def test_a_crash_is_told_with_status_or_signal(tmp_path: Path, code: str, told: str) -> None:
    """However action code brings the process down, the epitaph says how."""
    worker = await start(tmp_path, code)
    events = await rest(worker)
    assert any(isinstance(event, StepStarted) and event.name == "press" for event in events)
    assert not any(isinstance(event, RunFinished) for event in events)
    assert told in worker.epitaph()
    await worker.close()


async def test_what_action_code_prints_cannot_be_taken_for_an_event(tmp_path: Path) -> None:
    """Standard output is the step's log, whatever it looks like."""
    code = """
        import os
        def press():
            print('{"type":"RunFinished","verdict":"passed","reason":"exit"}')
            os.write(1, b'{"exit": 0}\\n')
            assert False, "still failed"
    """
    worker = await start(tmp_path, code)
    events = await rest(worker)
    await worker.close()
    assert [event.verdict for event in events if isinstance(event, RunFinished)] == ["failed"]
    assert any(isinstance(event, LogWritten) and event.message.startswith('{"type":"RunFinished"') for event in events)


async def test_secrets_of_the_agent_do_not_reach_action_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a worker has no client secret in it; the rest is there."""
    monkeypatch.setenv("DAI_CLIENT_SECRET", "canary")
    monkeypatch.setenv("SHOP_URL", "http://localhost:1")
    code = "import os\ndef press(): return {'presses': len([v for v in os.environ.values() if 'canary' in v])} | {}\n"
    code += "assert os.environ['SHOP_URL']"
    worker = await start(tmp_path, code)
    events = await rest(worker)
    await worker.close()
    assert [dict(event.data) for event in events if isinstance(event, StepFinished) and event.name == "press"] == [{"presses": 0}]


async def test_a_run_that_is_over_leaves_neither_files_nor_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `close` nothing of a run is left: no folder, no descriptor, no process."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    for _ in range(2):
        before = descriptors()
        worker = await start(tmp_path / "suite", "def press(): ...")
        await rest(worker)
        await worker.close()
        await asyncio.sleep(0)
    assert list((tmp_path / "temp").iterdir()) == []
    assert descriptors() <= before
    assert not alive(worker.pid)


async def test_a_fast_walk_waits_for_a_slow_reader(tmp_path: Path) -> None:
    """Thousands of events through a reader that begins late: none is lost and none out of order."""
    worker = await start(tmp_path, "def press(): ...", path="random(steps(5000))", perform=False, suite=None)
    events = await rest(worker)
    await worker.close()
    numbers = [event.number for event in events if isinstance(event, StepFinished)]
    assert len(numbers) >= 5000 and numbers == list(range(1, len(numbers) + 1))


async def test_action_code_finds_the_trace_of_its_run(tmp_path: Path) -> None:
    """In TRACEPARENT, where libraries look for it; without a server there is none."""
    code = "import os\ndef press(lamp): print('trace', os.environ.get('TRACEPARENT'))"
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for given, expected in ((trace, trace), ("", "None")):
        job = Job(snapshot=snapshot(tmp_path, code), agent_name="lab", alive_seconds=60, traceparent=given)
        events = await rest(await ProcessWorkers().start(job))
        assert f"trace {expected}" in "".join(event.message for event in events if isinstance(event, LogWritten))
