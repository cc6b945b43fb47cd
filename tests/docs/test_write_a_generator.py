"""The generator of `docs/how-to/write-a-generator.md` holds to the rules and walks."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-generator.md"


def test_the_generator_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands there, from the first line to the last."""
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(block, names)
    assert re.fullmatch(r"\d+ steps: passed\n", capsys.readouterr().out)
