"""What the pages of test configurations write, and read from their forms. Pure."""

from melanzana.configurations.planning import condition_of
from melanzana.configurations.records import ConfigurationStep, Draft, StepKind, TaskState
from melanzana.errors import RequestError

#: Mark and word of each state.
TASK_WORDS = {
    TaskState.RUNNING: ("now", "Running"),
    TaskState.ABORTING: ("now", "Ending"),
    TaskState.PASSED: ("ok", "Passed"),
    TaskState.FAILED: ("bad", "Failed"),
    TaskState.ERROR: ("warn", "Error"),
    TaskState.CANCELLED: ("off", "Cancelled"),
}
_KINDS = {StepKind.DIRECTED: "test case", StepKind.EXPLORATORY: "exploring", StepKind.SCRIPT: "script"}


def step_lines(draft: Draft) -> list[tuple[ConfigurationStep, str, str]]:
    """Each step, what it is, and how much is enough."""
    return [(step, _KINDS[step.kind], _enough(step)) for step in draft.steps]


def read_values(text: str) -> dict[str, str]:
    """`name = value`, one a line. Raises RequestError naming the line."""
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise RequestError(f"line {number} is not name = value: {line.strip()[:100]}", field="values")
            values[name.strip()] = value.strip()
    return values


def _enough(step: ConfigurationStep) -> str:
    if step.kind is not StepKind.EXPLORATORY:
        return ""
    return step.path or condition_of(step.stop) or ""
