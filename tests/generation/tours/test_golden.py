"""Golden tours: the same model and plan give the same tour as ever, whichever optimum the solver of the day finds first."""

import json
from pathlib import Path

import pytest

from support_golden import as_json, replayed

FILES = sorted((Path(__file__).parent / "golden").glob("*.json"))


def test_there_are_golden_tours() -> None:
    """Without guards, with them, cut, and shared out."""
    assert len(FILES) >= 5


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_tour_comes_out(file: Path) -> None:
    """Step by step, with the outcome and the coverage."""
    document = json.loads(file.read_text("utf-8"))
    assert as_json(replayed(document)) == document["expected"]
