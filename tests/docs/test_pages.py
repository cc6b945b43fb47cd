"""The pages keep their promises: links lead somewhere, lists are whole, and the tutorial's commands print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
TUTORIAL = ROOT / "docs" / "tutorial.md"
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
CONSOLE = re.compile(r"^```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```\w+ (?P<name>[\w./-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    """A relative link names a file or folder of the repository."""
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_below_docs_is_in_its_index() -> None:
    """Whoever starts at docs/README.md finds every page: by a link of its own, or by the folder it lies in."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    targets = [(ROOT / "docs" / target).resolve() for target in LINK.findall(index)]
    known = {*targets, *(target.parent for target in targets if target.name == "README.md"), ROOT / "docs" / "README.md"}
    lost = [page for page in (ROOT / "docs").rglob("*.md") if page not in known and page.parent not in known - {ROOT / "docs"}]
    assert [str(page.relative_to(ROOT)) for page in lost if page != ROOT / "docs" / "README.md"] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    """docs/adr/README.md links every ADR under its number."""
    listed = set(LINK.findall((ROOT / "docs" / "adr" / "README.md").read_text("utf-8")))
    assert {path.name for path in (ROOT / "docs" / "adr").glob("0*.md")} <= listed


def test_the_architecture_page_places_every_room() -> None:
    """Every package of melanzana is a room on the staircase that ARCHITECTURE.md shows."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = [path.parent.name for path in (ROOT / "src" / "melanzana").glob("*/__init__.py")]
    assert [room for room in rooms if f"`{room}`" not in text] == []
    assert len(text.splitlines()) <= 80


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    """Each console block of the tutorial, run in order, prints what stands below it (but for how long it took)."""
    page = TUTORIAL.read_text("utf-8")
    for found in FILE.finditer(page):
        (tmp_path / found["name"]).write_text(found["text"], "utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    blocks = [(found["command"], found["output"]) for found in CONSOLE.finditer(page)]
    assert len(blocks) > 4
    for command, output in blocks:
        assert _without_times(_printed(command, tmp_path)) == _without_times(output), command


def _printed(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def _without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s\b", "… s", text)
