"""What can be said of a draft before any model is looked up. Pure; called by `service.py` whenever a configuration is saved."""

import re
from collections.abc import Iterable

from melanzana.configurations.records import MAX_PARALLELISM, MAX_RETRIES, MAX_STEPS, ConfigurationStep, Draft, StepKind
from melanzana.errors import RequestError

_NAME = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_MOST = 50


def check_draft(draft: Draft) -> None:
    """Raises RequestError naming the field."""
    check_name(draft.name, "name")
    if not 1 <= len(draft.steps) <= MAX_STEPS:
        raise RequestError(f"a test configuration has 1 to {MAX_STEPS} steps, not {len(draft.steps)}", field="steps")
    _check_range(draft.retries, 0, MAX_RETRIES, "retries")
    _check_range(draft.parallelism, 1, MAX_PARALLELISM, "parallelism")
    for name in ("agents", "labels", "criteria", "tags", "notify"):
        if len(getattr(draft, name)) > _MOST:
            raise RequestError(f"{name} has more than {_MOST} entries", field=name)
    ids = [step.id for step in draft.steps]
    for number, step in enumerate(draft.steps):
        if step.id in ids[:number]:
            raise RequestError(f"step {number + 1} has the id of an earlier one", field=f"steps.{number}.id")
        _check_step(step, f"steps.{number}")


def _check_step(step: ConfigurationStep, where: str) -> None:
    if step.name:  # without one it is named after what it performs
        check_name(step.name, f"{where}.name")
    needed, refused = _FIELDS[step.kind]
    given = {name for name in ("model", "test_case", "script", "path") if getattr(step, name) is not None}
    if step.stop != type(step.stop)():
        given.add("stop")
    for name in needed:
        if name not in given:
            raise RequestError(f"a {step.kind} step needs {_WORDS.get(name, name)}", field=f"{where}.{_WORDS.get(name, name)}")
    for name in refused:
        if name in given:
            raise RequestError(f"a {step.kind} step has no {_WORDS.get(name, name)}", field=f"{where}.{_WORDS.get(name, name)}")
    if {"path", "stop"} <= given:
        raise RequestError("path and stop each say when to end; give one of them", field=f"{where}.path")
    if step.retries is not None:
        _check_range(step.retries, 0, MAX_RETRIES, f"{where}.retries")


def check_name(name: str, where: str) -> None:
    """Raises RequestError."""
    if not _NAME.fullmatch(name):
        raise RequestError("a name has 1 to 100 characters, and no space at its ends", field=where)


def _check_range(value: int, low: int, high: int, where: str) -> None:
    if not low <= value <= high:
        raise RequestError(f"{where} is {value}; it may be {low} to {high}", field=where)


#: Of each kind: what a step needs, and what it cannot have.
_FIELDS: dict[StepKind, tuple[Iterable[str], Iterable[str]]] = {
    StepKind.DIRECTED: (("model", "test_case"), ("script", "path", "stop")),
    StepKind.EXPLORATORY: (("model",), ("script", "test_case")),
    StepKind.SCRIPT: (("script",), ("model", "test_case", "path", "stop")),
}
#: Names in requests, where they differ.
_WORDS = {"model": "model_id", "test_case": "test_case_id"}
