"""The web shop in a real browser: it passes as it is, and each planted fault is found by a step that shows it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support_server import wait_until

pytestmark = pytest.mark.slow
WEBSHOP = Path(__file__).parents[2] / "examples" / "webshop"


@contextmanager
def shop(folder: Path, fault: str | None = None) -> Iterator[str]:
    """The shop's server; its address."""
    ready = folder / "ready"
    command = [sys.executable, str(WEBSHOP / "server.py"), "--ready-file", str(ready), *(["--fault", fault] if fault else [])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(ready.exists, "the shop to be ready")
            yield ready.read_text("utf-8")
        finally:
            server.terminate()


def run(url: str, folder: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """`melanzana run` against it."""
    command = [sys.executable, "-m", "melanzana.cli.main", "run", str(WEBSHOP / "webshop.yaml"), "--json"]
    environment = {"PATH": "/usr/bin:/bin", "BASE_URL": url, "HOME": str(folder)}
    ended = subprocess.run(
        [*command, "--attachments", str(folder / "kept"), *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_the_shop_passes_in_a_real_browser(tmp_path: Path) -> None:
    """The tour, with pictures and a trace kept."""
    with shop(tmp_path) as url:
        status, _ = run(url, tmp_path, "--path", "tour()", "--seed", "1")
    assert status == 0
    kept = [file.read_bytes()[:4] for file in (tmp_path / "kept").rglob("*") if file.is_file()]
    assert b"\x89PNG" in kept and b"PK\x03\x04" in kept


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("double-charge", 'directed("change one\'s mind")'),
        ("lost-basket", "directed('buy two lamps')"),
        ("any-password", "tour()"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, fault: str, path: str) -> None:
    """By the walk that comes where it shows."""
    with shop(tmp_path, fault) as url:
        status, _ = run(url, tmp_path, "--path", path, "--seed", "1")
    assert status == 1
