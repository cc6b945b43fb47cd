"""The page about paths: its expressions are read, its commands print what it shows, its figures are those of the code."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app
from melanzana.errors import MelanzanaError
from melanzana.generation import configurations, idle, questions, search
from melanzana.generation.path_expression import default_path, parse_path
from melanzana.generation.tours import exhaustive, seeking
from melanzana.graph.formats.text import read_text

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "paths.md").read_text("utf-8")
[SHOP] = re.findall(r"^```yaml shop.yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ melanzana ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPRESSIONS = [line for block in re.findall(r"^```path\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_on_the_page_can_be_read(expression: str) -> None:
    """The examples mean something on the page's own model."""
    assert parse_path(expression, read_text(SHOP)).text == expression


def test_the_default_is_the_one_that_the_page_names() -> None:
    """What a walk does that is told nothing."""
    assert default_path() in EXPRESSIONS


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_every_command_prints_what_the_page_shows(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run beside the page's model on a terminal of 80 columns."""
    (tmp_path / "shop.yaml").write_text(SHOP, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, shlex.split(command))
    error = f"melanzana: {done.exception.message}\n" if isinstance(done.exception, MelanzanaError) else ""
    assert done.output + error == output


def test_the_table_names_every_condition() -> None:
    """Each word that is understood stands in the table, and the table has no other."""
    table = PAGE.split("## Stop conditions")[1].split("\n\n")[1]
    words = {word for row in table.splitlines()[2:] for word in re.findall(r"`([a-z_]{2,})", row)}
    known = {*questions._ARGUMENTS, *questions._ALIASES}
    assert words == known


def test_the_figures_on_the_page_are_those_of_the_code() -> None:
    """Limits of the search and of idle walks."""
    assert f"after {idle.EMPTY_ITERATIONS} iterations in a row in which no action" in PAGE
    assert f"looks at {search.SEARCH_LIMIT:,} configurations" in PAGE


def test_the_figures_of_tours_are_those_of_the_code() -> None:
    """Limits of planning and of what is tried after a surprise."""
    plain, full = f"{configurations.PLAIN_LIMIT:,}", f"{configurations.FULL_LIMIT:,}"
    assert f"{plain} configurations are looked at ({full} in models" in PAGE
    assert (
        f"Up to {exhaustive.LABEL_LIMIT} transitions are searched to the end besides, within {exhaustive.PAIR_LIMIT:,} pairs"
        in PAGE
    )
    assert f"looking up to {seeking.MOST_ITERATIONS} iterations ahead" in PAGE
    assert seeking.MOST_TRIES == 3  # «three times at most»
