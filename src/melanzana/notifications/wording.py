"""What a notification says. Pure: facts of a task instance in, texts out.

The names of the facts are the original's, as far as they are known: `{{result-status}}` in a template is replaced by the fact. In a
template that is JSON every value is written so that the text stays JSON.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from melanzana.configurations.records import StepStatus, TaskInstance

_PLACE = re.compile(r"\{\{\s*([a-z-]+)\s*\}\}")
#: A template that is not given.
STANDARD = json.dumps(
    {
        "type": "test-run-completed",
        "test-configurations": "{{test-configurations}}",
        "result-status": "{{result-status}}",
        "result-url": "{{result-url}}",
        "execution-start-time": "{{execution-start-time}}",
        "test-run-completed": "{{test-run-completed}}",
        "total-run-duration": "{{total-run-duration}}",
        "task-instance-id": "{{task-instance-id}}",
        "flaky": "{{flaky}}",
        "steps": "{{steps}}",
        "problems": "{{problems}}",
    }
)
NAMES = (
    *("test-configurations", "result-status", "result-url", "execution-start-time", "test-run-completed", "total-run-duration"),
    *("task-instance-id", "flaky", "steps", "problems", "trigger"),
)


def facts_of(instance: TaskInstance, base_url: str) -> dict[str, str]:
    """What can be told of a task instance that has ended; `total-run-duration` is in seconds."""
    ended = instance.ended_at or instance.created_at
    problems = [
        f"{step.plan.step.name}: {'flaky' if step.flaky else step.status}{f' ({step.message})' if step.message else ''}"
        for step in instance.steps
        if step.flaky or step.status not in {StepStatus.PASSED, StepStatus.UNTESTED}
    ]
    return {
        "test-configurations": instance.draft.name,
        "result-status": instance.state.value,
        "result-url": f"{base_url}/test-configs/{instance.configuration_id}/runs/{instance.id}",
        "execution-start-time": instance.created_at.isoformat(),
        "test-run-completed": ended.isoformat(),
        "total-run-duration": f"{(ended - instance.created_at).total_seconds():.1f}",
        "task-instance-id": instance.id,
        "flaky": str(instance.flaky).lower(),
        "steps": str(len(instance.steps)),
        "problems": "; ".join(problems)[:2_000],
        "trigger": instance.trigger,
    }


def is_problem(instance: TaskInstance) -> bool:
    """Whether somebody who only wants to hear of problems is told."""
    return instance.state.value != "Passed" or instance.flaky


def body_of(template: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """The body of a webhook, and its content type."""
    text = template or STANDARD
    is_json = _is_json(text)

    def value(found: re.Match[str]) -> str:
        fact = str(facts.get(found[1], ""))
        return json.dumps(fact, ensure_ascii=False)[1:-1] if is_json else fact

    return _PLACE.sub(value, text), "application/json" if is_json else "text/plain; charset=utf-8"


def unknown_names(template: str) -> list[str]:
    """Places of a template that nothing is put into."""
    return [name for name in _PLACE.findall(template) if name not in NAMES]


def mail_of(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of an e-mail."""
    subject = f"{facts['result-status']}: {facts['test-configurations']}"
    lines = [
        f"{facts['test-configurations']} ended as {facts['result-status']} after {facts['total-run-duration']} s.",
        *(["", *str(facts["problems"]).split("; ")] if facts["problems"] else []),
        "",
        str(facts["result-url"]),
        f"Started by {facts['trigger']} at {facts['execution-start-time']}.",
    ]
    return subject.replace("\n", " ").replace("\r", " "), "\n".join(lines) + "\n"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
