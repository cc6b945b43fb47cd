"""The house keeps its order: names that say nothing, files that grow too large and download addresses are refused."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "melanzana").rglob("*.py"))
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


def test_no_file_has_a_name_that_says_nothing() -> None:
    """Every file says in its name what it is about."""
    assert not [str(path) for path in SOURCES if path.stem in FORBIDDEN]


def test_no_file_is_longer_than_400_lines() -> None:
    """A file of more than 400 lines is two files."""
    assert not [(str(path), n) for path in SOURCES if (n := len(path.read_text("utf-8").splitlines())) > 400]


def test_every_module_says_what_it_decides() -> None:
    """Every module begins with a docstring."""
    assert not [str(path) for path in SOURCES if not path.read_text("utf-8").lstrip().startswith(('"""', "'''"))]


def test_requirement_files_record_hashes_and_no_addresses() -> None:
    """The pinned requirements carry hashes, and nothing in them says where to download from."""
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text), path
