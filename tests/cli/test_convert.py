"""`melanzana convert`: one format into another, without loss and without surprise."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from melanzana.cli.convert import convert
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.text import read_text

APP = typer.Typer()
APP.command()(convert)
SAMPLES = Path(__file__).parents[1] / "graph/samples"
SHOP = (
    "model: Shop\nstart: Home\nvariables: {n: {type: integer, initial: 0}}\nstates: {Home: {actions: {add: {set: {n: n + 1}}}}}\n"
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(SHOP, encoding="utf-8")


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(APP, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_text_to_dai_and_back_is_the_same_model() -> None:
    """A model goes to DAI JSON and back unchanged, with a note on what only Melanzana reads there."""
    code, _, notes = _run("shop.yaml", "shop.json")
    assert (code, "carried in x_melanzana" in notes) == (0, True)
    assert _run("shop.json", "again.yaml")[0] == 0
    assert read_text(Path("again.yaml").read_bytes()) == read_text(SHOP)


def test_foreign_files_become_text() -> None:
    """A GraphWalker file becomes text on standard output, its notes on standard error."""
    code, text, notes = _run(str(SAMPLES / "library.graphwalker.json"), "-", "--to", "text")
    assert code == 0
    assert read_text(text) == read_model((SAMPLES / "library.graphwalker.json").read_bytes()).model
    assert "note: a second vertex v_Results is called v_Results (2)" in notes


def test_the_ending_tells_the_format_unless_told() -> None:
    """`.json` means DAI and `.yaml` text; for any other ending `--to` is asked for."""
    assert _run("shop.yaml", "out.json")[0] == 0
    assert "definition" in json.loads(Path("out.json").read_text(encoding="utf-8"))
    code, _, error = _run("shop.yaml", "out.model")
    assert (code, "give --to" in error) == (2, True)


def test_a_file_in_the_way_is_kept() -> None:
    """OUT is written over only with `--force`."""
    code, _, error = _run("shop.yaml", "shop.yaml", "--to", "dai")
    assert (code, "--force" in error) == (2, True)
    assert Path("shop.yaml").read_text(encoding="utf-8") == SHOP
    assert _run("shop.yaml", "shop.yaml", "--force")[0] == 0


def test_errors_end_with_their_code() -> None:
    """A file that is no model ends with 1 and its place; a missing one, or a folder as OUT, with 2."""
    Path("bad.yaml").write_text("model: x\nstrat: y\n", encoding="utf-8")
    code, _, error = _run("bad.yaml", "-", "--to", "text")
    assert (code, "bad.yaml:2:1: unknown key `strat`" in error) == (1, True)
    assert _run("nowhere.yaml", "-", "--to", "text")[0] == 2
    assert _run("shop.yaml", "missing/out.yaml")[0] == 2
