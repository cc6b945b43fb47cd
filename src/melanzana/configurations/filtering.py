"""Which steps of a configuration a start performs. Pure; called by `service.start` with what the previous time came to.

A step is named by its test case, or by its own name when it has none; its tags are those of configuration, step and test case. The
status that is asked is that of the step with the same id in the previous task instance; a step that was not there is `Untested`.
"""

from collections.abc import Mapping, Sequence

from melanzana.configurations.records import Filter, PlannedStep, StepStatus
from melanzana.configurations.tag_expressions import parse_tags
from melanzana.errors import RequestError


def chosen(steps: Sequence[PlannedStep], wanted: Filter, before: Mapping[str, StepStatus]) -> list[bool]:
    """For each step whether it is performed; `before`: statuses by the id of the step.

    Raises RequestError for an expression that cannot be read, and when no step is left.
    """
    meets = None if wanted.scenario_tag is None else parse_tags(wanted.scenario_tag)
    result = [
        _fits(before.get(plan.step.id, StepStatus.UNTESTED), wanted.status_include, wanted.status_exclude)
        and _fits_any(frozenset(plan.tags), wanted.tag_include, wanted.tag_exclude)
        and _fits_any(names_of(plan), wanted.name_include, wanted.name_exclude)
        and (meets is None or meets(frozenset(tag.removeprefix("@") for tag in plan.tags)))
        for plan in steps
    ]
    if not any(result):
        raise RequestError(f"none of the {len(steps)} steps is left by the filter, so there is nothing to run", field="filter_by")
    return result


def names_of(plan: PlannedStep) -> frozenset[str]:
    """The names by which a filter knows the step."""
    return frozenset({plan.step.name if plan.test_case_name is None else plan.test_case_name, plan.step.name})


def _fits(word: StepStatus, include: frozenset[StepStatus], exclude: frozenset[StepStatus]) -> bool:
    return (not include or word in include) and word not in exclude


def _fits_any(words: frozenset[str], include: frozenset[str], exclude: frozenset[str]) -> bool:
    return (not include or bool(words & include)) and not words & exclude
