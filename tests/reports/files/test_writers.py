"""A run as JUnit, CTRF, Allure, HTML, CSV and JSON: right for its readers, safe with any text, in memory that does not grow."""

import csv
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import jsonschema
import pytest
from junitparser import JUnitXml

from melanzana.reports.files.formats import FOLDER_WRITERS, WRITERS, Format
from melanzana.reports.files.records import RunData, Status
from support_report_files import ManySteps, hostile_run, run_data, step

COUNT = {"type": "integer", "minimum": 0}
TEST = {
    "type": "object",
    "required": ["name", "status", "duration"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "status": {"enum": ["passed", "failed", "skipped", "pending", "other"]},
        "duration": COUNT,
        "rawStatus": {"type": "string"},
        "message": {"type": "string"},
        "suite": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "extra": {"type": "object"},
    },
}
SUMMARY = ("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop")
#: What the published schema of CTRF asks of the parts that we write.
CTRF = {
    "type": "object",
    "required": ["reportFormat", "specVersion", "results"],
    "properties": {
        "reportFormat": {"const": "CTRF"},
        "specVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "results": {
            "type": "object",
            "required": ["tool", "summary", "tests"],
            "properties": {
                "tool": {"type": "object", "required": ["name"]},
                "summary": {"type": "object", "required": list(SUMMARY), "properties": dict.fromkeys(SUMMARY, COUNT)},
                "tests": {"type": "array", "items": TEST},
            },
        },
    },
}


def parts(form: Format, run: RunData) -> Iterator[str]:
    """The text of the format, of all its files."""
    if form in WRITERS:
        yield from WRITERS[form](run)
        return
    for _, text in FOLDER_WRITERS[form](run):
        yield from text


def text(form: Format, run: RunData) -> str:
    return "".join(parts(form, run))


def allure_result(run: RunData) -> dict[str, object]:
    files = {name: "".join(lines) for name, lines in FOLDER_WRITERS[Format.ALLURE](run)}
    (result,) = [json.loads(content) for name, content in files.items() if name.endswith("-result.json")]
    return dict(result)


class Page(HTMLParser):
    """Tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_junit_has_one_case_for_each_element() -> None:
    """A state or action is one test case with the time of all its steps; properties come before test cases, as the schema asks."""
    run = run_data((step(1), step(6), step(2, Status.FAILED, message="no light\nat all"), step(3, Status.ERROR, message="gone")))
    root = ElementTree.fromstring(text(Format.JUNIT, run))
    suite = root.find("testsuite")
    assert suite is not None
    assert [child.tag for child in suite] == ["properties", "testcase", "testcase", "testcase"]
    figures = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time", "timestamp")}
    assert figures == {
        **{"tests": "3", "failures": "1", "errors": "1", "skipped": "0"},
        **{"time": "2.0", "timestamp": "2026-03-01T12:00:00"},
    }
    first = next(suite.iter("testcase"))
    assert (first.get("name"), first.get("classname"), first.get("time")) == ("action press 1", "Lamp", "1.0")
    failure = suite.find(".//failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("no light", "failed")
    assert failure.text == "step 2: no light\nat all\nseed 5\nagain: melanzana replay 7"


@pytest.mark.parametrize(("status", "word"), [(Status.ERROR, "error"), (Status.CANCELLED, "cancelled")])
def test_a_run_that_ended_badly_without_a_failing_step_is_red(status: Status, word: str) -> None:
    """An agent that was lost, or a cancelled run, is a test of its own that did not pass."""
    run = run_data((step(1),), status, message="agent lost")
    suites = JUnitXml.fromstring(text(Format.JUNIT, run))
    assert (suites.tests, suites.errors) == (2, 1)
    tests = json.loads(text(Format.CTRF, run))["results"]["tests"]
    assert (tests[-1]["name"], tests[-1]["rawStatus"], tests[-1]["message"]) == ("run", word, "agent lost")


def test_ctrf_keeps_its_schema() -> None:
    """The report is what the schema of CTRF asks for, and its summary counts its tests."""
    document = json.loads(text(Format.CTRF, run_data((step(1), step(2, Status.ERROR, message="gone")), tags=("nightly",))))
    jsonschema.validate(document, CTRF)
    summary = document["results"]["summary"]
    assert (summary["tests"], summary["passed"], summary["failed"]) == (2, 1, 1)
    assert summary["stop"] - summary["start"] == 9500


def test_allure_has_the_steps_inside_one_result() -> None:
    """The result carries every step in order with its instants, and two runs of one path share their history."""
    run = run_data((step(1), step(2, Status.FAILED, message="no light")))
    result = allure_result(run)
    assert (result["status"], result["uuid"]) == ("failed", run.execution_id)
    steps = result["steps"]
    assert isinstance(steps, list)
    assert [(one["name"], one["status"]) for one in steps] == [("1 action press 1", "passed"), ("2 action press 2", "failed")]
    assert steps[1]["stop"] - steps[1]["start"] == 500
    other = allure_result(run_data((step(1),), Status.PASSED, seed=6, run_id=8))
    assert other["historyId"] == result["historyId"]


def test_csv_and_json_have_every_step() -> None:
    """A row a step in CSV; the same fields in JSON, which is whole without any step, too."""
    run = run_data((step(1), step(2, Status.FAILED, message="no light")))
    rows = list(csv.DictReader(io.StringIO(text(Format.CSV, run))))
    assert [(row["number"], row["status"], row["message"]) for row in rows] == [("1", "passed", ""), ("2", "failed", "no light")]
    document = json.loads(text(Format.JSON, run))
    assert [one["number"] for one in document["steps"]] == [1, 2]
    assert document["run"]["failing_step"]["message"] == "no light"
    assert json.loads(text(Format.JSON, run_data((), Status.ERROR)))["steps"] == []


def test_the_page_shows_the_failing_step_first_and_how_to_repeat() -> None:
    """Failing step, then the command, then coverage, then the steps; nothing is loaded from anywhere."""
    written = text(Format.HTML, run_data((step(1), step(2, Status.FAILED, message="no light"))))
    page = Page(written)
    places = [page.words.index(word) for word in ("no light", "melanzana replay 7", "Covered", "Message")]
    assert places == sorted(places)
    assert set(page.tags) & {"script", "img", "link", "iframe", "form"} == set()
    assert page.links == ["#step-2"]
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', written)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize("form", list(Format))
def test_hostile_text_stays_text(form: Format) -> None:
    """Every file can be encoded and read by its reader, and holds nothing that a browser, spreadsheet or terminal would obey."""
    written = text(form, hostile_run())
    written.encode("utf-8")
    assert "\x00" not in written
    assert "\x1b" not in written
    match form:
        case Format.JUNIT:
            ElementTree.fromstring(written)
            assert "<script" not in written
        case Format.HTML:
            assert "script" not in Page(written).tags
        case Format.CSV:
            cells = [one for row in csv.reader(io.StringIO(written)) for one in row]
            assert not [one for one in cells if one.startswith(("=", "+", "@"))]
        case Format.CTRF | Format.JSON:
            json.loads(written)
        case Format.ALLURE:
            assert allure_result(hostile_run())["status"] == "failed"


@pytest.mark.parametrize("form", list(Format))
def test_memory_does_not_grow_with_the_steps(form: Format) -> None:
    """A run of 20,000 steps is written with less than 800 kB at any time, though most files are longer than that."""
    run = run_data(ManySteps(20_000))
    sum(map(len, parts(form, run_data(ManySteps(10)))))  # what is loaded once
    tracemalloc.start()
    written = sum(map(len, parts(form, run)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 800_000
    assert (written > 900_000) == (form not in (Format.JUNIT, Format.CTRF))


def test_a_run_of_a_server_leads_back_to_its_failing_step() -> None:
    """From the message of a CI server it is one click to the step with its pictures; without a server there is no link."""
    run = run_data((step(1), step(2, Status.FAILED, message="no light")), address="https://dai.example/")
    for form in (Format.JUNIT, Format.HTML):
        assert "https://dai.example/runs/7/steps/2" in text(form, run)
        assert "/steps/2" not in text(form, replace(run, address=""))
