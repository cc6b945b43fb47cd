"""Jobs for workers: a small model and suites that do what a test needs."""

from pathlib import Path
from textwrap import dedent
from typing import Any

from melanzana.graph.formats.document import logic_hash, to_document
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model
from melanzana.protocol.snapshot import Snapshot
from support_suite import write_suite

MODEL = """
model: Lamp
start: Off
run cleanup after abort: true
variables:
  presses: {type: integer, initial: 0}
states:
  Off:
    actions:
      press: {to: On, do: lamp:press}
  On:
    check: lamp:check
    actions:
      press again: {to: Off}
cleanup: {do: lamp:tidy}
test cases:
  once: {steps: [press]}
"""
SUITE = """
    import os
    from pathlib import Path
    from melanzana import fixture
    here = Path(__file__).parent

    def note(text):
        with open(here / "trace.txt", "a") as file: file.write(text + "\\n")

    @fixture(scope="run")
    def lamp():
        note("lamp up")
        yield
        note("lamp down")

    def tidy(): note("tidy")
    def check(presses: int): assert presses < 3, "too bright"
"""
PRESS = """
    def press(lamp, presses: int):
        return {"presses": presses + 1}
"""


def lamp(text: str = MODEL) -> Model:
    return read_text(text)


def snapshot(folder: Path, press: str = PRESS, *, model: Model | None = None, **changes: Any) -> Snapshot:
    """A snapshot of the lamp, with `press` as the code of its action."""
    chosen = model or lamp()
    write_suite(folder, lamp=f"{dedent(SUITE)}\n{dedent(press)}")
    values: dict[str, Any] = {
        "model": to_document(chosen),
        "model_id": chosen.id,
        "model_version": 1,
        "model_hash": logic_hash(chosen),
        "path": 'directed("once")',
        "seed": 1,
        "suite": str(folder),
    }
    return Snapshot(**(values | changes))


def trace(folder: Path) -> list[str]:
    """What the suite's `note` wrote."""
    file = folder / "trace.txt"
    return file.read_text("utf-8").splitlines() if file.exists() else []
