"""What `melanzana ci run` prints while a task is at work and at its end, and what it writes for GitHub.

The last lines lead to the failing step: its message, and the address of its page on the server.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from melanzana.client.rest import RestClient
from melanzana.errors import NotFoundError

Json = dict[str, Any]
_DONE = ("passed", "failed", "error", "cancelled", "untested")
_MARKS = {"Passed": "✓", "Failed": "✕", "Error": "!", "Cancelled": "–", "Untested": "·", "Running": "…", "Pending": " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A step that did not pass, or not at once, and where to look."""

    name: str
    status: str
    flaky: bool
    message: str
    link: str  #: of the page of the failing step, or of the run; empty when there is none


async def problems(client: RestClient, task: Json, server: str) -> list[Problem]:
    """One for each step that has something to look at, in order."""
    return [
        Problem(
            name=step["name"],
            status=step["status"],
            flaky=step["flaky"],
            message=_message(step),
            link=await _link(client, step, server),
        )
        for step in task["steps"]
        if step["flaky"] or step["status"] in {"Failed", "Error", "Cancelled"}
    ]


def tell(task: Json, found: list[Problem], say: Callable[[str], object]) -> None:
    """The result in a few lines."""
    counts = task["counts"]
    parts = [f"{counts[word]} {word}" for word in _DONE if counts[word]]
    flaky = f", {counts['flaky']} of them only on a retry" if counts["flaky"] else ""
    lasted = "" if task["duration_seconds"] is None else f" in {task['duration_seconds']:.1f} s"
    say(f"{task['status']:<14} {', '.join(parts)} of {counts['total']} steps{flaky}{lasted}")
    for problem in found:
        word = "Flaky" if problem.flaky else problem.status
        say(f"{word:<14} {problem.name}: {problem.message}".rstrip(": "))
        if problem.link:
            say(f"               {problem.link}")


@contextlib.contextmanager
def showing(task: Json, *, quiet: bool, terminal: bool, say: Callable[[str], object]) -> Iterator[Callable[[Json], None]]:
    """What shows how far the task is: a bar on a terminal, else a line for each step that comes to something."""
    if quiet:
        yield lambda _task: None
    elif terminal:
        with _bar(task) as show:
            yield show
    else:
        yield _Lines(say).show


def tell_github(task: Json, found: list[Problem]) -> None:
    """Annotations and the summary of a job of GitHub Actions; nothing elsewhere."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for problem in found:
            level = "warning" if problem.flaky else "error"
            print(f"::{level} title={_escaped(problem.name)}::{_escaped(f'{problem.message} {problem.link}'.strip())}")
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.writelines(_markdown(task, found))


def _message(step: Json) -> str:
    """Of the newest try that did not pass."""
    tries = [attempt for attempt in step["attempts"] if attempt["status"] != "Passed"]
    text: str = (tries[-1]["message"] if tries else "") or step["message"]
    return text.partition("\n")[0]


async def _link(client: RestClient, step: Json, server: str) -> str:
    runs = [attempt["run_id"] for attempt in step["attempts"] if attempt["status"] != "Passed" and attempt["run_id"]]
    if not runs:
        return ""
    try:
        failing = (await client.run(runs[-1])).get("failing_step")
    except NotFoundError:
        return ""
    return f"{server}/runs/{runs[-1]}" + ("" if failing is None else f"/steps/{failing['number']}")


class _Lines:
    """Prints what is new, once."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say, self._seen = say, dict[str, tuple[str, int]]()

    def show(self, task: Json) -> None:
        for step in task["steps"]:
            now = (step["status"], len(step["attempts"]))
            if self._seen.get(step["id"]) == now:
                continue
            self._seen[step["id"]] = now
            if step["status"] != "Pending" or step["attempts"]:
                again = f", try {len(step['attempts'])}" if len(step["attempts"]) > 1 else ""
                word = "Again" if step["status"] == "Pending" else step["status"]
                self._say(f"{word:<14} {step['name']}{again}")


@contextlib.contextmanager
def _bar(task: Json) -> Iterator[Callable[[Json], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        row = progress.add_task("waiting", total=task["counts"]["total"])

        def show(seen: Json) -> None:
            at = [step["name"] for step in seen["steps"] if step["status"] == "Running"]
            done = sum(seen["counts"][word] for word in _DONE)
            progress.update(row, completed=done, description=(", ".join(at) or "waiting")[:40])

        yield show


def _markdown(task: Json, found: list[Problem]) -> Iterator[str]:
    yield f"### {_MARKS[task['status']]} {_cell(task['test_config_name'])}: {task['status']}\n\n"
    yield "| step | status | message |\n|---|---|---|\n"
    known = {problem.name: problem for problem in found}
    for step in task["steps"]:
        problem = known.get(step["name"])
        word = "Passed on a retry" if step["flaky"] else step["status"]
        text = "" if problem is None else f"{_cell(problem.message)} {f'[page]({problem.link})' if problem.link else ''}"
        yield f"| {_cell(step['name'])} | {_MARKS[step['status']]} {word} | {text} |\n"
    yield "\n"


def _cell(text: str) -> str:
    """Text of a system under test in a table of Markdown: no cell ends early, no markup comes from outside."""
    marked = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return marked.replace("<", "&lt;").replace("[", "\\[").replace("`", "\\`").replace("*", "\\*").replace("_", "\\_")


def _escaped(text: str) -> str:
    """As workflow commands of GitHub want it: one line, no second command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
