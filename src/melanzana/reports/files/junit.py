"""JUnit XML: one suite for the run, one test case for each state and action (`elements.py`).

CI servers show the files of a failing step that stand in `system-out` as `[[ATTACHMENT|path]]` (GitLab, Jenkins). The format has no
word for a run that was cancelled: it is an error of the type `cancelled`, so nobody takes it for a success.
"""

from collections.abc import Iterator
from datetime import UTC

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from melanzana.reports.files.elements import Element, elements
from melanzana.reports.files.records import RunData, Status
from melanzana.reports.files.text import printable


def junit(run: RunData) -> Iterator[str]:
    """The file in one part: its length grows with the model, not with the steps."""
    suite = TestSuite(printable(run.title))
    for name, value in _properties(run):
        suite.add_property(name, printable(value))
    for element in elements(run):
        suite.add_testcase(_case(run, element))
    suite.hostname = printable(run.agent or "localhost")
    if run.started_at is not None:
        suite.timestamp = run.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    document = JUnitXml("melanzana")
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    yield document.tostring().decode()  # type: ignore[no-untyped-call]


def _case(run: RunData, element: Element) -> TestCase:
    case = TestCase(printable(element.name), printable(run.model_name), round(element.seconds, 3))
    if files := run.attached_to(element.failed_step):
        case.system_out = printable("\n".join(f"[[ATTACHMENT|{one.file}]]" for one in files))
    if element.status is Status.PASSED:
        return case
    kind = Failure if element.status is Status.FAILED else Error
    lines = element.message.splitlines() or [""]
    result = kind(printable(lines[0]), str(element.status))
    at = "" if element.failed_step is None else f"step {element.failed_step}: "
    page = f"\nsee: {run.failing_page}" if run.failing_page else ""
    result.text = printable(f"{at}{element.message}\nseed {run.seed}\nagain: {run.replay}{page}")
    case.result = [result]
    return case


def _properties(run: RunData) -> Iterator[tuple[str, str]]:
    yield from {"seed": str(run.seed), "path": run.path, "model_hash": run.model_hash}.items()
    yield from {"model_version": str(run.model_version), "steps": str(run.step_count), "replay": run.replay}.items()
    for name, value in (("suite", run.suite), ("test_case", run.test_case), ("execution_id", run.execution_id), ("sut", run.sut)):
        if value:
            yield name, value
    for kind, figure in run.coverage.items():
        yield f"{kind}_coverage", f"{figure.covered}/{figure.total}"
