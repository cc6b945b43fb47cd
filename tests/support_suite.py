"""Suites written by a test, loaded in this process and forgotten afterwards."""

import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from melanzana.generation.step import Call, Step, StepKind
from melanzana.graph.model import StateKind
from melanzana.runner.interruption import Interruption
from melanzana.runner.performer import Performed, Performer
from melanzana.runner.suite import Suite


def write_suite(folder: Path, **modules: str) -> Path:
    """Write `name="source"` modules into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source), "utf-8")
    return folder


@contextmanager
def loaded(folder: Path) -> Iterator[Suite]:
    """The suite, with the import system put back afterwards."""
    before, path = set(sys.modules), list(sys.path)
    try:
        yield Suite.load(folder)
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def step(name: str, *calls: Call, kind: StepKind = StepKind.ACTION, state: str = "Home", **data: Any) -> Step:
    return Step(
        number=1,
        iteration=1,
        kind=kind,
        element_id=f"id of {name}",
        name=name,
        state=state,
        state_kind=StateKind.NORMAL,
        calls=calls,
        data=data,
    )


def perform(
    suite: Suite | None, *steps: Step, model: str = "Web shop", interruption: Interruption | None = None
) -> list[Performed]:
    """Perform the steps one after another as one run, fixtures torn down at the end."""
    performer = Performer(suite, model, interruption)
    try:
        return [performer.perform(one, performer.bind(one)) for one in steps]
    finally:
        performer.close()


def call(reference: str, *arguments: Any, outputs: tuple[Any, ...] = (), **named: Any) -> Call:
    return Call(reference=reference, arguments=arguments, named_arguments=named, outputs=outputs)


def parameters(**values: Any) -> Mapping[str, Any]:
    return values
