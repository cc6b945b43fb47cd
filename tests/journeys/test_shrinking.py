"""A real fault in a real server: WsgiDAV loses overwrites; a walk finds it, replay confirms it, shrink tells it in two steps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support_webdav import WEBDAV, running_webdav

pytestmark = pytest.mark.slow


def melanzana(folder: Path, url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "melanzana.cli.main", *map(str, arguments)]
    environment = {**os.environ, "WEBDAV_URL": url, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_lost_overwrite_is_found_replayed_and_shrunk(tmp_path: Path) -> None:
    """The walk of seed 7 fails at its 20th step; the smallest one creates and overwrites, and fails again as a test case."""
    model = WEBDAV / "webdav.yaml"
    with running_webdav("lost-overwrite") as url:
        assert melanzana(tmp_path, url, "run", model, "--seed", 7, "--save", "run.json").returncode == 1
        replayed = melanzana(tmp_path, url, "replay", "run.json")
        assert (replayed.returncode, "failing: failed once with the same signature" in replayed.stdout) == (1, True)
        copy = tmp_path / "webdav.yaml"
        copy.write_text(model.read_text("utf-8"), "utf-8")
        shrunk = melanzana(tmp_path, url, "shrink", "run.json", "--into", copy)
        assert shrunk.returncode == 0, shrunk.stdout + shrunk.stderr
        assert "fails in 4 steps, 2 actions instead of 20 steps" in shrunk.stdout
        again = melanzana(tmp_path, url, "run", copy, "--suite", WEBDAV / "suite", "--test-case", "overwrite fails")
        assert (again.returncode, "action 'overwrite'" in again.stdout) == (1, True)
    with running_webdav() as url:
        healthy = melanzana(tmp_path, url, "replay", "run.json")
        assert (healthy.returncode, healthy.stdout.splitlines()[-1]) == (0, "not reproduced: passed once")
