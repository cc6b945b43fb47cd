"""A whole walk of a model in this process, dry or performed with a suite's code."""

from dataclasses import dataclass
from pathlib import Path

from melanzana.generation.step import Outcome, Step, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model
from melanzana.runner.performer import Performer
from melanzana.runner.suite import Suite


@dataclass(frozen=True)
class Walked:
    """A whole walk, performed or dry."""

    outcome: Outcome
    walk: Walk
    steps: tuple[Step, ...]
    teardown: tuple[str, ...]  #: what went wrong while tidying up


def walk_through(model: Model, path: str, seed: int, suite: Suite | None = None) -> Walked:
    """Walk to the end; without a suite it is a dry run."""
    walk = Walk(model, WalkPlan(path=path, seed=seed, dry=suite is None))
    performer = Performer(suite, model.name) if suite else None
    steps = []
    try:
        while (step := walk.next_step()) is not None:
            steps.append(step)
            if performer is None:
                walk.record(step, Verdict.PASSED)
            else:
                performed = performer.perform(step, performer.bind(step))
                walk.record(step, performed.verdict, performed.outputs, performed.message)
    finally:
        failures = performer.close() if performer else []
    assert walk.outcome is not None
    return Walked(walk.outcome, walk, tuple(steps), tuple(failure.message for failure in failures))


def read(file: Path) -> Model:
    return read_text(file.read_bytes(), file.name)
