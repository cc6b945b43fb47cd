"""The page on action code is true: its model and suite run as it says, and its rules are those of the program."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from melanzana.cli.run import run
from melanzana.runner.outputs import OUTPUT_LIMIT

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-action-code.md").read_text("utf-8")
FILE = re.compile(r"^```\w+ (?P<name>[\w./-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

app = typer.Typer()
app.command()(run)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page."""
    for found in FILE.finditer(PAGE):
        file = tmp_path / found["name"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(found["text"], "utf-8")
    return tmp_path


def walk(folder: Path, *options: str) -> Result:
    path = "random(transition_coverage(100))"
    return CliRunner().invoke(app, [str(folder / "basket.yaml"), "--seed", "1", "--path", path, *options])


@pytest.mark.slow
def test_the_example_passes_as_shown(folder: Path) -> None:
    """The run passes, and the attachment and the line of the teardown are there."""
    result = walk(folder, "-v", "--attachments", str(folder / "kept"))
    assert result.exit_code == 0 and result.stdout.startswith("Basket: passed (the stop condition is met)\n"), result.output
    assert "the basket is gone" in result.stderr
    assert {file.name.partition("-")[2] for file in (folder / "kept").iterdir()} == {"price.txt"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("basket.clear()", "pass", "items are left (basket_steps.py:"),
        ('basket.append("lamp")', "basket += ['a', 'b']", "assert len(basket) == items (items = 1) (basket_steps.py:"),
        ("items: int)", "item: int)", 'did you mean "items"'),
    ],
)
def test_the_example_finds_what_is_wrong(folder: Path, right: str, wrong: str, told: str) -> None:
    """Each binding is really called: breaking its function shows."""
    file = folder / "suite" / "basket_steps.py"
    assert right in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(right, wrong), "utf-8")
    result = walk(folder)
    assert result.exit_code != 0 and told in result.stdout, result.output


def test_the_limit_on_the_page_is_the_programs() -> None:
    """64 KiB a step."""
    assert f"up to {OUTPUT_LIMIT // 1024} KiB a step" in PAGE
