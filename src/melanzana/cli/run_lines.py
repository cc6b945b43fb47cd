"""What `melanzana run` prints: a line that moves on a terminal, lines for what did not pass, a summary; or one JSON document."""

import json
import sys
import time
from contextlib import AbstractContextManager
from typing import Any, Self

import typer
from rich.console import Console
from rich.status import Status

from melanzana.generation.coverage import CoverageReport, Measure
from melanzana.generation.step import EndReason, Verdict
from melanzana.graph.model import Model
from melanzana.protocol.events import Event, LogWritten, RunPaused, StepFinished, StepStarted, event_to_json
from melanzana.protocol.snapshot import Snapshot
from melanzana.runner.local import LocalResult

_REASONS = {
    EndReason.STOP_CONDITION: "the stop condition is met",
    EndReason.EXIT: "Exit was reached",
    EndReason.TEST_CASE_DONE: "every step of the test case was performed",
    EndReason.DEAD_END: "dead end",
    EndReason.STEP_NOT_PASSED: "a step did not pass",
    EndReason.EVALUATION_ERROR: "an expression failed",
    EndReason.IMPOSSIBLE_STEP: "a step of the test case cannot follow",
    EndReason.ABORTED: "cancelled",
    EndReason.SETUP_FAILED: "nothing could be started",
    EndReason.CRASHED: "the process that performed the steps died",
    EndReason.TIMED_OUT: "it took longer than the agent allows",
}
#: Without a terminal a progress line comes at most this often, in seconds.
_PROGRESS_SECONDS = 5.0
_COLOURS = {"passed": typer.colors.GREEN, "failed": typer.colors.RED, "error": typer.colors.RED, "cancelled": typer.colors.YELLOW}


class Lines(AbstractContextManager["Lines", None]):
    """Shows events as they come; `silent` shows nothing, `verbose` every step."""

    def __init__(self, model: Model, snapshot: Snapshot, *, silent: bool, verbose: bool) -> None:
        self._model, self._snapshot, self._silent, self._verbose = model, snapshot, silent, verbose
        self._begun = self._last_progress = time.monotonic()
        console = Console(stderr=True)
        self._status: Status | None = Status("starting", console=console) if console.is_terminal and not silent else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, event: Event) -> None:
        if self._silent:
            return
        match event:
            case StepStarted():
                self._progress(f"step {event.number}: {event.kind} {event.name}")
            case StepFinished():
                self._step(event)
            case LogWritten() if event.severity in ("WARNING", "ERROR") or self._verbose:
                typer.echo(_indented(event.message), err=True)
            case RunPaused():
                self._pause(event)

    def summary(self, result: LocalResult) -> None:
        """The end of the output: verdict, first step that did not pass, coverage, seed."""
        word = _word(result)
        reason = _REASONS.get(EndReason(result.finished.reason), result.finished.reason)
        typer.echo(f"{self._model.name}: {typer.style(word, fg=_COLOURS[word], bold=True)} ({reason})")
        if result.finished.message and word != "passed":
            typer.echo(f"  why       {_indented(result.finished.message, 12).lstrip()}")
        seconds = f"{result.finished.at_seconds:.1f} s"
        typer.echo(f"  steps     {len(result.steps)} in {_count(result.iterations, 'iteration')}, {seconds}")
        typer.echo(f"  covered   {_covered(result.coverage)}")
        typer.echo(f"  seed      {self._snapshot.seed}   (--seed {self._snapshot.seed} walks the same path)")

    def _step(self, event: StepFinished) -> None:
        passed = event.verdict == Verdict.PASSED
        if self._verbose or not passed:
            mark = typer.style(event.verdict, fg=_COLOURS[event.verdict])
            message = f": {_indented(event.message, 4).lstrip()}" if event.message else ""
            typer.echo(f'{event.number:5d}  {mark}  {"  " * event.depth}{event.kind} "{event.name}"{message}', err=True)
        else:
            self._progress(f"step {event.number}: {event.kind} {event.name}")

    def _progress(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text.replace("[", r"\["))
        elif not self._verbose and time.monotonic() - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = time.monotonic()
            typer.echo(text, err=True)

    def _pause(self, event: RunPaused) -> None:
        how = "Enter continues, Ctrl-C ends" if sys.stdin.isatty() else "there is no terminal to ask, so the run ends"
        typer.echo(f"paused after step {event.step}: {event.message}\n{how}", err=True)


def document(model: Model, snapshot: Snapshot, result: LocalResult) -> str:
    """Everything in one JSON document."""
    content: dict[str, Any] = {
        "model": {"id": model.id, "name": model.name, "hash": snapshot.model_hash},
        "verdict": _word(result),
        "reason": result.finished.reason,
        "message": result.finished.message,
        "seed": snapshot.seed,
        "path": snapshot.path,
        "parameters": dict(snapshot.parameters),
        "dry_run": not snapshot.perform,
        "iterations": result.iterations,
        "duration_seconds": result.finished.at_seconds,
        "coverage": _coverage(result.coverage),
        "steps": [_without_type(event_to_json(step)) for step in result.steps],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _word(result: LocalResult) -> str:
    return "cancelled" if result.cancelled else result.finished.verdict


def _coverage(report: CoverageReport) -> dict[str, Any]:
    measures = {"states": report.states, "actions": report.actions, "transitions": report.transitions}
    figures = {name: {"covered": m.covered, "total": m.total, "ratio": m.ratio} for name, m in measures.items()}
    return {**figures, "hits": dict(report.hits)}


def _covered(report: CoverageReport) -> str:
    def part(name: str, measure: Measure) -> str:
        return f"{name} {measure.covered}/{measure.total} ({measure.ratio:.0%})"

    return ", ".join([part("states", report.states), part("actions", report.actions), part("transitions", report.transitions)])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _indented(text: str, spaces: int = 7) -> str:
    """Lines moved to the right; what could steer a terminal is shown as its escape, since the text comes from the tested system."""
    return "\n".join(" " * spaces + _printable(line) for line in text.split("\n"))


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in line)


def _without_type(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "type"}
