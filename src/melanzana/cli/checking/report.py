"""What was checked and found, and its plain shapes: lines for people, one JSON document for machines."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from melanzana.graph.findings import Finding, Severity

if TYPE_CHECKING:
    from melanzana.graph.formats.reading import ReadResult

_COLOURS = {Severity.ERROR: typer.colors.RED, Severity.WARNING: typer.colors.YELLOW, Severity.INFO: typer.colors.BLUE}
_WIDEST = 100
#: Characters of a source line shown before the place that is meant.
_BEFORE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file, its text by line, the model if it holds one, and the findings to show."""

    name: str
    lines: tuple[str, ...]
    result: "ReadResult | None"
    findings: tuple[Finding, ...]

    def line(self, finding: Finding) -> str:
        """The source line of a finding; empty when it has no place."""
        return self.lines[finding.line - 1] if finding.line and finding.line <= len(self.lines) else ""


def to_json(checked: Checked) -> dict[str, Any]:
    """The document of `--format json`."""
    count = Counter(str(finding.severity) for finding in checked.findings)
    model = checked.result.model if checked.result else None
    return {
        "file": checked.name,
        "format": checked.result.format if checked.result else None,
        "model": model.name if model else None,
        "states": len(model.states) if model else None,
        "actions": sum(1 for _ in model.actions()) if model else None,
        "count": {str(severity): count[severity] for severity in Severity},
        "findings": [finding.to_json() for finding in checked.findings],
    }


def print_text(checked: Checked) -> None:
    """Each finding with its place, its message and the source line with a mark; then the summary."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for finding in checked.findings:
        for line in _finding_lines(checked, finding, width):
            typer.echo(line)
    if checked.findings:
        typer.echo()
    summary = f"{checked.name}: {_size(checked.result)}{_count(checked.findings)}"
    typer.echo(textwrap.fill(printable(summary), width, subsequent_indent="  "))


def _finding_lines(checked: Checked, finding: Finding, width: int) -> Iterator[str]:
    place = ":".join(str(part) for part in (checked.name, finding.line, finding.column) if part is not None)
    severity = typer.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    yield f"{printable(place)}: {severity} {finding.code}"
    yield textwrap.fill(printable(finding.message), width, initial_indent="  ", subsequent_indent="  ")
    source = checked.line(finding)
    if source.strip():
        yield from _excerpt(source, finding, width)


def _excerpt(source: str, finding: Finding, width: int) -> Iterator[str]:
    """The source line, cut where it is long, and a mark under the column."""
    number = f"{finding.line:>6} | "
    column = (finding.column or 1) - 1
    begin = max(column - _BEFORE, 0) if column > width - len(number) - 10 else 0
    shown = printable(source[begin : begin + width - len(number)].replace("\t", " "))
    yield typer.style(number, dim=True) + shown.rstrip()
    yield " " * (len(number) - 2) + "| " + " " * (column - begin) + typer.style("^", bold=True)


def printable(text: str) -> str:
    """The text without characters that a terminal would obey instead of showing."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _size(result: "ReadResult | None") -> str:
    if result is None:
        return "not a model: "
    model = result.model
    actions = sum(1 for _ in model.actions())
    sizes = ((len(model.states), "state"), (actions, "action"), (len(model.test_cases), "test case"))
    return ", ".join(plural(size, word) for size, word in sizes) + ": "


def _count(findings: Iterable[Finding]) -> str:
    count = Counter(finding.severity for finding in findings)
    words = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "remark"))
    found = [plural(count[severity], word) for severity, word in words if count[severity]]
    return ", ".join(found) or "nothing found"


def plural(count: int, word: str) -> str:
    """`1 state`, `2 states`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
