"""Every poison model ends in a named error or in a bounded result, for everything that is done with models."""

import json
import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TypeVar

import pytest

from melanzana.errors import MelanzanaError
from melanzana.generation.checking.semantics import examine
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.feasible import feasible
from melanzana.generation.walk import Walk, WalkPlan, walk_steps
from melanzana.graph.findings import has_errors
from melanzana.graph.formats.reading import read_model
from melanzana.graph.model import Model
from melanzana.graph.validation import validate

T = TypeVar("T")
_SPEC = spec_from_file_location("poison_corpus", Path(__file__).with_name("corpus.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_CORPUS = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_CORPUS)
POISON = _CORPUS.POISON

#: Processor seconds and bytes that one thing done with one model may cost at most; most cost a thousandth.
SECONDS, BYTES = 20.0, 400_000_000
UPLOAD_BYTES = 160_000_000
PATHS = [
    "random(transition_coverage(100))",
    "weighted(actions(50))",
    "quick(actions(50))",
    "explore(actions(50), path_depth(3))",
    "tour()",
    "shortest(reached(Exit))",
    "random(actions(20)) then tour() then quick(transition_coverage(100) or actions(50))",
]
#: Errors of reading: refused before there is a model.
UNREADABLE = {
    "start unreachable", "a million states", "too many bytes", "deep nesting", "brackets", "JSON brackets", "alias bomb",
    "wide value list", "weight NaN", "weight infinite", "weight 1e400", "JSON NaN", "invalid UTF-8", "byte order mark", "UTF-16",
    "empty file", "endless name",
}  # fmt: skip
INVALID = {
    "no start", "parallel edges", "its own sub-model", "empty name", "NUL", "right to left", "weight negative",
    "deep guard", "long guard",
}  # fmt: skip


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _read(name: str) -> Model | None:
    made = POISON[name]()
    if isinstance(made, Model):
        return made
    try:
        return read_model(made, name).model
    except MelanzanaError as error:
        assert error.code in ("model_format", "model_limit"), error
        assert error.message
        return None


SLOW = ("64 booleans", "wide counter", "counter", "counter with call limits", "parallel edges")
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in POISON]


@pytest.mark.parametrize("name", NAMES)
def test_poison_is_refused_by_name_or_bounded(name: str) -> None:
    """Reading, validating, checking, covering and generating each end, in bounded work."""
    model = _timed(lambda: _read(name))
    if model is None:
        assert name in UNREADABLE
        return
    assert name not in UNREADABLE
    findings = _timed(lambda: validate(model))
    assert has_errors(findings) == (name in INVALID)
    assert _timed(lambda: examine(model))[: len(findings)] == findings
    if has_errors(findings):
        return
    CoverageTracker(model)
    _timed(lambda: feasible(model, limit=2_000))
    for path in PATHS:
        _timed(lambda path=path: _generate(model, path))


def _timed(thing: Callable[[], T]) -> T:
    """What it gives, in bounded time."""
    begun = _cpu()
    found = thing()
    assert _cpu() - begun < SECONDS
    return found


def _generate(model: Model, path: str) -> None:
    """A walk, cut after some thousand steps; an error has a name."""
    try:
        walk = Walk(model, WalkPlan(path=path, seed=1, dry=True))
        for count, _ in enumerate(walk_steps(walk, max_steps=3_000)):
            assert count <= 3_000
    except MelanzanaError as error:
        assert error.message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wide counter", "64 booleans", "counter", "parallel edges within the limit"])
def test_checking_needs_bounded_memory(name: str) -> None:
    """What is looked at is bounded, and so is what is kept of it."""
    model = _read(name)
    assert model is not None
    tracemalloc.start()
    try:
        found = examine(model)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BYTES
    assert ("search-incomplete" in {finding.code for finding in found}) == (name != "parallel edges within the limit")


@pytest.mark.slow
def test_the_largest_uploads_cost_little() -> None:
    """Bytes, depth and values are capped before a model is made of them: no upload needs a process of its own to be harmless."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run([sys.executable, _CORPUS.__file__], capture_output=True, text=True, check=True, env=environment)
    cost = json.loads(told.stdout)
    assert max(cost["seconds"].values()) < SECONDS
    assert cost["bytes"] < UPLOAD_BYTES


def test_the_limit_of_recursion_is_left_alone() -> None:
    """Nothing here was bounded by a deeper stack."""
    assert sys.getrecursionlimit() <= 3_000
