"""The soak of `benchmarks/soak`, cut down to seconds: every phase, every fault, and the verdict of the history checker."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SOAK = Path(__file__).parents[2] / "benchmarks" / "soak"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_cut_of_the_soak_keeps_every_promise(engine: str) -> None:
    """With agents and servers killed, a bad network and a store that fails, nothing acknowledged is lost and every run ends."""
    done = subprocess.run(
        [sys.executable, SOAK, engine, "--seconds", "25"], capture_output=True, text=True, timeout=180, check=False
    )
    verdict = done.stdout.splitlines()[-1] if done.stdout else ""
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(rf"{engine} PASSED: (\d+) starts, ([\d,]+) steps, \d+ aborts, (\d+) kills, 0 lost, 0 open", verdict)
    assert found is not None, done.stdout
    assert int(found[1]) > 30
    assert int(found[3]) > 1
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Traceback" not in done.stderr, done.stderr
