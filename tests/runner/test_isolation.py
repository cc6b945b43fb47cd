"""What a run may take and see: memory, processes, time, the environment, a folder of its own; and what it must not show."""

import asyncio
import base64
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from melanzana.clock import SystemClock
from melanzana.protocol.events import AttachmentStored, Event, RunFinished, StepFinished, event_to_json
from melanzana.runner.agent import Agent
from melanzana.runner.environment import passed_on
from melanzana.runner.limits import MEGABYTE, Limits
from melanzana.runner.process import ProcessWorkers
from melanzana.runner.records import AgentSettings
from melanzana.runner.workers import Job
from support_jobs import snapshot, trace
from support_peer import SESSION, FakePeer, lease

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
TILL = {"id": "1", "name": "till", "connections": [{"connection_type": "Free", "name": "x", "secrets": {"pin": "canary-5511"}}]}


async def ended(workers: ProcessWorkers, folder: Path, code: str, sut: Any = None) -> tuple[list[Event], str, list[bytes]]:
    """Every event, the epitaph, and the contents attached."""
    worker = await workers.start(Job(snapshot=snapshot(folder, code), agent_name="lab", alive_seconds=60, sut=sut))
    events: list[Event] = []
    async with asyncio.timeout(30):
        while batch := await worker.receive():
            events += batch
    files = [await worker.content(event.sha256) for event in events if isinstance(event, AttachmentStored)]
    await worker.close()
    return events, worker.epitaph(), files


@pytest.mark.parametrize(
    ("limits", "code", "told"),
    [
        (
            Limits(memory_bytes=200 * MEGABYTE),
            "x = bytearray(b'1') * (300 * 2**20)",
            "MB of memory and was ended: this agent allows 200",
        ),
        (
            Limits(processes=4),
            "[subprocess.Popen(['sleep', '60'], start_new_session=True) for _ in range(6)]",
            "allows 4 (--max-proc",
        ),
        (Limits(cpu_seconds=0.5), "while True: pass", "of processor time and was ended: this agent allows 0.5 s (--max-cpu)"),
    ],
    ids=["memory", "processes", "cpu"],
)
async def test_a_run_that_takes_too_much_is_ended_and_told(tmp_path: Path, limits: Limits, code: str, told: str) -> None:
    """What all processes of a run take together is looked at every second; the epitaph names the limit and its flag."""
    source = f"import subprocess, time\ndef press():\n    {code}\n    time.sleep(60)\n"
    events, epitaph, _ = await ended(ProcessWorkers(limits=limits), tmp_path, source)
    assert told in epitaph
    assert not any(isinstance(event, RunFinished) for event in events)


async def test_a_run_has_a_folder_and_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts in an empty folder, keeps temporary files there, opens few files, and finds only allowed variables."""
    code = """
        import os, resource, tempfile
        from pathlib import Path
        def press():
            Path("left.txt").write_text("x")
            with tempfile.NamedTemporaryFile(delete=False) as file: file.write(b"x")
            note(f"{Path.cwd()} {file.name} {resource.getrlimit(resource.RLIMIT_NOFILE)[0]} {sorted(os.environ)}")
    """
    environment = passed_on({**os.environ, "SHOP_URL": "u", "SHOP_PIN": "p", "DEPLOY_KEY": "k", "LC_ALL": "C.UTF-8"}, ["SHOP_U*"])
    await ended(ProcessWorkers(environment=environment, limits=Limits(open_files=99), apart=True), tmp_path, code)
    cwd, temporary, files, names = next(line for line in trace(tmp_path) if line.startswith("/")).split(" ", 3)
    assert temporary.startswith(str(Path(cwd).parent)) and not Path(cwd).parent.exists()
    assert files == "99"
    assert "SHOP_URL" in names and "LC_ALL" in names
    assert "DEPLOY_KEY" not in names and "SHOP_PIN" not in names


async def test_no_secret_leaves_the_process_of_a_run(tmp_path: Path) -> None:
    """Printed in pieces, logged, raised, returned, attached, in base64: no event, no file and no last word has it."""
    code = """
        import base64, json, os, sys, time
        from melanzana import attach, log, sut
        def press():
            pin = sut().connections[0]["secrets"]["pin"]
            for letter in pin:
                sys.stdout.write(letter); sys.stdout.flush()
            os.write(2, pin[:6].encode()); os.write(2, pin[6:].encode())
            log("pin " + base64.b64encode(("till:" + pin).encode()).decode())
            log(pin[:4]); log(pin[4:])
            attach("page.html", "<p>" + pin + os.environ["SHOP_PASSWORD"] + "</p>")
            attach(pin + ".json", json.dumps({"pin": pin}))
            raise ValueError("x" * 9000 + pin + "y" * 9000 + os.environ["SHOP_PASSWORD"])
        def tidy():
            os.write(1, b"canary-5511"); sys.__stderr__.write("canary-5511")
    """
    environment = {**os.environ, "SHOP_PASSWORD": "hunter22"}
    events, epitaph, files = await ended(ProcessWorkers(environment=environment), tmp_path, code, TILL)
    said = json.dumps([event_to_json(event) for event in events]) + epitaph
    assert "***" in said and len(files) == 2
    for text in (said, *(content.decode() for content in files)):
        assert "canary" not in text and "5511" not in text and "hunter22" not in text
        assert base64.b64encode(b"till:canary-5511").decode()[8:-4] not in text


async def _run(folder: Path, code: str, settings: AgentSettings) -> FakePeer:
    """What an agent with these settings tells of one run."""
    session = dataclasses.replace(SESSION, kill_seconds=1, heartbeat_seconds=1)
    peer = FakePeer(lease(snapshot=snapshot(folder, code)), session=session)
    agent = Agent(peer, SystemClock(), ProcessWorkers(), settings)
    running = asyncio.create_task(agent.run())
    async with asyncio.timeout(20):
        await peer.idle.wait()
    agent.stop()
    await running
    return peer


async def test_a_step_that_takes_too_long_is_interrupted_and_says_so(tmp_path: Path) -> None:
    """Its teardowns run; step and run end as errors whose message names the step, the time allowed and the flag."""
    peer = await _run(tmp_path, "import time\ndef press(lamp): time.sleep(600)", AgentSettings(step_seconds=0.5))
    finished = peer.finished()
    text = 'step 2, action "press", took longer than the 0.5 s that this agent allows (--step-seconds)'
    assert (finished.verdict, finished.reason, finished.message) == ("error", "timed_out", text)
    (step,) = [event for event in peer.stored["e1"] if isinstance(event, StepFinished) and event.name == "press"]
    assert step.message.startswith(text) and "lamp.py" in step.message
    assert trace(tmp_path)[-2:] == ["tidy", "lamp down"]


async def test_a_run_that_takes_too_long_is_ended_though_it_is_deaf(tmp_path: Path) -> None:
    """A run of short steps has a limit, too; code that ignores the signal is killed, and the message is the same."""
    code = "import signal, time\ndef press(lamp):\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(600)\n"
    peer = await _run(tmp_path, code, AgentSettings(run_seconds=0.5))
    text = "the run took longer than the 0.5 s that this agent allows (--run-seconds)"
    assert (peer.finished().reason, peer.finished().message) == ("timed_out", text)
