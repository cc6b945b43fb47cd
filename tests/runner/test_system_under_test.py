"""What action code learns of the system under test, and where its secrets are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from melanzana.protocol.events import RunFinished, StepFinished
from melanzana.runner import system_under_test
from melanzana.runner.process import ProcessWorkers
from melanzana.runner.system_under_test import set_sut, sut
from melanzana.runner.workers import Job
from support_jobs import snapshot, trace

TILL = {
    "id": "5c0e7b3a",
    "name": "till-1",
    "criteria": ["till"],
    "connections": [{"uuid": "1", "connection_type": "VNC", "host": "till-1.example.org", "password": "canary-4411"}],
}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    system_under_test._current.clear()


def test_a_connection_is_found_by_its_type() -> None:
    """Action code asks by type and is told what there is when there is none; the secret is in no repr."""
    set_sut(TILL)
    assert (sut().name, sut().criteria, sut().connection("VNC")["password"]) == ("till-1", ("till",), "canary-4411")
    assert "canary" not in repr(sut())
    with pytest.raises(LookupError, match="till-1 has no HTTP connection; it has: VNC"):
        sut().connection("HTTP")


def test_without_one_the_error_says_what_to_do() -> None:
    """A run for which nothing was locked has no system under test."""
    with pytest.raises(LookupError, match="name one in the start request"):
        sut()


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_worker_has_it_in_memory_only(tmp_path: Path) -> None:
    """Action code in a real worker gets the password; neither the worker's folder, environment nor arguments hold it."""
    code = """
        import os, pathlib, sys
        from melanzana import sut
        def press(lamp):
            folder = pathlib.Path(sys.argv[1])
            kept = [path.name for path in folder.rglob("*") if path.is_file() and b"canary-4411" in path.read_bytes()]
            spread = "canary-4411" in str(os.environ) + pathlib.Path("/proc/self/cmdline").read_text()
            note(f"{sut().connection('VNC')['password']} {kept} {spread} {sys.stdin.read()!r}")
    """
    worker = await ProcessWorkers().start(Job(snapshot=snapshot(tmp_path, code), agent_name="lab", alive_seconds=60, sut=TILL))
    events = []
    while batch := await worker.receive():
        events += batch
    await worker.close()
    steps = [event for event in events if isinstance(event, StepFinished)]
    assert [step.message for step in steps if step.verdict != "passed"] == []
    assert isinstance(events[-1], RunFinished)
    assert "canary-4411 [] False ''" in trace(tmp_path)
    assert "canary" not in repr(events)
