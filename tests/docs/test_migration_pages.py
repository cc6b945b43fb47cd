"""The pages on moving here keep to what there is: commands print what they show, path expressions are read, routes exist."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app
from melanzana.errors import MelanzanaError
from melanzana.generation.path_expression import parse_path
from melanzana.graph.formats.reading import read_model

DOCS = Path(__file__).parents[2] / "docs"
GRAPHWALKER = (DOCS / "how-to" / "migrate-from-graphwalker.md").read_text("utf-8")
DAI = (DOCS / "how-to" / "migrate-from-dai.md").read_text("utf-8")
WAYS = re.findall(r"^\| `([^|]+)` \| (.+) \|$", GRAPHWALKER, re.MULTILINE)
CALLS = re.findall(r"^\| `([A-Z]+ /[^`]+)` \| (same|better|different) \|", DAI, re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page."""
    for name, text in re.findall(r"^```\w+ ([\w./-]+)\n(.*?)^```$", GRAPHWALKER, re.DOTALL | re.MULTILINE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_the_commands_print_what_the_page_shows() -> None:
    """Each command passes and begins with the lines below it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", GRAPHWALKER, re.DOTALL | re.MULTILINE)
    pairs = [pair for block in blocks for pair in re.findall(r"\$ melanzana ([^\n]+)\n([^$]*)", block)]
    assert len(pairs) == 4
    for command, output in pairs:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        result = CliRunner().invoke(app, words)
        assert (result.exit_code, result.output.startswith(output)) == (0, True), (command, result.output)


def test_the_table_of_generators_says_what_is_read(folder: Path) -> None:
    """What is called the same is read as it stands, what is not there is refused, and every replacement is read."""
    model = read_model((folder / "shop.json").read_bytes()).model
    assert len(WAYS) > 12
    for theirs, ours in WAYS:
        if ours.startswith("the same"):
            parse_path(theirs, model)
        else:
            with pytest.raises(MelanzanaError):
                parse_path(theirs, model)
        for path in re.findall(r"`([a-z_]+\([^`]*\)[^`]*)`", ours):
            parse_path(path, model)


def test_every_route_of_the_table_exists() -> None:
    """Each call stands in the reference, which a test holds against the server, or in what the vendor's client was answered."""
    reference = (DOCS / "reference" / "rest-api.md").read_text("utf-8")
    served = {(method, _nameless(path)) for method, path in re.findall(r"\b([A-Z]+) (/[\w/{}.-]+)", reference)}
    served |= {
        (method, _nameless(path))
        for line in re.findall(r"^\|[^|]+\|", (DOCS / "reference" / "compatibility.md").read_text("utf-8"), re.MULTILINE)
        for method, path in re.findall(r"`([A-Z]+) (/[^`?]+)", line)
    }
    served |= {
        (method, _nameless(path))
        for methods, path in re.findall(r"^\| ((?:`[A-Z]+`, )+`[A-Z]+ /[^`]+)`()", reference, re.MULTILINE)
        for method in re.findall(r"[A-Z]{3,}", methods)
    }
    served |= {("GET", _nameless(path)) for path in re.findall(r"`GET`, `POST (/[^`]+)`", reference)}
    assert len(CALLS) > 18
    assert [call for call, _ in CALLS if (call.split()[0], _nameless(call.split()[1])) not in served] == []


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
