"""`melanzana check MODEL`: what the rules say about a model file, for people at a terminal and for CI.

Exit codes: 0 nothing at or above `--fail-on`; 1 findings there, or a file that cannot be read as a model; 2 no such file.
"""

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from melanzana.errors import ModelError
from melanzana.graph.findings import Finding, Severity

if TYPE_CHECKING:
    from melanzana.graph.formats.reading import ReadResult

_COLOURS = {Severity.ERROR: typer.colors.RED, Severity.WARNING: typer.colors.YELLOW, Severity.INFO: typer.colors.BLUE}
_RANK = {Severity.ERROR: 2, Severity.WARNING: 1, Severity.INFO: 0}
_EXIT_FOUND, _EXIT_USAGE = 1, 2
_WIDEST = 100


class FailOn(StrEnum):
    """From which severity on a finding fails the check."""

    ERROR = "error"
    WARNING = "warning"


def check(
    model: Annotated[Path, typer.Argument(help="Model file: text format, DAI JSON or GraphWalker JSON; - reads standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 when there are findings of this severity or a higher one.")
    ] = FailOn.ERROR,
) -> None:
    """Check a model file against all rules."""
    name = "<stdin>" if str(model) == "-" else str(model)
    result, findings = _examine(read_bytes(model), name, folder_of(model))
    if as_json:
        typer.echo(json.dumps(_report(name, result, findings), indent=2, ensure_ascii=False))
    else:
        _print(name, result, findings)
    if any(_RANK[finding.severity] >= _RANK[Severity(fail_on)] for finding in findings):
        raise typer.Exit(_EXIT_FOUND)


def read_bytes(path: Path) -> bytes:
    """The content of a file, or of standard input. Ends the command with 2 when there is no such file."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        typer.echo(f"melanzana: cannot read {path}: {error.strerror or error}", err=True)
        raise typer.Exit(_EXIT_USAGE) from None


def folder_of(path: Path) -> Path | None:
    """Where the files lie that a model names; None for standard input."""
    return None if str(path) == "-" else path.parent


def _examine(data: bytes, name: str, folder: Path | None) -> "tuple[ReadResult | None, list[Finding]]":
    """The model, if the file holds one, and all findings in the order of the file."""
    from melanzana.graph.formats.reading import read_model
    from melanzana.graph.validation import validate

    try:
        result = read_model(data, name, folder)
    except ModelError as error:
        return None, [_of_error(error)]
    findings = result.locate((*result.notes, *validate(result.model)))
    return result, sorted(findings, key=lambda finding: (finding.line is None, finding.line or 0, finding.column or 0))


def _of_error(error: ModelError) -> Finding:
    detail = error.detail
    return Finding(
        code=error.code,
        severity=Severity.ERROR,
        message=error.message,
        line=detail.get("line"),
        column=detail.get("column"),
        suggestion=detail.get("suggestion"),
    )


def _report(name: str, result: "ReadResult | None", findings: list[Finding]) -> dict[str, Any]:
    count = Counter(str(finding.severity) for finding in findings)
    return {
        "file": name,
        "format": result.format if result else None,
        "model": result.model.name if result else None,
        "states": len(result.model.states) if result else None,
        "actions": sum(1 for _ in result.model.actions()) if result else None,
        "count": {str(severity): count[severity] for severity in Severity},
        "findings": [finding.to_json() for finding in findings],
    }


def _print(name: str, result: "ReadResult | None", findings: list[Finding]) -> None:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for finding in findings:
        _print_finding(name, finding, width)
    if findings:
        typer.echo()
    typer.echo(textwrap.fill(printable(f"{name}: {_size(result)}{_count(findings)}"), width, subsequent_indent="  "))


def _print_finding(name: str, finding: Finding, width: int) -> None:
    place = ":".join(str(part) for part in (name, finding.line, finding.column) if part is not None)
    severity = typer.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    typer.echo(f"{printable(place)}: {severity} {finding.code}")
    typer.echo(textwrap.fill(printable(finding.message), width, initial_indent="  ", subsequent_indent="  "))


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
