"""A task instance as JUnit XML: one suite, one test case for each step. Pure; `compat/public_config_results.py` gives it out.

Earlier tries of a step stand as Maven Surefire writes them: `flakyFailure` and `flakyError` when it passed in the end, else
`rerunFailure` and `rerunError`, so that a CI server can show what is flaky. A step that was left out is `skipped`. Each step names
its runs in `system-out`.
"""

from collections.abc import Iterator
from datetime import UTC
from xml.etree import ElementTree as ET

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from melanzana.configurations.records import Attempt, StepStatus, TaskInstance, TaskStep
from melanzana.reports.files.text import printable


def task_junit(instance: TaskInstance, base_url: str) -> bytes:
    """`base_url`: of the server, for links to the pages of runs."""
    suite = TestSuite(printable(instance.draft.name))
    suite.timestamp = instance.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for name, value in _properties(instance):
        suite.add_property(name, printable(value))
    for step in instance.steps:
        suite.add_testcase(_case(step, base_url))
    document = JUnitXml("melanzana")
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written


def _case(step: TaskStep, base_url: str) -> TestCase:
    plan = step.plan
    where = plan.model_name or plan.step.script or ""
    case = TestCase(printable(plan.step.name), printable(where), round(sum(map(_seconds, step.attempts)), 3))
    result = _result(step)
    if result is not None:
        case.result = [result]
    for attempt in step.attempts[:-1]:
        case._elem.append(_earlier(attempt, flaky=step.flaky))  # the library has no word for an earlier try
    links = [
        f"try {attempt.number}: {attempt.status} {base_url}/runs/{attempt.run_id}" for attempt in step.attempts if attempt.run_id
    ]
    if links:
        case.system_out = printable("\n".join(links))
    return case


def _result(step: TaskStep) -> Failure | Error | Skipped | None:
    if step.status is StepStatus.PASSED:
        return None
    message = printable(step.message.partition("\n")[0])
    if step.status is StepStatus.UNTESTED:
        return Skipped(message)
    result: Failure | Error = (Failure if step.status is StepStatus.FAILED else Error)(message, step.status.value.lower())
    result.text = printable(step.message)
    return result


def _earlier(attempt: Attempt, *, flaky: bool) -> ET.Element:
    kind = ("flaky" if flaky else "rerun") + ("Failure" if attempt.status is StepStatus.FAILED else "Error")
    element = ET.Element(kind, message=printable(attempt.message.partition("\n")[0]), type=attempt.status.value.lower())
    element.text = printable(attempt.message)
    return element


def _seconds(attempt: Attempt) -> float:
    return 0.0 if attempt.ended_at is None else (attempt.ended_at - attempt.started_at).total_seconds()


def _properties(instance: TaskInstance) -> Iterator[tuple[str, str]]:
    yield from {"task_instance_id": instance.id, "test_config_id": instance.configuration_id}.items()
    yield from {"status": instance.state.value, "flaky": str(instance.flaky).lower(), "trigger": instance.trigger}.items()
