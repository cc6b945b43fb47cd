"""The page on joined models: its models and its command line are as it says."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs/how-to/join-models.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the models of the page."""
    for name, text in re.findall(r"^`(\w+\.yaml)`.*?```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_the_command_prints_what_the_page_shows() -> None:
    """A tour passes from one model into the other."""
    command, output = re.findall(r"```console\n\$ melanzana (generate .*?)\n(.*?)```", PAGE, re.DOTALL)[0]
    assert CliRunner().invoke(app, command.split()).output == output


def test_the_joined_file_has_nothing_to_find() -> None:
    """`convert --join` writes a model that `check` accepts."""
    assert CliRunner().invoke(app, ["convert", "shop.yaml", "joined.yaml", "--join", "account.yaml"]).output == ""
    checked = CliRunner().invoke(app, ["check", "joined.yaml", "--fail-on", "info"])
    assert (checked.exit_code, checked.output) == (0, "joined.yaml: 3 states, 4 actions, 0 test cases: nothing found\n")


def test_a_clash_names_files_and_lines(folder: Path) -> None:
    """Both places of a variable that two models declare."""
    for name in ("shop.yaml", "account.yaml"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(
            text.replace("states:", "variables:\n  n: {type: integer, initial: 0}\nstates:"), encoding="utf-8"
        )
    error = CliRunner().invoke(app, ["generate", "shop.yaml", "--join", "account.yaml"]).exception
    assert "shop.yaml:4:3 and account.yaml:4:3: two models have a variable 'n'" in str(error)


def test_a_broken_file_is_named(folder: Path) -> None:
    """An error of one of the files begins with file, line and column."""
    (folder / "account.yaml").write_text("model: B\nstart: A\nstates:\n  A: {actions: {go: Nowhere}}\n", encoding="utf-8")
    error = CliRunner().invoke(app, ["generate", "shop.yaml", "--join", "account.yaml"]).exception
    assert str(error).startswith("account.yaml:4:")


def test_a_run_walks_joined_models() -> None:
    """A dry run of a tour passes, over all transitions of both."""
    command = ["run", "shop.yaml", "--join", "account.yaml", "--dry-run", "--path", "tour()", "--seed", "1"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "transitions 4/4" in result.output) == (0, True), result.output
