"""The page of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_named_test_exists() -> None:
    """Each promise names at least one test, and each named file or folder holds tests."""
    rows = [line for line in (ROOT / "docs/explanation/promises.md").read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    assert [row.split("|")[1].strip() for row in rows[:24]] == [f"I-{number}" for number in range(1, 25)]
    for row in rows:
        named = re.findall(r"`(tests/[\w/.]+)`", row)
        assert named, row
        for name in named:
            found = [ROOT / name] if name.endswith(".py") else list((ROOT / name).glob("test_*.py"))
            assert any("def test_" in file.read_text("utf-8") or "TestCase" in file.read_text("utf-8") for file in found), name
