"""`melanzana report RUN`: a saved run as files; what is wrong is said in a line."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.main import app

MODEL = """
model: Lamp
start: Off
states:
  Off:
    actions:
      press: {to: On}
  On:
    actions:
      press again: {to: Off}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def saved(here: Path) -> Path:
    (here / "lamp.yaml").write_text(MODEL, "utf-8")
    done = call("run", "lamp.yaml", "--dry-run", "--seed", 3, "--path", "random(steps(6))", "--save", "run.json")
    assert done.exit_code == 0, done.output
    return here / "run.json"


def test_a_saved_run_is_written_in_every_format(saved: Path, here: Path) -> None:
    """Each file is there and tells of the run; Allure's lie in a folder that is made."""
    for form in ("junit", "ctrf", "html", "json", "csv", "allure"):
        written = call("report", saved, "--format", form, "--output", here / form)
        assert (written.exit_code, written.output) == (0, ""), written.output
    assert ElementTree.parse(here / "junit").getroot().get("failures") == "0"
    assert json.loads((here / "ctrf").read_text())["results"]["summary"]["failed"] == 0
    assert "melanzana replay run.json" in (here / "html").read_text("utf-8")
    steps = json.loads((here / "json").read_text())["steps"]
    assert len((here / "csv").read_text().splitlines()) == len(steps) + 1 > 6
    (result,) = (here / "allure").glob("*-result.json")
    assert json.loads(result.read_text())["status"] == "passed"
    assert (here / "allure" / "environment.properties").exists()


def test_without_a_file_it_is_printed(saved: Path) -> None:
    """Standard output takes the file when none is named."""
    assert json.loads(call("report", saved, "--format", "ctrf").stdout)["reportFormat"] == "CTRF"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.json",), "there is no file nowhere.json"),
        (("7",), "log in first"),
        (("run.json", "--format", "allure"), "--output"),
        (("lamp.yaml",), "is no saved run"),
    ],
)
def test_what_is_wrong_is_said(saved: Path, arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2, and the message names the argument."""
    refused = call("report", *arguments)
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.replace("│", " ").split())


def test_a_file_that_cannot_be_written_is_named(saved: Path, here: Path) -> None:
    """The folder is missing: the error says which file."""
    refused = call("report", saved, "--output", here / "missing" / "run.html")
    assert "run.html cannot be written" in str(refused.exception)
