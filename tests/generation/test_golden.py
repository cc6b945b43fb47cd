"""Golden paths: the same model, plan and answers give the same path as ever, under every interpreter that is here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support_golden import as_json, replayed

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests" / "generation" / "golden").glob("*.json"))


def interpreters() -> list[str]:
    """Every Python from 3.11 to 3.14 on the search path or kept by pyenv; one of each minor version, and this one."""
    found = {sys.version_info[:2]: sys.executable}
    for minor in range(11, 15):
        kept = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
        candidates = [*(str(path) for path in kept), shutil.which(f"python3.{minor}") or ""]
        working = next((path for path in candidates if path and _works(path)), None)
        if working:
            found.setdefault((3, minor), working)
    return [found[version] for version in sorted(found)]


def _works(path: str) -> bool:
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


def test_there_are_golden_paths():
    assert len(FILES) >= 5


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_path_comes_out(file: Path):
    document = json.loads(file.read_text("utf-8"))
    assert as_json(replayed(document)) == document["expected"]


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_golden_paths_come_out_under_every_interpreter_with_the_standard_library_alone(hash_seed: str):
    """-S keeps installed packages away: the core and its generation need none."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": hash_seed}
    for python in interpreters():
        command = [python, "-S", str(ROOT / "tests" / "support_golden.py"), *map(str, FILES)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), python
