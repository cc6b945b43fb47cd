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
        written = call("report", saved, "--format", form, "--output", here / (f"{form}.html" if form == "html" else form))
        assert (written.exit_code, written.output) == (0, ""), written.output
    assert ElementTree.parse(here / "junit").getroot().get("failures") == "0"
    assert json.loads((here / "ctrf").read_text())["results"]["summary"]["failed"] == 0
    assert "melanzana replay run.json" in (here / "html.html").read_text("utf-8")
    steps = json.loads((here / "json").read_text())["steps"]
    assert len((here / "csv").read_text().splitlines()) == len(steps) + 1 > 6
    (result,) = (here / "allure").glob("*-result.json")
    assert json.loads(result.read_text())["status"] == "passed"
    assert (here / "allure" / "environment.properties").exists()


CODE = """
import melanzana

def press():
    melanzana.attach("door one.png", b"\\x89PNG-picture", "image/png")
    assert False, "no light"
"""


def test_what_a_run_attached_lies_beside_its_files(here: Path) -> None:
    """From a saved run and from the run itself: pages and Allure link to it, JUnit names it from where the job runs."""
    (here / "lamp.yaml").write_text(MODEL.replace("press: {to: On}", "press: {to: On, do: lamp_steps:press}"), "utf-8")
    (here / "suite").mkdir()
    (here / "suite" / "lamp_steps.py").write_text(CODE, "utf-8")
    wanted = ("--report", "out/junit.xml", "--report", "page.html", "--report", "allure:allure-results", "--report", "ctrf:c.json")
    (here / "out").mkdir()
    ran = call("run", "lamp.yaml", "--suite", "suite", "--path", "random(steps(2))", "--save", "run.json", *wanted)
    assert ran.exit_code == 1 and isinstance(ran.exception, SystemExit), (ran.output, ran.exception)
    told = ElementTree.parse(here / "out" / "junit.xml").find(".//system-out")
    assert told is not None and told.text is not None
    named = told.text.removeprefix("[[ATTACHMENT|").removesuffix("]]")
    assert named.startswith("out/junit-attachments/0002-") and (here / named).read_bytes() == b"\x89PNG-picture"
    (result,) = (here / "allure-results").glob("*-result.json")
    (kept,) = [one for step in json.loads(result.read_text())["steps"] for one in step.get("attachments", [])]
    assert (kept["name"], (here / "allure-results" / kept["source"]).exists()) == ("door one.png", True)
    assert (here / json.loads((here / "c.json").read_text())["results"]["tests"][-1]["attachments"][0]["path"]).exists()
    assert call("report", "run.json", "--format", "html", "--output", "site").exit_code == 0
    for page in (here / "page.html", here / "site" / "index.html"):
        text = page.read_text("utf-8")
        source = text.partition('<img src="')[2].partition('"')[0]
        assert (page.parent / source).read_bytes() == b"\x89PNG-picture", source
    refused = call("run", "lamp.yaml", "--dry-run", "--report", "run.txt")
    assert refused.exit_code == 2 and "ctrf:run.txt" in refused.output


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
