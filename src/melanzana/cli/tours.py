"""The options of `melanzana generate` that are about tours: they become part of the path expression and of the plan."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from melanzana.cli.model_files import read_bytes

if TYPE_CHECKING:
    from melanzana.graph.model import Model

#: What a part of a path is called that begins at Start.
ITERATION = "iteration"
_WHOLE = "tour()"


def cut_path(path: str | None, split: int | None, shard: str | None) -> str | None:
    """The path expression with what `--split` and `--shard` say around it; a whole tour when there is none."""
    if split is None and shard is None:
        return path
    found = path or _WHOLE
    if not found.lstrip().lower().startswith(("tour", "split")):
        option = "--split" if shard is None else "--shard"
        raise typer.BadParameter(f"only a tour can be cut, not {found}", param_hint=option)
    if split is not None:
        found = f"split({found}, {split})"
    return found if shard is None else f"shard({found}, {shard})"


def part_name(path: str) -> str:
    """What the iterations of a path are: test cases, when it is a tour that is cut."""
    cut = path.lstrip().lower().startswith(("split", "shard")) and not re.search(r"\)\s*then\b", path, re.IGNORECASE)
    return "test case" if cut else ITERATION


def read_durations(file: Path | None, model: "Model") -> Mapping[str, float]:
    """Seconds by element id from a JSON document that names actions and states by name or id."""
    if file is None:
        return {}
    try:
        document = json.loads(read_bytes(file))
    except ValueError as error:
        raise typer.BadParameter(f"{file} is no JSON: {error}", param_hint="--durations") from None
    if not isinstance(document, dict):
        raise typer.BadParameter(f'{file} is to hold {{"name": seconds, …}}', param_hint="--durations")
    named: dict[str, list[str]] = {}
    pairs = [(state.name, state.id) for state in model.states] + [(action.name, action.id) for _, action in model.actions()]
    for name, element_id in pairs:
        named.setdefault(name, []).append(element_id)
        named.setdefault(element_id, []).append(element_id)
    return {element_id: _seconds(name, value) for name, value in document.items() for element_id in _ids(name, named)}


def _ids(name: str, named: Mapping[str, list[str]]) -> list[str]:
    if name not in named:
        raise typer.BadParameter(f"the model has no state or action '{name}'", param_hint="--durations")
    return list(dict.fromkeys(named[name]))


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**6:
        raise typer.BadParameter(f"'{name}' takes seconds from 0 to 1000000, not {value!r}", param_hint="--durations")
    return float(value)
