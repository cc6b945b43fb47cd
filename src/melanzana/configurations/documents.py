"""Configurations and planned steps as JSON values, as they are stored. Pure; only `store.py` and `service.py` call it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from melanzana.configurations.records import ConfigurationStep, Draft, PlannedStep, StepKind, StopWish

_TUPLES = ("agents", "labels", "criteria", "tags", "notify")


def draft_to_json(draft: Draft) -> dict[str, Any]:
    return asdict(draft)


def draft_from_json(value: Mapping[str, Any]) -> Draft:
    """What `draft_to_json` gave; a field that an earlier version did not have gets its default."""
    parts: dict[str, Any] = {**value, "steps": tuple(_step_from_json(step) for step in value["steps"])}
    parts.update({name: tuple(parts[name]) for name in _TUPLES if name in parts})
    return Draft(**parts)


def plan_to_json(plan: PlannedStep) -> dict[str, Any]:
    return asdict(plan)


def plan_from_json(value: Mapping[str, Any]) -> PlannedStep:
    return PlannedStep(**{**value, "step": _step_from_json(value["step"]), "tags": tuple(value["tags"])})


def _step_from_json(value: Mapping[str, Any]) -> ConfigurationStep:
    parts = {**value, "kind": StepKind(value["kind"]), "stop": StopWish(**value["stop"]), "tags": tuple(value["tags"])}
    return ConfigurationStep(**parts)
