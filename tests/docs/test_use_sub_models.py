"""The page on sub-models: its models and its command line are as it says."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs/how-to/use-sub-models.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in re.findall(r"^`(\w+\.yaml)`.*?```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_the_command_prints_what_the_page_shows(folder: Path) -> None:
    """The sub-model is found beside the model, and its steps are indented."""
    command, output = re.findall(r"```console\n\$ melanzana (.*?)\n(.*?)```", PAGE, re.DOTALL)[0]
    result = CliRunner().invoke(app, command.split())
    assert result.output == output


def test_a_sub_model_elsewhere_is_named(folder: Path) -> None:
    """Without it the command says which action misses which model."""
    elsewhere = folder / "inner"
    elsewhere.mkdir()
    (folder / "login.yaml").rename(elsewhere / "login.yaml")
    missing = CliRunner().invoke(app, ["generate", "shop.yaml", "--seed", "1"])
    assert missing.exit_code == 2
    assert all(word in missing.output for word in ("'log in'", "'Login'", "--sub-model"))
    named = CliRunner().invoke(app, ["generate", "shop.yaml", "--seed", "1", "--sub-model", "inner/login.yaml"])
    assert named.exit_code == 0
    assert "      Form\n" in named.output


@pytest.mark.slow
def test_a_run_performs_what_lies_inside(folder: Path) -> None:
    """A dry run reports steps of the sub-model, with its uuid and depth, and counts the parent's coverage alone."""
    result = CliRunner().invoke(app, ["run", "shop.yaml", "--dry-run", "--test-case", "buy", "--json"])
    assert result.exit_code == 0, result.output
    assert result.output.count('"depth": 1') == 5
