"""`make demo`: it passes on a healthy server, names the failing step on a faulty one, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support_server import wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, str(ROOT / "scripts" / "demo.py")]
MARKER = "DEMO_TEST_MARK"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment with a mark that every process of the demo inherits; none may be left at the end, nor a file."""
    mark = uuid.uuid4().hex
    yield {**os.environ, MARKER: mark, "TMPDIR": str(tmp_path), "NO_COLOR": "1"}
    wait_until(lambda: not _marked(mark), "every process of the demo to be gone", 20)
    assert not list(tmp_path.iterdir()), "the demo left files behind"


def _marked(mark: str) -> list[int]:
    """Processes that carry the mark. One that ends while we look has ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARKER}={mark}".encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def demo(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*DEMO, *arguments], env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_the_demo_passes(environment: dict[str, str]) -> None:
    """On a healthy WebDAV server the run passes and its coverage is shown."""
    shown = demo(environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Passed" in shown.stdout
    assert "of 47 transitions" in shown.stdout


def test_the_demo_names_the_failing_step(environment: dict[str, str]) -> None:
    """With a planted fault the exit code is 1, and the step that found it is named with the rule that was broken."""
    shown = demo(environment, "--fault", "lost-overwrite")
    assert shown.returncode == 1, shown.stdout + shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("Failing step")]
    assert "overwrite" in line or "update if unchanged" in line or "write with the token" in line
    assert "RFC" in line or "bytes, expected" in line


def test_an_unknown_fault_is_an_error_with_the_servers_own_words(environment: dict[str, str]) -> None:
    """What could not be started says why, and the exit code is 3."""
    shown = demo(environment, "--fault", "no-such-fault")
    assert shown.returncode == 3
    assert "no-such-fault" in shown.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_demo_leaves_nothing_behind(environment: dict[str, str], number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM in the middle of the run ends everything that the demo started."""
    with subprocess.Popen(DEMO, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Execution"):
                break
        process.send_signal(number)
        assert process.wait(timeout=60) == 130
